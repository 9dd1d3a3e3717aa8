//! com-scrape-types: its objects as stores and callbacks for this crate, and its pointers as hosts
//! of this crate's stores. This module contains by hand the code that its generator would emit for
//! the interfaces.

use crate::{check_runs, failing_store, failure, synchronize};
use com_scrape_types::{
    Class, ComWrapper, Construct, Guid, Header, Interface, InterfaceList, Wrapper,
};
use mapisync::abi::{
    HANDLE, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync, MAPISIB,
};
use mapisync::abi::{
    IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl,
};
use mapisync::testing::{Recorder, reference_count};
use mapisync::{
    ComPtr, DoneEvent, FreeThreaded, GUID, HRESULT, MapiSync, MapiSyncProgressCallback, Result,
    SyncRequest, host, provider,
};
use std::ffi::c_void;
use std::ptr;
use test_support::{self, DropCounter, DropToken, TIMEOUT, garbage};

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

mod aggregates;

unknown!(ITheirSync, IMAPISyncVtbl, IID_IMAPISync);
unknown!(
    ITheirCallback,
    IMAPISyncProgressCallbackVtbl,
    IID_IMAPISyncProgressCallback
);

/// The `IUnknown` slots of an interface at `OFFSET` in a com-scrape-types object.
const fn base<C: Class, W: Wrapper<C>, const OFFSET: isize>() -> IUnknownVtbl {
    /// Returns the header and the payload of the object.
    ///
    /// # Safety
    ///
    /// `this` must be the interface at `OFFSET` of a live object.
    unsafe fn object<C: Class, W: Wrapper<C>, const OFFSET: isize, I>(
        this: *mut I,
    ) -> (*mut Header<C>, *mut C) {
        let header = this.wrapping_byte_offset(-OFFSET).cast();
        // SAFETY: the caller guarantees that `header` belongs to a live object in this wrapper.
        (header, unsafe { W::data_from_header(header) })
    }
    unsafe extern "system" fn query<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object, and
        // that `riid` and `ppv` are valid.
        unsafe {
            let (header, data) = object::<C, W, OFFSET, _>(this);
            let found = C::Interfaces::query(&*riid.cast::<Guid>());
            *ppv = found.map_or(ptr::null_mut(), |offset| header.byte_offset(offset).cast());
            if found.is_none() {
                return HRESULT::E_NOINTERFACE;
            }
            W::add_ref(data);
        }
        HRESULT::S_OK
    }
    unsafe extern "system" fn add_ref<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object.
        unsafe { W::add_ref(object::<C, W, OFFSET, _>(this).1) as u32 }
    }
    unsafe extern "system" fn release<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object.
        unsafe { W::release(object::<C, W, OFFSET, _>(this).1) as u32 }
    }
    IUnknownVtbl {
        QueryInterface: query::<C, W, OFFSET>,
        AddRef: add_ref::<C, W, OFFSET>,
        Release: release::<C, W, OFFSET>,
    }
}

/// Returns the payload of a com-scrape-types object.
///
/// # Safety
///
/// `this` must be the interface at `OFFSET` of an object that is alive for `'a`.
unsafe fn payload<'a, C: Class, W: Wrapper<C>, const OFFSET: isize, I>(this: *mut I) -> &'a C {
    // SAFETY: the caller guarantees that `this` lies `OFFSET` bytes after the header of a live
    // object.
    unsafe { &*W::data_from_header(this.wrapping_byte_offset(-OFFSET).cast()) }
}

// SAFETY: the vtable has the type of `ITheirSync`, and its functions expect this offset.
unsafe impl<C: Class + MapiSync, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for ITheirSync
{
    const OBJ: Self = ITheirSync {
        vtbl: &IMAPISyncVtbl {
            base: base::<C, W, OFFSET>(),
            SynchronizeInBackground: synchronize_in_background::<C, W, OFFSET>,
        },
    };
}

unsafe extern "system" fn synchronize_in_background<
    C: Class + MapiSync,
    W: Wrapper<C>,
    const OFFSET: isize,
>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
    // caller keeps the documented contract of SynchronizeInBackground, which is that of `dispatch`.
    unsafe { provider::dispatch(payload::<C, W, OFFSET, _>(this), psibpb) }
}

// SAFETY: the vtable has the type of `ITheirCallback`, and its functions expect this offset.
unsafe impl<C: Class + MapiSyncProgressCallback, W: Wrapper<C>, const OFFSET: isize>
    Construct<C, W, OFFSET> for ITheirCallback
{
    const OBJ: Self = ITheirCallback {
        vtbl: &IMAPISyncProgressCallbackVtbl {
            base: base::<C, W, OFFSET>(),
            Progress: progress::<C, W, OFFSET>,
            Error: error::<C, W, OFFSET>,
            Done: done::<C, W, OFFSET>,
        },
    };
}

unsafe extern "system" fn progress<
    C: Class + MapiSyncProgressCallback,
    W: Wrapper<C>,
    const OFFSET: isize,
>(
    this: *mut IMAPISyncProgressCallback,
    step: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
    // caller keeps the documented contract of Progress, which is that of `dispatch_progress`.
    unsafe { host::dispatch_progress(payload::<C, W, OFFSET, _>(this), step, index, max) }
}

