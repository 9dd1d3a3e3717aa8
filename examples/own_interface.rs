//! A store that declares an interface itself: one Rust object with `IMsgStore` and `IMAPISync`.
//!
//! Outlook has the store as `IMsgStore` and calls its `QueryInterface` for `IMAPISync`. COM
//! requires that `QueryInterface` on either interface returns the other, and that both are
//! interfaces of one object. The vtable of `IMsgStore` is laid out by hand here. It has all slots,
//! but only two of its methods are implemented.

use mapisync::abi::{IMAPISync, IUnknown, IUnknownVtbl};
use mapisync::{
    Class, ComObject, ComPtr, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncFlags, SyncHost, SyncRequest, Thunk,
};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A pointer to a MAPI structure or object that this store does not use.
type P = *mut c_void;

/// Declares a vtable in the documented order and proves the order. `not_supported` returns a vtable
/// whose methods return `MAPI_E_NO_SUPPORT`.
macro_rules! vtable {
    ($vtable:ident: $base:ty { $($method:ident($($argument:ty),*);)+ }) => {
        #[repr(C)]
        #[allow(non_snake_case)]
        struct $vtable {
            base: $base,
            $($method: unsafe extern "system" fn(this: *mut IMsgStore, $($argument),*) -> HRESULT,)+
        }

        mapisync::vtable_layout! { $vtable { base: $base, $($method),+ } }

        impl $vtable {
            const fn not_supported(base: $base) -> $vtable {
                $(
                    #[allow(non_snake_case)]
                    unsafe extern "system" fn $method(_: *mut IMsgStore, $(_: $argument),*) -> HRESULT {
                        HRESULT::MAPI_E_NO_SUPPORT
                    }
                )+
                $vtable { base, $($method),+ }
            }
        }
    };
}

vtable! {
    IMAPIPropVtbl: IUnknownVtbl {
        GetLastError(HRESULT, u32, *mut P);
        SaveChanges(u32);
        GetProps(P, u32, *mut u32, *mut P);
        GetPropList(u32, *mut P);
        OpenProperty(u32, *const GUID, u32, u32, *mut P);
        SetProps(u32, P, *mut P);
        DeleteProps(P, *mut P);
        CopyTo(u32, *const GUID, P, usize, P, *const GUID, P, u32, *mut P);
        CopyProps(P, usize, P, *const GUID, P, u32, *mut P);
        GetNamesFromIDs(*mut P, *mut GUID, u32, *mut u32, *mut P);
        GetIDsFromNames(u32, *mut P, u32, *mut P);
    }
}

vtable! {
    IMsgStoreVtbl: IMAPIPropVtbl {
        Advise(u32, P, u32, P, *mut usize);
        Unadvise(usize);
        CompareEntryIDs(u32, P, u32, P, u32, *mut u32);
        OpenEntry(u32, P, *const GUID, u32, *mut u32, *mut P);
        SetReceiveFolder(P, u32, u32, P);
        GetReceiveFolder(P, u32, *mut u32, *mut P, *mut P);
        GetReceiveFolderTable(u32, *mut P);
        StoreLogoff(*mut u32);
        AbortSubmit(u32, P, u32);
        GetOutgoingQueue(u32, *mut P);
        SetLockState(P, u32);
        FinishedMsg(u32, u32, P);
        NotifyNewMail(P);
    }
}

#[repr(C)]
#[allow(non_snake_case)]
struct IMAPIProp {
    lpVtbl: *const IMAPIPropVtbl,
}

#[repr(C)]
#[allow(non_snake_case)]
struct IMsgStore {
    lpVtbl: *const IMsgStoreVtbl,
}

// SAFETY: `repr(C)`, one pointer to the vtable. `vtable_layout!` proves that the vtable begins with
// that of its base, IUnknown. The IID is the one in MAPIGuid.h.
unsafe impl Interface for IMAPIProp {
    type Vtbl = IMAPIPropVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x00020303_0000_0000_C000_000000000046);
}

// SAFETY: `repr(C)`, one pointer to the vtable. `vtable_layout!` proves that the vtable begins with
// that of its base, IMAPIProp. The IID is the one in MAPIGuid.h.
unsafe impl Interface for IMsgStore {
    type Vtbl = IMsgStoreVtbl;
    type Base = IMAPIProp;
    const IID: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);
}

struct Store {
    logged_off: AtomicBool,
}

