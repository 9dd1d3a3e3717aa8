//! Panics in methods: each becomes an `HRESULT`, whatever its payload does when it is dropped.

use crate::part::{self, Part};
use mapisync::abi::IMAPISyncProgressCallback;
use mapisync::{Error, HRESULT, Result, Thunk};
use std::panic::panic_any;
use test_support::DropCounter;

/// Runs a method of an object and returns its `HRESULT`.
fn call<R: Into<HRESULT>>(method: impl FnOnce() -> Result<R>) -> HRESULT {
    let object = part::object(&DropCounter::default());
    let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
    // SAFETY: the callback is interface 0 of a Part, and lives until the end of this call.
    unsafe { Thunk::<Part, 0>::call(callback.as_raw(), |_| method()) }
}

#[test]
fn the_result_of_a_method_becomes_its_hresult() {
    assert_eq!(call(|| Ok(())), HRESULT::S_OK);
    assert_eq!(call(|| Ok(HRESULT::S_FALSE)), HRESULT::S_FALSE);
    assert_eq!(call(|| Ok(HRESULT::E_PENDING)), HRESULT::E_PENDING);
    let failed = call::<()>(|| Err(Error::NullEventLocation));
    assert_eq!(failed, HRESULT::E_INVALIDARG);
    assert_eq!(call::<()>(|| panic!("caught")), HRESULT::E_UNEXPECTED);
}

#[test]
fn a_panic_payload_that_panics_on_every_drop_is_leaked() {
    struct Endless;
    impl Drop for Endless {
        fn drop(&mut self) {
            panic_any(Endless);
        }
    }
    assert_eq!(call::<()>(|| panic_any(Endless)), HRESULT::E_UNEXPECTED);
}
