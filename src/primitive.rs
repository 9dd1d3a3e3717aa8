//! Atomics, locks and shared pointers, where threads meet: the standard library's. Under
//! `--cfg mapisync_loom` the tests have those of `loom` instead, which runs a model of several
//! threads once for each order in which they can meet.

#[cfg(all(test, mapisync_loom))]
mod loom;

#[cfg(not(all(test, mapisync_loom)))]
pub(crate) use core::sync::atomic;
#[cfg(all(feature = "std", not(all(test, mapisync_loom))))]
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[cfg(all(test, mapisync_loom))]
pub(crate) use self::loom::*;