/// The object has these interfaces and those that they extend, `IMAPIProp` and `IUnknown`. The
/// order does not matter.
impl Class for Store {
    type Interfaces = (IMsgStore, IMAPISync);
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if self.logged_off.load(Ordering::Relaxed) {
            return Err(HRESULT::MAPI_E_OFFLINE.into());
        }
        request.spawn(|job| job.progress(Some("Receiving Inbox"), 1, 1))
    }
}

// SAFETY: the vtable has every slot of the interface, and the three of IUnknown are `Thunk`'s. The
// other methods may be called on any thread and do not unwind. `store_logoff` requires that `this`
// points to interface `INDEX`, and the others do not use `this`.
unsafe impl<const INDEX: usize> ImplementedBy<Store, INDEX> for IMsgStore {
    const VTABLE: &'static IMsgStoreVtbl = &IMsgStoreVtbl {
        StoreLogoff: store_logoff::<INDEX>,
        CompareEntryIDs: compare_entry_ids,
        ..IMsgStoreVtbl::not_supported(IMAPIPropVtbl::not_supported(Thunk::<Store, INDEX>::UNKNOWN))
    };
}

unsafe extern "system" fn store_logoff<const INDEX: usize>(
    this: *mut IMsgStore,
    flags: *mut u32,
) -> HRESULT {
    // SAFETY: only the vtable of this index contains this function, so `this` points to interface
    // `INDEX` of a live `Store`. MAPI requires that `flags` is NULL or valid.
    unsafe {
        Thunk::<Store, INDEX>::call(this, |store| {
            store.logged_off.store(true, Ordering::Relaxed);
            if let Some(flags) = flags.as_mut() {
                *flags = 0x0001_0000; // LOGOFF_COMPLETE
            }
            Ok(())
        })
    }
}

unsafe extern "system" fn compare_entry_ids(
    _: *mut IMsgStore,
    first_length: u32,
    first: P,
    second_length: u32,
    second: P,
    _flags: u32,
    equal: *mut u32,
) -> HRESULT {
    if first.is_null() || second.is_null() || equal.is_null() {
        return HRESULT::MAPI_E_INVALID_PARAMETER;
    }
    // SAFETY: MAPI requires that the entry identifiers have these lengths and that `equal` is
    // valid. None of the pointers is NULL.
    unsafe {
        let bytes =
            |id: P, length: u32| std::slice::from_raw_parts(id.cast::<u8>(), length as usize);
        *equal = (bytes(first, first_length) == bytes(second, second_length)).into();
    }
    HRESULT::S_OK
}

struct Dialog;

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        println!("{} ({index} of {max})", step.unwrap_or_default());
        Ok(())
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        println!("{code}: {}", message.unwrap_or_default());
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        println!("ended with {status}");
        Ok(())
    }
}

fn main() -> Result<()> {
    // The provider's Logon returns this pointer to MAPI, which passes it to Outlook.
    let store: ComPtr<IMsgStore> = ComObject::new(Store {
        logged_off: AtomicBool::new(false),
    })
    .cast()?;

    // Outlook uses IMAPISync if the store has it.
    let sync: ComPtr<IMAPISync> = store.cast()?;
    let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
    let status = run.wait(Duration::from_secs(30))?;
    assert!(status.is_ok(), "{status}");

    // QueryInterface on IMAPISync returns IMsgStore again, and the interface that IMsgStore
    // extends. All are interfaces of one object.
    let back: ComPtr<IMsgStore> = sync.cast()?;
    let property: ComPtr<IMAPIProp> = sync.cast()?;
    assert!(back.is_same_object(&store) && property.is_same_object(&sync));
    println!("one object: IMsgStore, IMAPIProp, IMAPISync");

    let mut flags = 0;
    // SAFETY: `back` is a live IMsgStore, and `flags` is valid for a write.
    let (saved, logged_off) = unsafe {
        let vtbl = &*back.vtbl();
        (
            (vtbl.base.SaveChanges)(back.as_raw(), 0),
            (vtbl.StoreLogoff)(back.as_raw(), &mut flags),
        )
    };
    println!("SaveChanges: {saved}");
    println!("StoreLogoff: {logged_off}, flags {flags:#x}");
    match SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS) {
        Err(refused) => println!("after that: {}", refused.hresult()),
        Ok(_) => unreachable!("the store is logged off"),
    }
    Ok(())
}
