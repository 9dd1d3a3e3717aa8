//! COM's rules for QueryInterface, on objects with one interface and with several, own ones included.

mod common;

use common::{Grave, Liar, Tombstone, count, garbage, nobody, query, store};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::{
    Class, ComObject, ComPtr, Error, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A hand-laid chain: `IFolder` extends `IContainer` extends `IUnknown`.
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

// SAFETY: one pointer to a vtable that begins with its base's.
unsafe impl Interface for IContainer {
    type Vtbl = IContainerVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x01);
}

// SAFETY: as above.
unsafe impl Interface for IFolder {
    type Vtbl = IFolderVtbl;
    type Base = IContainer;
    const IID: GUID = GUID::from_u128(0x02);
}

/// A value that exposes four interfaces, two of them by inheritance.
struct Store {
    total: AtomicU32,
    _tombstone: Tombstone,
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

// SAFETY: `Thunk`'s slots, and methods that use the index of the vtable they are in.
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
    // SAFETY: only the vtable of this index holds this function.
    unsafe {
        Thunk::<Store, INDEX>::call(this, |store| {
            store.total.fetch_add(by, SeqCst);
            if by == 13 { panic!("unlucky") } else { Ok(()) }
        })
    }
}

unsafe extern "system" fn total<const INDEX: usize>(this: *mut IFolder, out: *mut u32) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function; `out` is valid, as the tests call it.
    unsafe {
        *out = Thunk::<Store, INDEX>::payload(this).total.load(SeqCst);
    }
    HRESULT::S_OK
}

fn make(grave: &Grave) -> ComObject<Store> {
    ComObject::new(Store {
        total: AtomicU32::new(0),
        _tombstone: grave.tombstone(),
    })
}

const OFFERED: [(&str, GUID); 5] = [
    ("IUnknown", IUnknown::IID),
    ("IMAPISync", IMAPISync::IID),
    ("IContainer", IContainer::IID),
    ("IFolder", IFolder::IID),
    ("IMAPISyncProgressCallback", IMAPISyncProgressCallback::IID),
];

/// QueryInterface through any interface pointer, as an owned `IUnknown`-shaped pointer.
fn ask(from: &ComPtr<IUnknown>, iid: &GUID) -> Option<ComPtr<IUnknown>> {
    let mut out = garbage();
    // SAFETY: both valid.
    let answer = unsafe { query(from, iid, &mut out) };
    assert_eq!(
        answer,
        if out.is_null() {
            HRESULT::E_NOINTERFACE
        } else {
            HRESULT::S_OK
        }
    );
    // SAFETY: on success an owned interface pointer; every interface begins with IUnknown.
    unsafe { ComPtr::from_raw(out.cast()) }
}

#[test]
fn from_every_interface_every_other_is_reached_and_the_identity_is_one() {
    let grave = Grave::default();
    let object = make(&grave);
    let identity = object.cast::<IUnknown>().unwrap();
    assert_eq!(count(&identity), 2);
    for (from_name, from) in &OFFERED {
        let here = ask(&identity, from).unwrap_or_else(|| panic!("no {from_name}"));
        assert_eq!(
            ask(&here, from).unwrap().as_raw(),
            here.as_raw(),
            "{from_name} is reflexive"
        );
        for (to_name, to) in &OFFERED {
            let there = ask(&here, to).unwrap_or_else(|| panic!("{from_name} → {to_name}"));
            assert_eq!(
                ask(&there, from).unwrap().as_raw(),
                here.as_raw(),
                "{to_name} → {from_name} leads back"
            );
            let unknown = ask(&there, &IUnknown::IID).unwrap();
            assert_eq!(
                unknown.as_raw(),
                identity.as_raw(),
                "one IUnknown from {to_name}"
            );
            assert!(there.is_same_object(&here));
        }
        assert!(ask(&here, &IMAPISession::IID).is_none());
        assert!(ask(&here, &GUID::from_u128(0x03)).is_none());
    }
    assert_eq!(count(&identity), 2, "every reference taken was given back");
    drop((object, identity));
    assert_eq!(grave.buried(), 1);
}

#[test]
fn an_interface_answers_for_the_one_it_extends_with_the_same_pointer() {
    let object = make(&Grave::default());
    let folder = object.cast::<IFolder>().unwrap();
    let container = folder.cast::<IContainer>().unwrap();
    assert_eq!(
        container.as_raw().cast::<c_void>(),
        folder.as_raw().cast::<c_void>()
    );
}

#[test]
fn methods_of_every_interface_find_the_payload() {
    let object = make(&Grave::default());
    let folder = object.cast::<IFolder>().unwrap();
    let container = object.cast::<IContainer>().unwrap();
    let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
    let sync = object.cast::<IMAPISync>().unwrap();
    // SAFETY: live interfaces of their types.
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
            "a panic in an own interface's method"
        );
    }
    assert_eq!(callback.progress(None, 100, 0), HRESULT::S_OK);
    let mut slot = garbage();
    let mut request = common::request(ptr::null_mut(), &mut slot);
    // SAFETY: a valid request.
    let answer = unsafe { sync.synchronize_in_background(&mut request) };
    assert_eq!(answer, HRESULT::S_OK);
    assert!(common::event(slot).unwrap().wait(None).unwrap());
    let mut total = 0;
    // SAFETY: a live IFolder, and a place for the result.
    let answer = unsafe { ((*folder.vtbl()).total)(folder.as_raw(), &mut total) };
    assert_eq!((answer, total), (HRESULT::S_OK, 1 + 10 + 13 + 100 + 1000));
    assert_eq!(object.total.load(SeqCst), total);
}

