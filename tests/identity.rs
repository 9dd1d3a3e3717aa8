//! COM's rules for `QueryInterface`, on objects with one interface and with several, including
//! users' own interfaces.

use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComObject, ComPtr, Error, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use test_support::{
    DropCounter, DropToken, bare_object, garbage, misbehaving_object, outlook, query, store,
};

/// The middle of a hand-written chain: `IFolder` extends `IContainer`, which extends `IUnknown`.
#[repr(C)]
struct IContainer {
    vtbl: *const IContainerVtbl,
}

#[repr(C)]
struct IContainerVtbl {
    base: IUnknownVtbl,
    add: unsafe extern "system" fn(this: *mut IContainer, by: u32) -> HRESULT,
}

#[repr(C)]
struct IFolder {
    vtbl: *const IFolderVtbl,
}

#[repr(C)]
struct IFolderVtbl {
    base: IContainerVtbl,
    total: unsafe extern "system" fn(this: *mut IFolder, out: *mut u32) -> HRESULT,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots, as the
// two structs above have it. No other interface has this IID.
unsafe impl Interface for IContainer {
    type Vtbl = IContainerVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x01);
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots, as the
// two structs above have it. No other interface has this IID.
unsafe impl Interface for IFolder {
    type Vtbl = IFolderVtbl;
    type Base = IContainer;
    const IID: GUID = GUID::from_u128(0x02);
}

/// A payload with three interfaces. Their bases are two more.
struct Store {
    total: AtomicU32,
    _token: DropToken,
}

impl Class for Store {
    type Interfaces = (IMAPISync, IFolder, IMAPISyncProgressCallback);
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        self.total.fetch_add(1000, SeqCst);
        Ok(())
    }
}

impl MapiSyncProgressCallback for Store {
    fn progress(&self, _: Option<&str>, index: u32, _: u32) -> Result<()> {
        self.total.fetch_add(index, SeqCst);
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

// SAFETY: the `IUnknown` slots are those of `Thunk` for this index. The methods use the index of
// the vtable that they are in.
unsafe impl<const INDEX: usize> ImplementedBy<Store, INDEX> for IFolder {
    const VTABLE: &'static IFolderVtbl = &IFolderVtbl {
        base: IContainerVtbl {
            base: Thunk::<Store, INDEX>::UNKNOWN,
            add: add::<INDEX>,
        },
        total: total::<INDEX>,
    };
}

unsafe extern "system" fn add<const INDEX: usize>(this: *mut IContainer, by: u32) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function, so `this` is this interface of a
    // live object.
    unsafe {
        Thunk::<Store, INDEX>::call(this, |store| {
            store.total.fetch_add(by, SeqCst);
            if by == 13 { panic!("unlucky") } else { Ok(()) }
        })
    }
}

unsafe extern "system" fn total<const INDEX: usize>(this: *mut IFolder, out: *mut u32) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function, so `this` is this interface of a
    // live object. The tests pass a valid `out`.
    unsafe {
        *out = Thunk::<Store, INDEX>::payload(this).total.load(SeqCst);
    }
    HRESULT::S_OK
}

fn make(counter: &DropCounter) -> ComObject<Store> {
    ComObject::new(Store {
        total: AtomicU32::new(0),
        _token: counter.token(),
    })
}

const INTERFACES: [(&str, GUID); 5] = [
    ("IUnknown", IUnknown::IID),
    ("IMAPISync", IMAPISync::IID),
    ("IContainer", IContainer::IID),
    ("IFolder", IFolder::IID),
    ("IMAPISyncProgressCallback", IMAPISyncProgressCallback::IID),
];

/// Calls `QueryInterface` with an IID whose interface has no Rust type here. Returns `None` for an
/// interface that the object does not have.
fn query_iid(from: &ComPtr<IUnknown>, iid: &GUID) -> Option<ComPtr<IUnknown>> {
    let mut out = garbage();
    // SAFETY: both pointers are valid.
    let code = unsafe { query(from, iid, &mut out) };
    assert_eq!(
        code,
        if out.is_null() {
            HRESULT::E_NOINTERFACE
        } else {
            HRESULT::S_OK
        }
    );
    // SAFETY: on success `out` owns a reference to an interface, whose vtable begins with that of
    // `IUnknown`. Otherwise it is NULL.
    unsafe { ComPtr::from_raw(out.cast()) }
}

