//! Live and ready: whether a restart would help, and whether readers get verdicts now. A service may be live and not
//! ready, for instance while its camera is unplugged.

use super::health::Snapshot;
use super::state::{Degradation, State};

impl Snapshot {
    /// Whether the process does its work. Only a restart ends what is wrong if it does not.
    ///
    /// # Errors
    /// Why it does not, in one line.
    pub fn live(&self) -> Result<(), String> {
        if self.state.to != State::Degraded(Degradation::Hung) {
            return Ok(());
        }
        let (thread, busy) = self.busiest;
        Err(format!(
            "hung: the thread '{thread}' has been busy with one frame for {} s; restart purecam",
            busy.as_secs()
        ))
    }

    /// Whether verdicts are being made, and reach every required output. A frame that the models have seen and are not
    /// sure of counts as a verdict here.
    ///
    /// # Errors
    /// What is missing, in one line.
    pub fn ready(&self) -> Result<(), String> {
        self.live()?;
        let state = self.state.to;
        match state {
            State::Running | State::Degraded(Degradation::Slow | Degradation::Output) => {}
            _ => return Err(state.to_string()),
        }
        match self.last_age.into_iter().chain(self.unsure_age).min() {
            None => return Err(format!("no verdict yet; {state}")),
            Some(age) if age > self.silence => {
                return Err(format!("no verdict for {:.1} s; {state}", age.as_secs_f64()));
            }
            Some(_) => {}
        }
        match self.numbers.failing().find(|(_, _, required)| *required) {
            Some((key, fault, _)) => Err(format!("{key} {}: {}", fault.problem.kind, fault.problem.detail)),
            None => Ok(()),
        }
    }
}
