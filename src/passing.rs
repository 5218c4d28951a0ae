//! What may pass by itself: too little memory, too few threads or descriptors, a disk that does not answer.
//!
//! A command that fails for such a reason has exit code 1, so that a service manager tries again; 78 is for what stays
//! as it is. An allocation that the standard library cannot make ends the process (SIGABRT), and nothing can catch
//! that; so large ones are asked for in advance, with [`expect_room`].

use std::collections::TryReserveError;
use std::error::Error;
use std::io;

/// Why something failed that may work when it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// The machine, or a limit, gives no more memory.
    Memory,
    /// The system gives no more threads.
    Threads,
    /// Too many files are open.
    Descriptors,
    /// A disk or a network file system failed.
    Storage,
}

impl Passing {
    /// The first reason among an error and its causes that may pass; `None` if there is none.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        causes.find_map(|cause| {
            if cause.is::<OutOfMemory>() || cause.is::<TryReserveError>() {
                return Some(Self::Memory);
            }
            cause.downcast_ref::<io::Error>().and_then(Self::of_io)
        })
    }

    /// Whether an error, or one of its causes, is that a file is not there. Of a file on a disk that is mounted late that
    /// passes; of a misspelt one it does not.
    pub fn is_missing(error: &(dyn Error + 'static)) -> bool {
        let mut causes = std::iter::successors(Some(error), |&error| error.source());
        causes.any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::NotFound))
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        use rustix::io::Errno;
        if error.get_ref().is_some_and(|inner| inner.is::<NoThread>()) {
            return Some(Self::Threads);
        }
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => Some(Self::Descriptors),
            Some(Errno::IO | Errno::STALE | Errno::TIMEDOUT) => Some(Self::Storage),
            _ => (error.kind() == io::ErrorKind::OutOfMemory).then_some(Self::Memory),
        }
    }

    /// What is short, and what to do, to follow the error's message.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Memory => "memory is short: free some, or raise the limit (MemoryMax=, ulimit -v), and try again",
            Self::Threads => {
                "the system gives no more threads: memory is short, or raise the limit (TasksMax=, ulimit -u, ulimit \
                 -v), and try again"
            }
            Self::Descriptors => "too many files are open: raise the limit (LimitNOFILE=, ulimit -n), and try again",
            Self::Storage => "the disk or the network file system failed: check it, and try again",
        }
    }
}

/// A thread that the system did not start.
#[derive(Debug, thiserror::Error)]
#[error("the thread '{name}' cannot be started: {cause}")]
pub struct NoThread {
    /// The thread's name.
    name: String,
    /// The system's error.
    #[source]
    cause: io::Error,
}

impl NoThread {
    /// The error of an attempt to start the thread `name`. It keeps the kind of its cause.
    pub fn error(name: &str, cause: io::Error) -> io::Error {
        io::Error::new(cause.kind(), Self { name: name.to_owned(), cause })
    }
}

/// An allocation that the system refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory: {0}")]
pub struct OutOfMemory(String);

impl OutOfMemory {
    /// The shortage that a panic's message tells of; `None` if it is about something else. The engine asserts that its
    /// allocations succeed.
    pub fn of_panic(message: &str) -> Option<Self> {
        message.contains("failed to allocate").then(|| Self(message.to_owned()))
    }
}

impl From<OutOfMemory> for io::Error {
    fn from(error: OutOfMemory) -> Self {
        Self::new(io::ErrorKind::OutOfMemory, error)
    }
}

/// Whether `bytes` more can be had now. Takes them for a moment, without touching them.
///
/// # Errors
/// The system refuses them.
pub fn expect_room(bytes: usize) -> Result<(), OutOfMemory> {
    let mut room: Vec<u8> = Vec::new();
    let outcome = room.try_reserve_exact(bytes);
    // An allocation that nobody uses may otherwise be optimised away, and then always succeeds.
    std::hint::black_box(&mut room);
    outcome.map_err(|_| OutOfMemory(format!("the system refuses {} MiB", bytes >> 20)))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("model.onnx: {0}")]
    struct Wrapped(#[source] io::Error);

    #[test]
    fn a_cause_that_may_pass_is_found_however_deep_it_is() {
        let of_number = |number: Errno| Passing::of(&Wrapped(number.into()));
        assert_eq!(of_number(Errno::NOMEM), Some(Passing::Memory));
        let no_thread = NoThread::error("broker", Errno::AGAIN.into());
        assert!(no_thread.to_string().starts_with("the thread 'broker' cannot be started: "), "{no_thread}");
        assert_eq!(Passing::of(&Wrapped(no_thread)), Some(Passing::Threads));
        // A pipe that takes nothing at the moment.
        assert_eq!(of_number(Errno::AGAIN), None);
        assert_eq!(of_number(Errno::MFILE), Some(Passing::Descriptors));
        assert_eq!(of_number(Errno::NFILE), Some(Passing::Descriptors));
        assert_eq!(of_number(Errno::IO), Some(Passing::Storage));
        assert_eq!(of_number(Errno::STALE), Some(Passing::Storage));
        for lasting in [Errno::NOENT, Errno::ACCESS, Errno::ISDIR, Errno::NOTDIR, Errno::NAMETOOLONG, Errno::LOOP] {
            assert_eq!(of_number(lasting), None, "{lasting}");
        }
        assert!(
            Passing::is_missing(&Wrapped(Errno::NOENT.into())) && !Passing::is_missing(&Wrapped(Errno::ACCESS.into()))
        );
        assert_eq!(Passing::of(&Wrapped(OutOfMemory("1 GiB".to_owned()).into())), Some(Passing::Memory));
        assert_eq!(
            Passing::of(&Wrapped(Vec::<u8>::new().try_reserve(usize::MAX).unwrap_err().into())),
            Some(Passing::Memory)
        );
    }

    #[test]
    fn room_that_no_machine_has_is_refused() {
        assert!(expect_room(1 << 20).is_ok());
        let error = expect_room(1 << 56).unwrap_err();
        assert!(error.to_string().contains("refuses 68719476736 MiB"), "{error}");
        assert_eq!(Passing::of(&error), Some(Passing::Memory));
    }

    #[test]
    fn only_a_panic_over_an_allocation_is_a_shortage() {
        let found = "panicked at blob.rs:76:13: failed to allocate Layout { size: 4, align: 64 (1 << 6) }";
        assert!(OutOfMemory::of_panic(found).is_some());
        assert!(OutOfMemory::of_panic("index out of bounds").is_none());
    }
}