#[test]
fn from_every_interface_every_other_is_reached_and_the_identity_is_one() {
    let counter = DropCounter::default();
    let object = make(&counter);
    let identity = object.cast::<IUnknown>().unwrap();
    assert_eq!(reference_count(&identity), 2);
    for (from_name, from) in &INTERFACES {
        let here = query_iid(&identity, from).unwrap_or_else(|| panic!("no {from_name}"));
        assert_eq!(
            query_iid(&here, from).unwrap().as_raw(),
            here.as_raw(),
            "{from_name} is reflexive"
        );
        for (to_name, to) in &INTERFACES {
            let there = query_iid(&here, to).unwrap_or_else(|| panic!("{from_name} → {to_name}"));
            assert_eq!(
                query_iid(&there, from).unwrap().as_raw(),
                here.as_raw(),
                "{to_name} → {from_name} leads back"
            );
            let unknown = query_iid(&there, &IUnknown::IID).unwrap();
            assert_eq!(
                unknown.as_raw(),
                identity.as_raw(),
                "one IUnknown from {to_name}"
            );
            assert!(there.is_same_object(&here));
        }
        assert!(query_iid(&here, &IMAPISession::IID).is_none());
        assert!(query_iid(&here, &GUID::from_u128(0x03)).is_none());
    }
    assert_eq!(
        reference_count(&identity),
        2,
        "every added reference was released"
    );
    drop((object, identity));
    assert_eq!(counter.drops(), 1);
}

#[test]
fn an_interface_and_its_base_have_the_same_pointer() {
    let object = make(&DropCounter::default());
    let folder = object.cast::<IFolder>().unwrap();
    let container = folder.cast::<IContainer>().unwrap();
    assert_eq!(
        container.as_raw().cast::<c_void>(),
        folder.as_raw().cast::<c_void>()
    );
}

#[test]
fn methods_of_every_interface_find_the_payload() {
    let object = make(&DropCounter::default());
    let folder = object.cast::<IFolder>().unwrap();
    let container = object.cast::<IContainer>().unwrap();
    let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
    let sync = object.cast::<IMAPISync>().unwrap();
    // SAFETY: the pointers own references to live interfaces of these types.
    unsafe {
        assert_eq!(
            ((*folder.vtbl()).base.add)(folder.as_raw().cast(), 1),
            HRESULT::S_OK
        );
        assert_eq!(
            ((*container.vtbl()).add)(container.as_raw(), 10),
            HRESULT::S_OK
        );
        assert_eq!(
            ((*container.vtbl()).add)(container.as_raw(), 13),
            HRESULT::E_UNEXPECTED,
            "a panic in a method of a user's interface"
        );
    }
    assert_eq!(callback.progress(None, 100, 0), HRESULT::S_OK);
    outlook().without_callback().run(&sync).assert_ok();
    let mut total = 0;
    // SAFETY: `folder` is alive, and `total` is writable.
    let code = unsafe { ((*folder.vtbl()).total)(folder.as_raw(), &mut total) };
    assert_eq!((code, total), (HRESULT::S_OK, 1 + 10 + 13 + 100 + 1000));
    assert_eq!(object.total.load(SeqCst), total);
}

