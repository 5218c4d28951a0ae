//! The machine's name, and its present boot.

/// The identifier of the machine's present boot, a UUID; `None` if the system does not say.
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim()).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// The host name as the kernel has it; `None` if it is empty or not UTF-8. A sandbox that hides /proc does not hide it.
pub fn name() -> Option<String> {
    let system = rustix::system::uname();
    system.nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}
