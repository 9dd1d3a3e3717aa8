//! com-scrape-types. This module contains by hand the code that its generator would emit for the
//! interfaces.

use crate::{MSG_STORE, Payload, Peer};
use com_scrape_types::{
    Class, ComPtr as TheirPtr, ComWrapper, Construct, Guid, Header, Interface, InterfaceList,
    Wrapper,
};
use mapisync::abi::{
    HANDLE, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync, MAPISIB,
};
use mapisync::abi::{
    IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl,
};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, FreeThreaded, GUID, HRESULT, host, provider};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

pub const PEER: Peer = Peer {
    name: "com-scrape-types",
    store: |payload| ours(ComWrapper::new(Store(payload)).to_com_ptr::<ITheirSync>()),
    callback: |recorder| ours(ComWrapper::new(Dialog(recorder)).to_com_ptr::<ITheirCallback>()),
    synchronize: |store, request| {
        // SAFETY: both types are the same interface, and the reference passes to the new pointer.
        // The structure and its pointers are valid for the call.
        unsafe {
            let theirs = TheirPtr::<ITheirSync>::from_raw(store.into_raw().cast()).unwrap();
            assert!(theirs.cast::<ITheirCallback>().is_none());
            assert_eq!(theirs.cast::<ITheirSync>().unwrap().as_ptr(), theirs.as_ptr());
            let vtbl = (*theirs.as_ptr()).vtbl;
            ((*vtbl).SynchronizeInBackground)(theirs.as_ptr().cast(), request)
        }
    },
    checks_null: false,
};

/// Converts com-scrape-types' pointer to a pointer of this crate and passes the reference on.
fn ours<I: FreeThreaded>(theirs: Option<TheirPtr<impl Interface>>) -> ComPtr<I> {
    // SAFETY: every caller converts to the same interface. The objects of these tests are
    // free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.unwrap().into_raw().cast()) }.unwrap()
}

/// Converts a `GUID` to com-scrape-types' IID, which is an array of the bytes in memory.
const fn bytes(iid: GUID) -> Guid {
    // SAFETY: a `GUID` consists of 16 initialized bytes without padding.
    unsafe { ptr::from_ref(&iid).cast::<Guid>().read() }
}

/// Declares an interface for com-scrape-types: one pointer to a vtable that begins with
/// `IUnknown`'s.
macro_rules! unknown {
    ($interface:ident, $vtbl:ty, $iid:expr) => {
        #[repr(C)]
        struct $interface {
            vtbl: *const $vtbl,
        }

        impl com_scrape_types::Unknown for $interface {
            unsafe fn query_interface(this: *mut Self, iid: &Guid) -> Option<*mut c_void> {
                let mut out = ptr::null_mut();
                // SAFETY: the caller guarantees that `this` is alive. Its vtable begins with
                // `IUnknown`'s slots.
                let code = unsafe {
                    let vtbl = (*this).vtbl.cast::<IUnknownVtbl>();
                    ((*vtbl).QueryInterface)(this.cast(), ptr::from_ref(iid).cast(), &mut out)
                };
                code.is_ok().then_some(out)
            }
            unsafe fn add_ref(this: *mut Self) -> usize {
                // SAFETY: the caller guarantees that `this` is alive. Its vtable begins with
                // `IUnknown`'s slots.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).AddRef)(this.cast()) as usize }
            }
            unsafe fn release(this: *mut Self) -> usize {
                // SAFETY: the caller guarantees that `this` is alive. Its vtable begins with
                // `IUnknown`'s slots.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).Release)(this.cast()) as usize }
            }
        }

        // SAFETY: the struct is one pointer to its vtable, which begins with `IUnknown`'s slots.
        unsafe impl com_scrape_types::Interface for $interface {
            type Vtbl = $vtbl;
            const IID: Guid = bytes($iid);
            fn inherits(iid: &Guid) -> bool {
                *iid == Self::IID || *iid == bytes(IID_IUnknown)
            }
        }
    };
}

unknown!(ITheirSync, IMAPISyncVtbl, IID_IMAPISync);
unknown!(ITheirStore, IUnknownVtbl, MSG_STORE);
unknown!(ITheirCallback, IMAPISyncProgressCallbackVtbl, IID_IMAPISyncProgressCallback);

/// The functions of an interface at `OFFSET` in an object with the payload `C` in the wrapper `W`.
struct At<C, W, const OFFSET: isize>(PhantomData<(C, W)>);

