//! `QueryInterface` of every kind of object, and the methods of the interfaces that it finds.

use crate::outer::{IStore, whole};
use crate::part::{self, Part, assert_methods};
use crate::rules::{assert_rules, find};
use crate::synchronize_alone;
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComObject, ComPtr, Error, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use test_support::outer::IOuter;
use test_support::{DropCounter, bare_object, store};

const UNKNOWN: GUID = IUnknown::IID;
const SYNC: GUID = IMAPISync::IID;
const CALLBACK: GUID = IMAPISyncProgressCallback::IID;

#[test]
fn every_kind_of_object_keeps_the_rules_of_com() {
    let drops = DropCounter::default();
    assert_rules(&bare_object(), &[UNKNOWN]);
    assert_rules(&store(|_| Ok(())), &[UNKNOWN, SYNC]);
    let chain = [UNKNOWN, IContainer::IID, IFolder::IID, SYNC];
    assert_rules(&folder().cast::<IUnknown>().unwrap(), &chain);
    let wide = ComObject::new(Wide(0)).cast::<IMAPISync>().unwrap();
    assert_rules(&wide, &[UNKNOWN, SYNC, CALLBACK]);

    let part = part::object(&drops).cast::<IUnknown>().unwrap();
    assert_rules(&part, &[UNKNOWN, SYNC, CALLBACK]);
    let inner = part::inner(&drops, &drops);
    assert_rules(&inner, &[UNKNOWN, IOuter::IID, SYNC, CALLBACK]);
    let whole = whole(Part::new(&drops), &drops, |_| ());
    assert_rules(&whole, &[UNKNOWN, IStore::IID, SYNC, CALLBACK]);

    assert_methods(&part);
    assert_methods(&inner);
    assert_methods(&whole);
    assert_eq!(drops.drops(), 0);
    drop((part, inner, whole));
    assert_eq!(drops.drops(), 1 + 2 + 2);
}

/// The middle of a hand-laid chain: `IFolder` extends `IContainer`, which extends `IUnknown`.
#[repr(C)]
pub struct IContainer {
    vtbl: *const IContainerVtbl,
}

#[repr(C)]
pub struct IContainerVtbl {
    base: IUnknownVtbl,
    add: unsafe extern "system" fn(this: *mut IContainer, by: u32) -> HRESULT,
}

#[repr(C)]
pub struct IFolder {
    vtbl: *const IFolderVtbl,
}

#[repr(C)]
pub struct IFolderVtbl {
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

/// A payload whose methods add to a total.
#[derive(Default)]
struct Folder {
    total: AtomicU32,
}

impl Class for Folder {
    type Interfaces = (IMAPISync, IFolder);
}

impl MapiSync for Folder {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        self.total.fetch_add(1000, SeqCst);
        Ok(())
    }
}

// SAFETY: the `IUnknown` slots are those of `Thunk` for this index. The methods use the index of
// the vtable that they are in.
unsafe impl<const INDEX: usize> ImplementedBy<Folder, INDEX> for IFolder {
    const VTABLE: &'static IFolderVtbl = &IFolderVtbl {
        base: IContainerVtbl {
            base: Thunk::<Folder, INDEX>::UNKNOWN,
            add: add::<INDEX>,
        },
        total: total::<INDEX>,
    };
}

unsafe extern "system" fn add<const INDEX: usize>(this: *mut IContainer, by: u32) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function, so `this` is this interface of a
    // live object.
    unsafe {
        Thunk::<Folder, INDEX>::call(this, |folder| {
            folder.total.fetch_add(by, SeqCst);
            if by == 13 { panic!("unlucky") } else { Ok(()) }
        })
    }
}

unsafe extern "system" fn total<const INDEX: usize>(this: *mut IFolder, out: *mut u32) -> HRESULT {
    // SAFETY: only the vtable of this index holds this function, so `this` is this interface of a
    // live object. The test passes a valid `out`.
    unsafe { *out = Thunk::<Folder, INDEX>::payload(this).total.load(SeqCst) };
    HRESULT::S_OK
}

