//! The standard library's atomics, locks and shared pointers.
//!
//! With `--cfg mapisync_loom`, tests use the primitives of `loom` instead. `loom` runs a model of
//! several threads once for each order in which their operations can happen.

#[cfg(all(test, mapisync_loom))]
mod loom;

#[cfg(not(all(test, mapisync_loom)))]
pub(crate) use core::sync::atomic;
#[cfg(all(feature = "std", not(all(test, mapisync_loom))))]
pub(crate) use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

#[cfg(all(test, mapisync_loom))]
pub(crate) use self::loom::*;