impl<C: Class, W: Wrapper<C>, const OFFSET: isize> At<C, W, OFFSET> {
    const UNKNOWN: IUnknownVtbl =
        IUnknownVtbl { QueryInterface: Self::query, AddRef: Self::add_ref, Release: Self::release };

    /// Returns the payload of an object.
    ///
    /// # Safety
    ///
    /// `this` must be the interface at `OFFSET` of a live object.
    unsafe fn data<I>(this: *mut I) -> *mut C {
        let header: *mut Header<C> = this.wrapping_byte_offset(-OFFSET).cast();
        // SAFETY: `header` belongs to a live object in this wrapper by this function's contract.
        unsafe { W::data_from_header(header) }
    }

    unsafe extern "system" fn query(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and
        // that `riid` and `ppv` are valid. `found` is relative to the header.
        unsafe {
            *ppv = ptr::null_mut();
            let Some(found) = C::Interfaces::query(&*riid.cast::<Guid>()) else {
                return HRESULT::E_NOINTERFACE;
            };
            *ppv = this.byte_offset(found - OFFSET).cast();
            Self::add_ref(this);
        }
        HRESULT::S_OK
    }
    unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object.
        unsafe { W::add_ref(Self::data(this)) as u32 }
    }
    unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object.
        unsafe { W::release(Self::data(this)) as u32 }
    }
}

/// The payload of a store, which also has an interface of its own.
struct Store(Payload);

impl Class for Store {
    type Interfaces = (ITheirSync, ITheirStore);
}

// SAFETY: the vtable has the type of `ITheirStore`, and its functions expect this offset.
unsafe impl<W: Wrapper<Store>, const OFFSET: isize> Construct<Store, W, OFFSET> for ITheirStore {
    const OBJ: Self = ITheirStore { vtbl: &At::<Store, W, OFFSET>::UNKNOWN };
}

// SAFETY: the vtable has the type of `ITheirSync`, and its functions expect this offset.
unsafe impl<W: Wrapper<Store>, const OFFSET: isize> Construct<Store, W, OFFSET> for ITheirSync {
    const OBJ: Self = ITheirSync {
        vtbl: &IMAPISyncVtbl {
            base: At::<Store, W, OFFSET>::UNKNOWN,
            SynchronizeInBackground: At::<Store, W, OFFSET>::synchronize,
        },
    };
}

impl<W: Wrapper<Store>, const OFFSET: isize> At<Store, W, OFFSET> {
    unsafe extern "system" fn synchronize(this: *mut IMAPISync, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
        // caller keeps the documented contract of SynchronizeInBackground, which is that of
        // `dispatch`.
        unsafe { provider::dispatch(&(*Self::data(this)).0, psibpb) }
    }
}

/// The payload of a callback.
struct Dialog(Recorder);

impl Class for Dialog {
    type Interfaces = (ITheirCallback,);
}

// SAFETY: the vtable has the type of `ITheirCallback`, and its functions expect this offset.
unsafe impl<W: Wrapper<Dialog>, const OFFSET: isize> Construct<Dialog, W, OFFSET>
    for ITheirCallback
{
    const OBJ: Self = ITheirCallback {
        vtbl: &IMAPISyncProgressCallbackVtbl {
            base: At::<Dialog, W, OFFSET>::UNKNOWN,
            Progress: At::<Dialog, W, OFFSET>::progress,
            Error: At::<Dialog, W, OFFSET>::error,
            Done: At::<Dialog, W, OFFSET>::done,
        },
    };
}

type TheirThis = *mut IMAPISyncProgressCallback;

impl<W: Wrapper<Dialog>, const OFFSET: isize> At<Dialog, W, OFFSET> {
    unsafe extern "system" fn progress(
        this: TheirThis,
        step: *const u16,
        index: u32,
        max: u32,
    ) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
        // caller keeps the documented contract of Progress, which is that of `dispatch_progress`.
        unsafe { host::dispatch_progress(&(*Self::data(this)).0, step, index, max) }
    }
    unsafe extern "system" fn error(
        this: TheirThis,
        code: HRESULT,
        message: *const u16,
    ) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
        // caller keeps the documented contract of Error, which is that of `dispatch_error`.
        unsafe { host::dispatch_error(&(*Self::data(this)).0, code, message) }
    }
    unsafe extern "system" fn done(this: TheirThis, event: HANDLE, status: HRESULT) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
        // caller keeps the documented contract of Done, which is that of `dispatch_done`.
        unsafe { host::dispatch_done(&(*Self::data(this)).0, event, status) }
    }
}