fn folder() -> ComObject<Folder> {
    ComObject::new(Folder::default())
}

#[test]
fn methods_of_a_hand_laid_interface_and_of_its_base_find_the_payload() {
    let object = folder();
    let folder = object.cast::<IFolder>().unwrap();
    let container = object.cast::<IContainer>().unwrap();
    assert_eq!(container.as_raw().cast::<c_void>(), folder.as_raw().cast());
    let mut total = 0;
    // SAFETY: the pointers own references to live interfaces of these types, and `total` is
    // writable.
    let codes = unsafe {
        let (base, derived) = (&*container.vtbl(), &*folder.vtbl());
        [
            (derived.base.add)(folder.as_raw().cast(), 1),
            (base.add)(container.as_raw(), 10),
            (base.add)(container.as_raw(), 13), // it panics
            synchronize_alone(&object.cast().unwrap()).0,
            (derived.total)(folder.as_raw(), &mut total),
        ]
    };
    let ok = HRESULT::S_OK;
    assert_eq!(codes, [ok, ok, HRESULT::E_UNEXPECTED, ok, ok]);
    assert_eq!(total, 1 + 10 + 13 + 1000);
    assert_eq!(object.total.load(SeqCst), total);
}

/// An over-aligned payload with the largest number of interfaces.
#[repr(align(128))]
struct Wide(i32);

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
        Err(HRESULT(self.0).into())
    }
}

impl MapiSyncProgressCallback for Wide {
    fn progress(&self, _: Option<&str>, _: u32, _: u32) -> Result<()> {
        Err(HRESULT(self.0).into())
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
    let object = ComObject::new(Wide(-77));
    assert!((&raw const *object).is_aligned());
    let callback = object.cast::<IMAPISyncProgressCallback>().unwrap();
    assert_eq!(callback.progress(None, 0, 0), HRESULT(-77));
    let (code, event_handle) = synchronize_alone(&callback.cast().unwrap());
    assert_eq!((code, event_handle.is_null()), (HRESULT(-77), true));
}

#[test]
fn an_iid_that_differs_in_one_bit_is_not_found() {
    let unknown = folder().cast::<IUnknown>().unwrap();
    for iid in [UNKNOWN, SYNC, IContainer::IID, IFolder::IID] {
        for bit in 0..128 {
            let other = GUID::from_u128(iid.to_u128() ^ 1 << bit);
            assert!(find(&unknown, &other).is_none(), "{iid}, bit {bit}");
        }
    }
}

/// The addresses of `riid` and `ppv` have no bit in common, so a bitwise AND of them is 0.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot map memory at a chosen address")]
fn addresses_without_a_common_bit_are_not_null() {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    let [riid, ppv] = [0x1000_0000, 0x2000_0000].map(|at| {
        let (access, kind) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: without `MAP_FIXED` the mapping is new, at any address.
        unsafe { mmap_anonymous(std::ptr::without_provenance_mut(at), 4096, access, kind) }.unwrap()
    });
    if riid.addr() & ppv.addr() != 0 {
        return test_support::skip("the two addresses are taken");
    }
    let unknown = bare_object();
    // SAFETY: both pages are mapped, and unmapped after the last access.
    unsafe {
        riid.cast::<GUID>().write(UNKNOWN);
        let code = test_support::query(&unknown, riid.cast(), ppv.cast());
        assert_eq!(code, HRESULT::S_OK);
        drop(ComPtr::from_raw(ppv.cast::<*mut IUnknown>().read()).unwrap());
        munmap(riid, 4096).unwrap();
        munmap(ppv, 4096).unwrap();
    }
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
    let iid = "{00020300-0000-0000-C000-000000000046}";
    assert!(error.to_string().contains(iid), "{error}");
    assert_eq!(reference_count(&sync), 1);
}
