//! `create_instance`, the body of an exported function, and its counterparts on the caller's side.

use crate::part;
use mapisync::abi::{IMAPISession, IMAPISync};
use mapisync::testing::reference_count;
use mapisync::{ComPtr, Error, GUID, HRESULT, Interface, Result, create_instance};
use std::ffi::c_void;
use std::panic::panic_any;
use std::ptr;
use test_support::{DropCounter, PanicOnDrop};

fn object(counter: &DropCounter) -> Result<ComPtr<IMAPISync>> {
    part::object(counter).cast()
}

/// Calls `create_instance` with an IID and an out parameter at the same odd address.
fn create(iid: GUID, create: impl FnOnce() -> Result<ComPtr<IMAPISync>>) -> (HRESULT, *mut c_void) {
    let mut words = [0_u64; 3];
    let riid = words.as_mut_ptr().wrapping_byte_add(1).cast::<GUID>();
    let ppv = riid.cast::<*mut c_void>();
    // SAFETY: both places lie in the array, and every access is unaligned.
    unsafe {
        riid.write_unaligned(iid);
        (create_instance(riid, ppv, create), ppv.read_unaligned())
    }
}

/// An error whose drop panics.
#[derive(Debug, thiserror::Error)]
#[error("in use")]
struct DropsWithPanic;

impl Drop for DropsWithPanic {
    fn drop(&mut self) {
        panic!("the error panics, as this test demands");
    }
}

#[test]
fn every_failure_stores_null_and_leaks_nothing() {
    type Create = fn(&DropCounter) -> Result<ComPtr<IMAPISync>>;
    let panics: Create = |counter| {
        let _object = object(counter);
        panic!("the creation panics, as this test demands")
    };
    let drop_panics: Create = |_| Err(Error::with_source(HRESULT::MAPI_E_BUSY, DropsWithPanic));
    let refused: Create = |_| Err(HRESULT::MAPI_E_LOGON_FAILED.into());
    let (sync, other) = (IMAPISync::IID, IMAPISession::IID);
    let cases: [(&str, Create, GUID, HRESULT, usize); 6] = [
        ("another IID", object, other, HRESULT::E_NOINTERFACE, 1),
        ("an error", refused, sync, HRESULT::MAPI_E_LOGON_FAILED, 0),
        ("a success", |_| Err(HRESULT::S_FALSE.into()), sync, HRESULT::E_FAIL, 0),
        ("a panic", panics, sync, HRESULT::E_UNEXPECTED, 1),
        ("nested", |_| panic_any(PanicOnDrop(3)), sync, HRESULT::E_UNEXPECTED, 0),
        ("an error's drop", drop_panics, sync, HRESULT::E_UNEXPECTED, 0),
    ];
    for (name, creates, iid, expected, drops) in cases {
        let counter = DropCounter::default();
        let (code, found) = create(iid, || creates(&counter));
        assert_eq!((code, found), (expected, ptr::null_mut()), "{name}");
        assert_eq!(counter.drops(), drops, "{name}");
    }
}

#[test]
fn create_with_returns_what_the_function_creates() {
    let counter = DropCounter::default();
    // SAFETY: `create_instance` follows the rules of COM.
    let create = |create: fn(&DropCounter) -> Result<ComPtr<IMAPISync>>| unsafe {
        ComPtr::<IMAPISync>::create_with(|riid, ppv| {
            create_instance(riid, ppv, || create(&counter))
        })
    };
    let sync = create(object).unwrap();
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
    let refused = create(|_| Err(HRESULT::MAPI_E_LOGON_FAILED.into()));
    assert_eq!(test_support::code(refused), HRESULT::MAPI_E_LOGON_FAILED);
}

#[test]
fn query_interface_adds_a_reference_or_says_why_not() {
    let counter = DropCounter::default();
    let sync = object(&counter).unwrap();
    let found = sync.query_interface(&IMAPISync::IID).unwrap();
    assert_eq!(reference_count(&sync), 2);
    assert_eq!(found.as_raw().addr(), sync.as_raw().addr());
    drop(found);
    let error = sync.query_interface(&IMAPISession::IID).unwrap_err();
    assert!(matches!(error, Error::QueryInterface { .. }));
    assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    let message = error.to_string();
    let expected = "QueryInterface for the interface {0002030";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
}
