//! `create_instance`, the body of an exported function, and `ComPtr::query_interface`.

use mapisync::abi::{IMAPISession, IMAPISync, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComObject, ComPtr, Error, GUID, HRESULT, Interface, MapiSync, Result, SyncRequest,
    create_instance,
};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use test_support::{DropCounter, PanicOnDrop, garbage, misbehaving_object};

/// A store that counts its drop.
struct Store(#[allow(dead_code)] test_support::DropToken);

impl Class for Store {
    type Interfaces = (IMAPISync,);
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

fn object(counter: &DropCounter) -> ComPtr<IMAPISync> {
    ComObject::new(Store(counter.token())).cast().unwrap()
}

#[test]
fn the_caller_owns_the_interface_that_it_has_requested() {
    let counter = DropCounter::default();
    for (drops, iid) in [IMAPISync::IID, IUnknown::IID].iter().enumerate() {
        let mut found = garbage();
        // SAFETY: both arguments are valid.
        let code = unsafe { create_instance(iid, &mut found, || Ok(object(&counter))) };
        assert_eq!((code, counter.drops()), (HRESULT::S_OK, drops));
        // SAFETY: the call has succeeded, so this is a pointer that owns a reference.
        let interface = unsafe { ComPtr::<IUnknown>::from_raw(found.cast()) }.unwrap();
        assert_eq!(reference_count(&interface), 1);
        drop(interface);
        assert_eq!(counter.drops(), drops + 1);
    }
}

#[test]
fn every_failure_stores_null_and_leaks_nothing() {
    type Create = fn(&DropCounter) -> Result<ComPtr<IMAPISync>>;
    let cases: [(Create, GUID, HRESULT); 6] = [
        (
            |counter| Ok(object(counter)),
            IMAPISession::IID,
            HRESULT::E_NOINTERFACE,
        ),
        (
            |_| Err(HRESULT::MAPI_E_LOGON_FAILED.into()),
            IMAPISync::IID,
            HRESULT::MAPI_E_LOGON_FAILED,
        ),
        (
            |_| Err(HRESULT::S_FALSE.into()),
            IMAPISync::IID,
            HRESULT::E_FAIL,
        ),
        (
            |counter| {
                let _object = object(counter);
                panic!("the creation panics, as this test demands")
            },
            IMAPISync::IID,
            HRESULT::E_UNEXPECTED,
        ),
        (
            |_| std::panic::panic_any(PanicOnDrop(3)),
            IMAPISync::IID,
            HRESULT::E_UNEXPECTED,
        ),
        (
            |_| Err(Error::with_source(HRESULT::MAPI_E_BUSY, DropsWithPanic)),
            IMAPISync::IID,
            HRESULT::E_UNEXPECTED,
        ),
    ];
    for (row, (create, iid, expected)) in cases.into_iter().enumerate() {
        let counter = DropCounter::default();
        let mut found = garbage();
        // SAFETY: both arguments are valid.
        let code = unsafe { create_instance(&iid, &mut found, || create(&counter)) };
        assert_eq!((code, found), (expected, ptr::null_mut()), "{row}");
        let created = matches!(row, 0 | 3);
        assert_eq!(counter.drops(), usize::from(created), "{row}");
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
fn null_arguments_are_refused_before_the_creation() {
    let is_called = Cell::new(false);
    let create = || {
        is_called.set(true);
        Ok(object(&DropCounter::default()))
    };
    let mut found = garbage();
    // SAFETY: the arguments are NULL or valid.
    unsafe {
        let null = ptr::null_mut();
        assert_eq!(
            create_instance(&IMAPISync::IID, null, create),
            HRESULT::E_POINTER
        );
        assert_eq!(
            create_instance(ptr::null(), null, create),
            HRESULT::E_POINTER
        );
        assert_eq!(
            create_instance(ptr::null(), &mut found, create),
            HRESULT::E_POINTER
        );
    }
    assert_eq!((found, is_called.get()), (ptr::null_mut(), false));
}

#[test]
fn the_arguments_may_lie_at_any_address_and_at_the_same() {
    let mut bytes = [0xA5; 64];
    for (riid, ppv) in [(1, 33), (0, 0), (8, 3)] {
        let base = bytes.as_mut_ptr();
        // SAFETY: both places lie in `bytes`, at any alignment.
        let found = unsafe {
            base.add(riid)
                .cast::<GUID>()
                .write_unaligned(IMAPISync::IID);
            let ppv = base.add(ppv).cast::<*mut c_void>();
            let create = || Ok(object(&DropCounter::default()));
            let code = create_instance(base.add(riid).cast::<GUID>(), ppv, create);
            assert_eq!(code, HRESULT::S_OK);
            ComPtr::<IUnknown>::from_raw(ppv.read_unaligned().cast())
        };
        assert_eq!(reference_count(&found.unwrap()), 1);
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
    let sync = create(|counter| Ok(object(counter))).unwrap();
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
    let error = create(|_| Err(HRESULT::MAPI_E_LOGON_FAILED.into())).unwrap_err();
    assert_eq!(error.hresult(), HRESULT::MAPI_E_LOGON_FAILED);

    for (code, stored, expected) in [
        (HRESULT::S_FALSE, ptr::null_mut(), HRESULT::E_NOINTERFACE),
        (HRESULT::MAPI_E_BUSY, garbage(), HRESULT::MAPI_E_BUSY),
    ] {
        // SAFETY: the function stores NULL, or fails.
        let created = unsafe {
            ComPtr::<IMAPISync>::create_with(|_, ppv| {
                *ppv = stored;
                code
            })
        };
        assert_eq!(created.unwrap_err().hresult(), expected);
    }
}

#[test]
fn query_interface_adds_a_reference_or_says_why_not() {
    let counter = DropCounter::default();
    let sync = object(&counter);
    for iid in [IMAPISync::IID, IUnknown::IID] {
        let found = sync.query_interface(&iid).unwrap();
        assert_eq!(reference_count(&sync), 2);
        assert!(found.is_same_object(&sync));
        assert_eq!(found.as_raw().addr(), sync.as_raw().addr());
    }
    let error = sync.query_interface(&IMAPISession::IID).unwrap_err();
    assert!(matches!(
        error,
        Error::QueryInterface {
            code: HRESULT::E_NOINTERFACE,
            ..
        }
    ));
    let message = error.to_string();
    assert!(
        message.starts_with("QueryInterface for the interface {0002030"),
        "{message}"
    );
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));

    for (code, out, expected) in [
        (HRESULT::S_OK, ptr::null_mut(), HRESULT::E_NOINTERFACE),
        (HRESULT::MAPI_E_BUSY, garbage(), HRESULT::MAPI_E_BUSY),
    ] {
        let broken = misbehaving_object(code, out);
        let error = broken.query_interface(&IUnknown::IID).unwrap_err();
        assert_eq!(error.hresult(), expected);
    }
}
