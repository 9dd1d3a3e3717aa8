//! Foreign objects whose `QueryInterface` misbehaves: no caller gets NULL as a success or garbage
//! as a failure, and nothing is released through the garbage.

use crate::part::Part;
use crate::rules::find;
use crate::synchronize;
use mapisync::abi::{IMAPISession, IMAPISync, IUnknown};
use mapisync::aggregation::aggregate_foreign;
use mapisync::testing::reference_count;
use mapisync::{ComPtr, Error, HRESULT, InnerObject, Interface};
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use test_support::{DropCounter, bare_object, code, garbage, misbehaving_object, query, store};

/// What a `QueryInterface` returns and stores, and the code that its caller must get.
fn misbehavior() -> [(HRESULT, *mut c_void, HRESULT); 5] {
    let null = ptr::null_mut();
    [
        (HRESULT::S_OK, null, HRESULT::E_NOINTERFACE),
        (HRESULT::S_FALSE, null, HRESULT::E_NOINTERFACE),
        (HRESULT::E_NOINTERFACE, garbage(), HRESULT::E_NOINTERFACE),
        (HRESULT::E_ACCESSDENIED, garbage(), HRESULT::E_ACCESSDENIED),
        (HRESULT::MAPI_E_BUSY, null, HRESULT::MAPI_E_BUSY),
    ]
}

/// Queries an object for an interface of a misbehaving one. The out parameter has an odd address.
fn query_odd<I: Interface>(object: &ComPtr<I>) -> (HRESULT, *mut c_void) {
    let mut buffer = [garbage(); 2];
    let odd = buffer.as_mut_ptr().wrapping_byte_add(1);
    // SAFETY: `odd` is writable for one pointer, because the buffer has room for two.
    unsafe { (query(object, &IMAPISession::IID, odd), odd.read_unaligned()) }
}

#[test]
fn neither_null_as_success_nor_garbage_as_failure_is_passed_on() {
    for (returned, stored, expected) in misbehavior() {
        let object = misbehaving_object(returned, stored);
        assert_eq!(code(object.cast::<IMAPISync>()), expected, "cast");
        let found = object.query_interface(&IMAPISync::IID);
        assert_eq!(code(found), expected, "query_interface");
        // SAFETY: the function stores NULL, or fails.
        let created = unsafe {
            ComPtr::<IMAPISync>::create_with(|_, ppv| {
                *ppv = stored;
                returned
            })
        };
        assert_eq!(code(created), expected, "create_with");

        let sync = store(|_| Ok(()));
        let (started, event_handle) = synchronize(&sync, Some(&object));
        assert_eq!((started, event_handle.is_null()), (expected, true), "start");

        let refused = (expected, ptr::null_mut());
        let part = Part::new(&DropCounter::default());
        let controlling = NonNull::new(object.as_raw()).unwrap();
        // SAFETY: the outer outlives the inner. Its `IUnknown` is free-threaded.
        let inner = unsafe { InnerObject::new(controlling, part) };
        let sync = inner.cast::<IMAPISync>().unwrap();
        assert_eq!(query_odd(&sync), refused, "an inner");
        drop((sync, inner));

        let (part, own) = (Part::new(&DropCounter::default()), object.clone().into_raw());
        // SAFETY: the inner's `IUnknown` is free-threaded, and the whole gets a reference to it.
        let whole = unsafe { aggregate_foreign(part, |_| Ok(own)) }.unwrap();
        assert_eq!(query_odd(&whole), refused, "an outer");
        assert!(find(&whole, &IMAPISync::IID).is_some());
        drop(whole);
        assert_eq!(reference_count(&object), 1);
    }
}

#[test]
fn an_object_that_denies_its_identity_is_the_same_only_by_its_pointer() {
    let object = misbehaving_object(HRESULT::S_OK, ptr::null_mut());
    let error = object.cast::<IUnknown>().unwrap_err();
    assert!(matches!(error, Error::NullInterface { .. }), "{error:?}");
    assert!(object.is_same_object(&object.clone()));
    assert!(!object.is_same_object(&bare_object()));
}
