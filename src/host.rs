//! The machine's name.

/// The host name as the kernel has it; `None` if it is empty or not UTF-8. A sandbox that hides /proc does not hide it.
pub fn name() -> Option<String> {
    let system = rustix::system::uname();
    system.nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}
