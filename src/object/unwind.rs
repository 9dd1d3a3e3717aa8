//! The one place where unwinding stops.
//!
//! A panic that leaves an `extern "system"` function ends the process, and with it the mail client
//! and the user's unsaved message. All user code therefore runs in [`catch`] when foreign code has
//! called it.
//!
//! `AssertUnwindSafe` is correct, because unwind safety does not concern memory safety. A payload
//! that a panic left half-changed is as sound as a `Mutex` whose poison was cleared.
//!
//! Without `std` nothing can be caught. A panic that reaches a thunk aborts, as Rust guarantees.

use crate::abi::HRESULT;
use crate::error::Result;

/// Runs `code`, and returns the panic if it panics.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> core::result::Result<R, Panic> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(code))
        .map_err(|payload| Panic(Some(payload)))
}

/// Runs `code`. If it panics, a second panic during unwinding ends the process.
#[cfg(not(feature = "std"))]
#[inline(always)]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> core::result::Result<R, Panic> {
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            panic!("a panic reached a COM boundary");
        }
    }
    let abort = Abort;
    let result = code();
    core::mem::forget(abort);
    Ok(result)
}

/// Runs a method and returns its `HRESULT`: the value in `Ok`, the code of an error, or
/// `E_UNEXPECTED` if the method panics.
#[inline(always)]
pub(crate) fn catch_hresult<R: Into<HRESULT>>(method: impl FnOnce() -> Result<R>) -> HRESULT {
    // The conversion and the error's drop are the user's code too, so both are caught.
    let converted = || match method() {
        Ok(value) => value.into(),
        Err(error) => error.hresult(),
    };
    catch(converted).unwrap_or(HRESULT::E_UNEXPECTED)
}

/// A panic that was caught. Dropping it never panics.
#[cfg(feature = "std")]
pub(crate) struct Panic(Option<alloc::boxed::Box<dyn core::any::Any + Send>>);

/// A type without values: without `std` no panic is caught.
#[cfg(not(feature = "std"))]
pub(crate) enum Panic {}

#[cfg(feature = "std")]
impl Drop for Panic {
    fn drop(&mut self) {
        // The payload's `Drop` may panic, and so may the `Drop` of the payload of that panic. After
        // 16 of them the last one is leaked.
        for _ in 0..16 {
            let Some(payload) = self.0.take() else { return };
            let dropping = std::panic::AssertUnwindSafe(|| drop(payload));
            self.0 = std::panic::catch_unwind(dropping).err();
        }
        core::mem::forget(self.0.take());
    }
}
