//! The one place where unwinding stops.
//!
//! A panic that leaves an `extern "system"` function ends the process: at best it takes the mail client and the
//! user's unsaved message along. So whatever runs code of the crate's user on behalf of a foreign caller runs it in
//! here. A caught panic carries a payload, a value of the user's whose own `Drop` may panic; it is dropped under a catch
//! of its own, and so is what that throws, a number of times; what goes on throwing is left alone.
//!
//! `AssertUnwindSafe` is right because it is no promise about memory: a payload that a panic left in the middle of
//! something is as sound as a `Mutex` whose poison was cleared. Without `std` there is nothing that could catch; a
//! panic that reaches a thunk then aborts, which the language guarantees for `extern "system"`.

use crate::abi::HRESULT;
use crate::error::Result;

/// Runs `code`, and answers `Err` with the panic's payload if it panics.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> core::result::Result<R, Panic> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(code))
        .map_err(|payload| Panic(Some(payload)))
}

/// Runs `code`, and ends the process if it panics: a panic while another unwinds does.
#[cfg(not(feature = "std"))]
#[inline(always)]
pub(crate) fn catch<R>(code: impl FnOnce() -> R) -> core::result::Result<R, Panic> {
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            panic!("a panic came to where it would leave Rust");
        }
    }
    let abort = Abort;
    let result = code();
    core::mem::forget(abort);
    Ok(result)
}

/// Runs a method and turns what it returns into its `HRESULT`: a panic becomes `E_UNEXPECTED`.
#[inline(always)]
pub(crate) fn hresult<R: Into<HRESULT>>(method: impl FnOnce() -> Result<R>) -> HRESULT {
    // Conversion and the error's drop are the user's code too, so both happen inside.
    let converted = || match method() {
        Ok(answer) => answer.into(),
        Err(error) => error.hresult(),
    };
    catch(converted).unwrap_or(HRESULT::E_UNEXPECTED)
}

/// A panic that was caught. Dropping it never panics.
#[cfg(feature = "std")]
pub(crate) struct Panic(Option<alloc::boxed::Box<dyn core::any::Any + Send>>);

/// Without unwinding there is none.
#[cfg(not(feature = "std"))]
pub(crate) enum Panic {}

#[cfg(feature = "std")]
impl Panic {
    /// What `panic!` was told, if it was a text, as it nearly always is.
    pub(crate) fn message(&self) -> Option<&str> {
        let payload = self.0.as_deref()?;
        payload.downcast_ref::<&str>().copied().or_else(|| {
            payload
                .downcast_ref::<alloc::string::String>()
                .map(|s| &**s)
        })
    }
}

#[cfg(feature = "std")]
impl Drop for Panic {
    fn drop(&mut self) {
        // A payload may panic when it is dropped, and that panic's payload may, and so on. Somewhere it has to end.
        for _ in 0..16 {
            let Some(payload) = self.0.take() else { return };
            let dropping = std::panic::AssertUnwindSafe(|| drop(payload));
            self.0 = std::panic::catch_unwind(dropping).err();
        }
        core::mem::forget(self.0.take());
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::error::Error;

    /// A payload that panics when dropped, with another like it, `0` times over.
    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 {
                std::panic::panic_any(Bomb(self.0 - 1));
            }
        }
    }

    #[test]
    fn what_a_method_returns_becomes_its_hresult() {
        assert_eq!(hresult(|| Ok(())), HRESULT::S_OK);
        assert_eq!(hresult(|| Ok(HRESULT::S_FALSE)), HRESULT::S_FALSE);
        assert_eq!(hresult(|| Ok(HRESULT::E_PENDING)), HRESULT::E_PENDING);
        assert_eq!(
            hresult::<()>(|| Err(Error::NoEventSlot)),
            HRESULT::E_INVALIDARG
        );
        assert_eq!(hresult::<()>(|| panic!("caught")), HRESULT::E_UNEXPECTED);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_caught_too() {
        for depth in [0, 1, 2, 3, 15] {
            assert_eq!(
                hresult::<()>(|| std::panic::panic_any(Bomb(depth))),
                HRESULT::E_UNEXPECTED
            );
        }
    }

    #[test]
    fn a_payload_that_panics_for_ever_is_given_up() {
        struct Endless;
        impl Drop for Endless {
            fn drop(&mut self) {
                std::panic::panic_any(Endless);
            }
        }
        assert_eq!(
            hresult::<()>(|| std::panic::panic_any(Endless)),
            HRESULT::E_UNEXPECTED
        );
    }

    #[test]
    fn the_message_is_kept_if_it_is_a_text() {
        let message =
            |panic: core::result::Result<(), Panic>| panic.unwrap_err().message().map(String::from);
        assert_eq!(message(catch(|| panic!("plain"))).as_deref(), Some("plain"));
        let n = 3;
        assert_eq!(
            message(catch(|| panic!("formatted {n}"))).as_deref(),
            Some("formatted 3")
        );
        assert_eq!(message(catch(|| std::panic::panic_any(7))), None);
    }
}