#[test]
fn null_arguments_of_query_interface_are_e_pointer() {
    let sync = store(|_| Ok(()));
    let mut out = garbage();
    // SAFETY: the arguments are valid or NULL, which `QueryInterface` checks.
    unsafe {
        assert_eq!(
            query(&sync, &IMAPISync::IID, ptr::null_mut()),
            HRESULT::E_POINTER
        );
        assert_eq!(
            query(&sync, ptr::null(), ptr::null_mut()),
            HRESULT::E_POINTER
        );
        assert_eq!(query(&sync, ptr::null(), &mut out), HRESULT::E_POINTER);
    }
    assert!(out.is_null());
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn the_iid_and_the_out_parameter_may_have_odd_addresses() {
    let sync = store(|_| Ok(()));
    for (iid, expected) in [
        (IMAPISync::IID, HRESULT::S_OK),
        (IUnknown::IID, HRESULT::S_OK),
        (IMAPISession::IID, HRESULT::E_NOINTERFACE),
    ] {
        // One of two neighboring addresses is odd.
        for shift in 0..size_of::<usize>() {
            let (mut iid_bytes, mut out_bytes) = ([0_u8; 32], [0xA5_u8; 32]);
            let riid = iid_bytes.as_mut_ptr().wrapping_add(shift).cast::<GUID>();
            let ppv = out_bytes
                .as_mut_ptr()
                .wrapping_add(shift)
                .cast::<*mut c_void>();
            // SAFETY: both pointers lie within the arrays with enough room, and every access is
            // unaligned.
            let out = unsafe {
                riid.write_unaligned(iid);
                assert_eq!(query(&sync, riid, ppv), expected);
                ComPtr::<IUnknown>::from_raw(ppv.read_unaligned().cast())
            };
            assert_eq!(out.is_some(), expected.is_ok());
            assert_eq!(reference_count(&sync), 1 + u32::from(out.is_some()));
            assert_eq!(
                out_bytes[shift + size_of::<usize>()],
                0xA5,
                "the next byte is unchanged"
            );
        }
    }
}

/// The addresses of `riid` and `ppv` have no bit in common, so a bitwise AND of them is 0.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot map memory at a chosen address")]
fn addresses_without_a_common_bit_are_not_null() {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    const LENGTH: usize = 4096;
    let object = make(&DropCounter::default());
    let unknown = object.cast::<IUnknown>().unwrap();
    let [iid_page, out_page] = [0x1000_0000, 0x2000_0000].map(|at| {
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: without `MAP_FIXED` the mapping is new, at any address.
        unsafe { mmap_anonymous(ptr::without_provenance_mut(at), LENGTH, access, kind) }.unwrap()
    });
    if iid_page.addr() & out_page.addr() != 0 {
        return test_support::skip("the two addresses are taken");
    }
    let (iid, ppv) = (iid_page.cast::<GUID>(), out_page.cast::<*mut c_void>());
    // SAFETY: both pages are mapped, and unmapped after the last access.
    unsafe {
        iid.write(IFolder::IID);
        assert_eq!(query(&unknown, iid, ppv), HRESULT::S_OK);
        drop(ComPtr::from_raw(ppv.read().cast::<IFolder>()).unwrap());
        iid.write(IMAPISession::IID);
        assert_eq!(query(&unknown, iid, ppv), HRESULT::E_NOINTERFACE);
        assert!(ppv.read().is_null());
        munmap(iid_page, LENGTH).unwrap();
        munmap(out_page, LENGTH).unwrap();
    }
    assert_eq!(reference_count(&unknown), 2);
}

#[test]
fn an_iid_that_differs_in_one_bit_is_not_found() {
    let object = make(&DropCounter::default());
    let unknown = object.cast::<IUnknown>().unwrap();
    for (name, iid) in &INTERFACES {
        for bit in 0..128 {
            let other = GUID::from_u128(iid.to_u128() ^ 1 << bit);
            assert!(query_iid(&unknown, &other).is_none(), "{name}, bit {bit}");
        }
    }
    assert_eq!(reference_count(&unknown), 2);
}

#[test]
fn is_same_object_compares_identities() {
    let (a, b) = (store(|_| Ok(())), store(|_| Ok(())));
    assert!(a.is_same_object(&a.clone()));
    assert!(a.is_same_object(&a.cast::<IUnknown>().unwrap()));
    assert!(!a.is_same_object(&b));
    assert!(!bare_object().is_same_object(&a));
    assert_eq!((reference_count(&a), reference_count(&b)), (1, 1));
}

#[test]
fn a_missing_interface_is_named_in_the_error() {
    let sync = store(|_| Ok(()));
    let error = sync.cast::<IMAPISession>().unwrap_err();
    let Error::QueryInterface { interface, .. } = error else {
        panic!("{error:?}");
    };
    assert!(interface.ends_with("::IMAPISession"), "{interface}");
    assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    assert!(
        error
            .to_string()
            .contains("{00020300-0000-0000-C000-000000000046}"),
        "{error}"
    );
    assert_eq!(reference_count(&sync), 1);
}

#[test]
fn the_out_parameter_of_a_foreign_query_interface_is_not_trusted() {
    let unknown = misbehaving_object(HRESULT::E_ACCESSDENIED, garbage());
    // After a failure the out parameter is not used. A `Release` through the garbage would crash.
    let error = unknown.cast::<IMAPISync>().unwrap_err();
    assert_eq!(error.hresult(), HRESULT::E_ACCESSDENIED);
    let unknown = misbehaving_object(HRESULT::S_OK, ptr::null_mut());
    let error = unknown.cast::<IMAPISync>().unwrap_err();
    assert!(matches!(error, Error::NullInterface { .. }), "{error:?}");
    assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    assert!(unknown.is_same_object(&unknown.clone()));
    assert!(!unknown.is_same_object(&bare_object()));
}

/// An over-aligned payload with the largest number of interfaces.
#[repr(align(128))]
struct Wide(u64);

impl Class for Wide {
    type Interfaces = (
        IUnknown,
        IUnknown,
        IUnknown,
        IUnknown,
        IUnknown,
        IUnknown,
        IMAPISync,
        IMAPISyncProgressCallback,
    );
}

impl MapiSync for Wide {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Err(HRESULT(-(self.0 as i32)).into())
    }
}

impl MapiSyncProgressCallback for Wide {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Err(HRESULT(-(self.0 as i32)).into())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

#[test]
fn eight_interfaces_and_an_over_aligned_payload_work() {
    let object = ComObject::new(Wide(77));
    assert!((&raw const *object).is_aligned());
    let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
    let sync = callback.cast::<IMAPISync>().unwrap();
    assert_eq!(callback.progress(None, 0, 0), HRESULT(-77));
    let mut event_handle = garbage();
    // SAFETY: the request is valid for the call.
    let code = unsafe {
        sync.synchronize_in_background(&mut test_support::request(
            ptr::null_mut(),
            &mut event_handle,
        ))
    };
    assert_eq!((code, event_handle.is_null()), (HRESULT(-77), true));
    assert!(sync.is_same_object(&callback));
    assert_eq!(reference_count(&sync), 3);
}
