//! Shared by the tests.

#![allow(dead_code, reason = "each test program uses its part")]

#[cfg(target_os = "linux")]
pub(crate) mod limits;
pub(crate) mod schema;
#[cfg(target_os = "linux")]
pub(crate) mod seccomp;
