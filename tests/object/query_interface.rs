//! `QueryInterface` of every kind of object, and the methods of the interfaces that it finds.

use crate::outer::{IStore, whole};
use crate::part::{self, Part, assert_methods};
use crate::rules::assert_rules;
use crate::synchronize_alone;
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{Class, ComObject, Error, GUID, HRESULT, Interface, MapiSync, Result, SyncRequest};
use std::ptr;
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
    let wide = ComObject::new(Wide(-77)).cast::<IMAPISync>().unwrap();
    assert_rules(&wide, &[UNKNOWN, SYNC]);
    assert_eq!(synchronize_alone(&wide).0, HRESULT(-77));

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

/// An over-aligned payload with the largest number of interfaces.
#[repr(align(128))]
struct Wide(i32);

impl Class for Wide {
    type Interfaces =
        (IUnknown, IUnknown, IUnknown, IUnknown, IUnknown, IUnknown, IUnknown, IMAPISync);
}

impl MapiSync for Wide {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        assert!(ptr::from_ref(self).is_aligned());
        Err(HRESULT(self.0).into())
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
        unsafe { mmap_anonymous(ptr::without_provenance_mut(at), 4096, access, kind) }.unwrap()
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
        drop(mapisync::ComPtr::from_raw(ppv.cast::<*mut IUnknown>().read()).unwrap());
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
