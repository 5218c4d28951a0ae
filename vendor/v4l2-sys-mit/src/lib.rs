//! Structures and constants of linux/videodev2.h. See README.md.
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::all)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("these bindings were generated for 64-bit Linux; vendor/v4l2-sys-mit/README.md says how to make others");

include!("bindings.rs");