#[test]
fn null_arguments_of_query_interface_have_their_answers() {
    let sync = store(|_| Ok(()));
    let mut out = garbage();
    // SAFETY: NULL is allowed for both.
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
    assert_eq!(count(&sync), 1);
}

#[test]
fn iid_and_out_slot_may_lie_at_odd_addresses() {
    let sync = store(|_| Ok(()));
    for (iid, expected) in [
        (IMAPISync::IID, HRESULT::S_OK),
        (IUnknown::IID, HRESULT::S_OK),
        (IMAPISession::IID, HRESULT::E_NOINTERFACE),
    ] {
        // Of two neighbouring addresses one is odd.
        for shift in 0..size_of::<usize>() {
            let (mut iid_bytes, mut out_bytes) = ([0_u8; 32], [0xA5_u8; 32]);
            let riid = iid_bytes.as_mut_ptr().wrapping_add(shift).cast::<GUID>();
            let ppv = out_bytes
                .as_mut_ptr()
                .wrapping_add(shift)
                .cast::<*mut c_void>();
            // SAFETY: within the arrays, and accessed as unaligned.
            let out = unsafe {
                riid.write_unaligned(iid);
                assert_eq!(query(&sync, riid, ppv), expected);
                ComPtr::<IUnknown>::from_raw(ppv.read_unaligned().cast())
            };
            assert_eq!(out.is_some(), expected.is_ok());
            assert_eq!(count(&sync), 1 + u32::from(out.is_some()));
            assert_eq!(
                out_bytes[shift + size_of::<usize>()],
                0xA5,
                "nothing behind it is written"
            );
        }
    }
}

/// `riid` and `ppv` of which no address has a bit that the other has, too.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot map memory at a chosen address")]
fn addresses_without_a_common_bit_are_no_null() {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    const LENGTH: usize = 4096;
    let object = make(&Grave::default());
    let unknown = object.cast::<IUnknown>().unwrap();
    let [iids, slots] = [0x1000_0000, 0x2000_0000].map(|at| {
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a fresh mapping, near that place.
        unsafe { mmap_anonymous(ptr::without_provenance_mut(at), LENGTH, access, kind) }.unwrap()
    });
    if iids.addr() & slots.addr() != 0 {
        return common::left_out("the two places are taken");
    }
    let (iid, slot) = (iids.cast::<GUID>(), slots.cast::<*mut c_void>());
    // SAFETY: both are mapped, and unmapped at the end.
    unsafe {
        iid.write(IFolder::IID);
        assert_eq!(query(&unknown, iid, slot), HRESULT::S_OK);
        drop(ComPtr::from_raw(slot.read().cast::<IFolder>()).unwrap());
        iid.write(IMAPISession::IID);
        assert_eq!(query(&unknown, iid, slot), HRESULT::E_NOINTERFACE);
        assert!(slot.read().is_null());
        munmap(iids, LENGTH).unwrap();
        munmap(slots, LENGTH).unwrap();
    }
    assert_eq!(count(&unknown), 2);
}

#[test]
fn an_identifier_that_differs_in_one_bit_is_another() {
    let object = make(&Grave::default());
    let unknown = object.cast::<IUnknown>().unwrap();
    for (name, iid) in &OFFERED {
        for bit in 0..128 {
            let other = GUID::from_u128(iid.to_u128() ^ 1 << bit);
            assert!(ask(&unknown, &other).is_none(), "{name}, bit {bit}");
        }
    }
    assert_eq!(count(&unknown), 2);
}

#[test]
fn objects_are_told_apart() {
    let (a, b) = (store(|_| Ok(())), store(|_| Ok(())));
    assert!(a.is_same_object(&a.clone()));
    assert!(a.is_same_object(&a.cast::<IUnknown>().unwrap()));
    assert!(!a.is_same_object(&b));
    assert!(!nobody().is_same_object(&a));
    assert_eq!((count(&a), count(&b)), (1, 1));
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
    assert_eq!(count(&sync), 1);
}

#[test]
fn a_foreign_query_interface_is_not_trusted_with_its_out_slot() {
    let mut liar = Liar::new(HRESULT::E_ACCESSDENIED, garbage());
    let raw = (&raw mut liar).cast::<IUnknown>();
    // SAFETY: the liar outlives the pointer, and counts nothing.
    let unknown = unsafe { ComPtr::from_raw(raw) }.unwrap();
    // Garbage in the slot of a failure is not touched: a Release through it would crash.
    let error = unknown.cast::<IMAPISync>().unwrap_err();
    assert_eq!(error.hresult(), HRESULT::E_ACCESSDENIED);
    // SAFETY: nobody else uses the liar just now.
    unsafe {
        (*raw.cast::<Liar>()).answer = HRESULT::S_OK;
        (*raw.cast::<Liar>()).out = ptr::null_mut();
    }
    let error = unknown.cast::<IMAPISync>().unwrap_err();
    assert!(matches!(error, Error::NullInterface { .. }), "{error:?}");
    assert_eq!(error.hresult(), HRESULT::E_NOINTERFACE);
    assert!(unknown.is_same_object(&unknown.clone()));
    assert!(!unknown.is_same_object(&nobody()));
}

/// All eight indexes, with an over-aligned payload.
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
    let mut slot = garbage();
    // SAFETY: a valid request.
    let answer =
        unsafe { sync.synchronize_in_background(&mut common::request(ptr::null_mut(), &mut slot)) };
    assert_eq!((answer, slot.is_null()), (HRESULT(-77), true));
    assert!(sync.is_same_object(&callback));
    assert_eq!(count(&sync), 3);
}