unsafe extern "system" fn error<
    C: Class + MapiSyncProgressCallback,
    W: Wrapper<C>,
    const OFFSET: isize,
>(
    this: *mut IMAPISyncProgressCallback,
    code: HRESULT,
    message: *const u16,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
    // caller keeps the documented contract of Error, which is that of `dispatch_error`.
    unsafe { host::dispatch_error(payload::<C, W, OFFSET, _>(this), code, message) }
}

unsafe extern "system" fn done<
    C: Class + MapiSyncProgressCallback,
    W: Wrapper<C>,
    const OFFSET: isize,
>(
    this: *mut IMAPISyncProgressCallback,
    event: HANDLE,
    status: HRESULT,
) -> HRESULT {
    // SAFETY: COM guarantees that `this` is the interface of this vtable in a live object. The
    // caller keeps the documented contract of Done, which is that of `dispatch_done`.
    unsafe { host::dispatch_done(payload::<C, W, OFFSET, _>(this), event, status) }
}

/// The payload of a com-scrape-types object with both interfaces.
struct Both {
    recorder: Recorder,
    _token: DropToken,
}

impl Class for Both {
    type Interfaces = (ITheirSync, ITheirCallback);
}

impl MapiSync for Both {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        synchronize(request)
    }
}

impl MapiSyncProgressCallback for Both {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        self.recorder.progress(step, index, max)
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        self.recorder.error(code, message)
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        self.recorder.done(status)
    }
    fn done_with_event(&self, event: Option<DoneEvent>, status: HRESULT) -> Result<()> {
        self.recorder.done_with_event(event, status)
    }
}

fn both(counter: &DropCounter) -> ComWrapper<Both> {
    ComWrapper::new(Both {
        recorder: Recorder::new().keeps_event(),
        _token: counter.token(),
    })
}

/// Converts com-scrape-types' pointer to a pointer of this crate and passes the reference on.
fn ours<I: FreeThreaded>(theirs: com_scrape_types::ComPtr<impl Interface>) -> ComPtr<I> {
    // SAFETY: every caller converts to the same interface. The objects of these tests are
    // free-threaded and do not unwind.
    unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// Creates a store that is also a callback.
pub fn store(counter: &DropCounter) -> ComPtr<IMAPISync> {
    ours(both(counter).to_com_ptr::<ITheirSync>().unwrap())
}

/// Creates a callback that is also a store.
pub fn callback(counter: &DropCounter) -> ComPtr<IMAPISyncProgressCallback> {
    ours(both(counter).to_com_ptr::<ITheirCallback>().unwrap())
}

#[test]
fn their_store_runs_under_our_host() {
    let counter = DropCounter::default();
    let theirs = both(&counter);
    let sync: ComPtr<IMAPISync> = ours(theirs.to_com_ptr::<ITheirSync>().unwrap());
    assert_eq!(reference_count(&sync), 2);
    drop(theirs);
    check_runs(&sync);

    let callback = sync.cast::<IMAPISyncProgressCallback>().unwrap();
    assert!(callback.is_same_object(&sync));
    assert_ne!(callback.as_raw().addr(), sync.as_raw().addr());
    let mut out = garbage();
    // SAFETY: the IID and the out parameter are valid.
    let code = unsafe { test_support::query(&callback, &GUID::from_u128(7), &mut out) };
    assert_eq!(
        (code, out.is_null(), reference_count(&sync)),
        (HRESULT::E_NOINTERFACE, true, 2)
    );
    drop(callback);
    assert_eq!((reference_count(&sync), counter.drops()), (1, 0));
    drop(sync);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn their_callback_and_host_run_our_store() {
    let counter = DropCounter::default();
    let theirs = both(&counter);
    let callback = theirs.to_com_ptr::<ITheirCallback>().unwrap();
    let our_store = failing_store();
    // SAFETY: both types are the same interface, and the reference passes to the new pointer.
    let sync = unsafe {
        com_scrape_types::ComPtr::<ITheirSync>::from_raw(our_store.clone().into_raw().cast())
    }
    .unwrap();
    let mut event_handle = garbage();
    let mut request = test_support::request(callback.as_ptr().cast(), &mut event_handle);
    // SAFETY: the store is alive. The structure and its pointers are valid for the call.
    let code = unsafe {
        ((*(*sync.as_ptr()).vtbl).SynchronizeInBackground)(sync.as_ptr().cast(), &mut request)
    };
    assert_eq!(code, HRESULT::S_OK);
    assert!(theirs.recorder.wait_done(TIMEOUT).is_some());
    let event = theirs.recorder.take_event().unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
    assert_eq!(event.as_raw(), event_handle);
    assert_eq!(theirs.recorder.calls(), failure());

    // Their `cast` finds the interfaces of our object.
    assert!(sync.cast::<ITheirCallback>().is_none());
    let again = sync.cast::<ITheirSync>().unwrap();
    assert_eq!(
        (again.as_ptr(), reference_count(&our_store)),
        (sync.as_ptr(), 3)
    );
    drop((sync, again));
    assert_eq!(reference_count(&our_store), 1);
    let callback: ComPtr<IMAPISyncProgressCallback> = ours(callback);
    assert_eq!(
        (reference_count(&callback), counter.drops()),
        (2, 0),
        "the pointer's and the wrapper's"
    );
    drop((callback, theirs));
    assert_eq!(counter.drops(), 1);
}
