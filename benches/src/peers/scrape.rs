//! com-scrape-types 0.1: its `ComWrapper` and its pointers, with bindings like those that its
//! generator writes.

use crate::strings::to_utf16;
use crate::{Callback, IID_FOURTH, IID_MISSING, IID_THIRD, Objects, Pointers, Subject, Unknown};
use com_scrape_types::{
    Class, ComPtr, ComRef, ComWrapper, Construct, Guid, Header, InterfaceList, Wrapper,
};
use mapisync::abi::{
    HANDLE, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISyncProgressCallback,
    IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB,
};
use mapisync::{GUID, HRESULT};
use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The peer's name.
pub const NAME: &str = "com-scrape-types 0.1";

/// Converts an IID. com-scrape-types has it as the bytes in memory.
const fn bytes(iid: GUID) -> Guid {
    // SAFETY: a GUID is 16 initialized bytes without padding, and `Guid` is an array of 16 bytes.
    unsafe { ptr::from_ref(&iid).cast::<Guid>().read() }
}

#[repr(C)]
struct NumberVtbl {
    base: IUnknownVtbl,
    number: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
}

macro_rules! interface {
    ($interface:ident, $vtbl:ty, $iid:expr) => {
        #[repr(C)]
        struct $interface {
            vtbl: *const $vtbl,
        }

        impl com_scrape_types::Unknown for $interface {
            #[inline]
            unsafe fn query_interface(this: *mut Self, iid: &Guid) -> Option<*mut c_void> {
                let mut out = ptr::null_mut();
                // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
                let result = unsafe {
                    let vtbl = (*this).vtbl.cast::<IUnknownVtbl>();
                    ((*vtbl).QueryInterface)(this.cast(), ptr::from_ref(iid).cast(), &mut out)
                };
                result.is_ok().then_some(out)
            }
            #[inline]
            unsafe fn add_ref(this: *mut Self) -> usize {
                // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).AddRef)(this.cast()) as usize }
            }
            #[inline]
            unsafe fn release(this: *mut Self) -> usize {
                // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).Release)(this.cast()) as usize }
            }
        }

        // SAFETY: the struct is one pointer to a vtable, which begins with IUnknown's slots.
        unsafe impl com_scrape_types::Interface for $interface {
            type Vtbl = $vtbl;
            const IID: Guid = bytes($iid);
            #[inline]
            fn inherits(iid: &Guid) -> bool {
                *iid == Self::IID || *iid == bytes(IID_IUnknown)
            }
        }
    };
}

interface!(TheirUnknown, IUnknownVtbl, IID_IUnknown);
interface!(TheirSync, IMAPISyncVtbl, IID_IMAPISync);
interface!(
    TheirCallback,
    IMAPISyncProgressCallbackVtbl,
    IID_IMAPISyncProgressCallback
);
interface!(Third, NumberVtbl, IID_THIRD);
interface!(Fourth, NumberVtbl, IID_FOURTH);
interface!(Missing, IUnknownVtbl, IID_MISSING);

/// Returns the IUnknown slots of the interface at this offset in an object.
const fn base<C: Class, W: Wrapper<C>, const OFFSET: isize>() -> IUnknownVtbl {
    /// # Safety
    ///
    /// `this` must point to the interface at `OFFSET` in a live object of this wrapper.
    #[inline]
    unsafe fn object<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> (*mut Header<C>, *mut C) {
        let header = this.wrapping_byte_offset(-OFFSET).cast();
        // SAFETY: the interfaces of a wrapper lie in its header, this one at `OFFSET`.
        (header, unsafe { W::data_from_header(header) })
    }
    unsafe extern "system" fn query<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: COM's callers pass a live interface of this vtable and valid pointers.
        unsafe {
            let (header, data) = object::<C, W, OFFSET>(this);
            match C::Interfaces::query(&*riid.cast::<Guid>()) {
                Some(offset) => {
                    W::add_ref(data);
                    *ppv = header.byte_offset(offset).cast();
                    HRESULT::S_OK
                }
                None => {
                    *ppv = ptr::null_mut();
                    HRESULT::E_NOINTERFACE
                }
            }
        }
    }
    unsafe extern "system" fn add_ref<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: COM's callers pass a live interface of this vtable and valid pointers.
        unsafe { W::add_ref(object::<C, W, OFFSET>(this).1) as u32 }
    }
    unsafe extern "system" fn release<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: COM's callers pass a live interface of this vtable and valid pointers.
        unsafe { W::release(object::<C, W, OFFSET>(this).1) as u32 }
    }
    IUnknownVtbl {
        QueryInterface: query::<C, W, OFFSET>,
        AddRef: add_ref::<C, W, OFFSET>,
        Release: release::<C, W, OFFSET>,
    }
}

/// The methods for which their generator writes a trait.
trait Progress {
    /// # Safety
    ///
    /// `string` must be NULL or point to a string that ends with NUL.
    unsafe fn progress(&self, string: *const u16, index: u32, max: u32) -> HRESULT;
}

// SAFETY: the vtable has the slots of `IMAPISyncProgressCallback`, for this class at this offset.
unsafe impl<C: Class + Progress, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for TheirCallback
{
    const OBJ: Self = TheirCallback {
        vtbl: &IMAPISyncProgressCallbackVtbl {
            base: base::<C, W, OFFSET>(),
            Progress: progress::<C, W, OFFSET>,
            Error: error,
            Done: done,
        },
    };
}

unsafe extern "system" fn progress<C: Class + Progress, W: Wrapper<C>, const OFFSET: isize>(
    this: *mut IMAPISyncProgressCallback,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: COM's callers pass a live interface of this vtable and a string or NULL.
    unsafe {
        (*W::data_from_header(this.wrapping_byte_offset(-OFFSET).cast()))
            .progress(string, index, max)
    }
}

unsafe extern "system" fn error(
    _: *mut IMAPISyncProgressCallback,
    _: HRESULT,
    _: *const u16,
) -> HRESULT {
    HRESULT::S_OK
}

unsafe extern "system" fn done(
    _: *mut IMAPISyncProgressCallback,
    _: HANDLE,
    _: HRESULT,
) -> HRESULT {
    HRESULT::S_OK
}

// SAFETY: the vtable has the slots of `IMAPISync`, for this class at this offset.
unsafe impl<C: Class, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET> for TheirSync {
    const OBJ: Self = TheirSync {
        vtbl: &IMAPISyncVtbl {
            base: base::<C, W, OFFSET>(),
            SynchronizeInBackground: synchronize,
        },
    };
}

unsafe extern "system" fn synchronize(
    _: *mut mapisync::abi::IMAPISync,
    _: *mut MAPISIB,
) -> HRESULT {
    HRESULT::E_NOTIMPL
}

macro_rules! numbered {
    ($interface:ident) => {
        // SAFETY: the vtable has the interface's slots, for this class at this offset.
        unsafe impl<C: Class, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
            for $interface
        {
            const OBJ: Self = $interface {
                vtbl: &NumberVtbl {
                    base: base::<C, W, OFFSET>(),
                    number,
                },
            };
        }
    };
}

unsafe extern "system" fn number(_: *mut IUnknown) -> u32 {
    4
}

numbered!(Third);
numbered!(Fourth);

struct LastPosition(AtomicU32);
struct MayPanic(AtomicU32);
struct Two(AtomicU32);
struct Four(AtomicU32);

impl Class for LastPosition {
    type Interfaces = (TheirCallback,);
}
impl Class for MayPanic {
    type Interfaces = (TheirCallback,);
}
impl Class for Two {
    type Interfaces = (TheirSync, TheirCallback);
}
impl Class for Four {
    type Interfaces = (TheirSync, TheirCallback, Third, Fourth);
}

macro_rules! recording {
    ($($class:ident)+) => {$(
        impl Progress for $class {
            unsafe fn progress(&self, _: *const u16, index: u32, _: u32) -> HRESULT {
                self.0.store(index, Relaxed);
                HRESULT::S_OK
            }
        }
    )+};
}

recording!(LastPosition Two Four);

impl Progress for MayPanic {
    unsafe fn progress(&self, _: *const u16, index: u32, _: u32) -> HRESULT {
        crate::record(&self.0, index);
        HRESULT::S_OK
    }
}

/// Turns a pointer of theirs into one of this crate. The reference moves along.
fn ours<I: mapisync::Interface>(
    theirs: Option<ComPtr<impl com_scrape_types::Interface>>,
) -> mapisync::ComPtr<I> {
    // SAFETY: the callers name the same interface on both sides, or IUnknown, with which all begin.
    // `ComWrapper` counts atomically and the classes are `Sync`, so the objects are free-threaded.
    // No case makes a method panic.
    unsafe { mapisync::ComPtr::from_raw(theirs.unwrap().into_raw().cast()) }.unwrap()
}

fn last_position() -> Callback {
    ours(ComWrapper::new(LastPosition(AtomicU32::new(0))).to_com_ptr::<TheirCallback>())
}

fn may_panic() -> Callback {
    ours(ComWrapper::new(MayPanic(AtomicU32::new(0))).to_com_ptr::<TheirCallback>())
}

/// Makes an object with two interfaces.
pub fn two() -> Unknown {
    ours(ComWrapper::new(Two(AtomicU32::new(0))).to_com_ptr::<TheirSync>())
}

fn four() -> Unknown {
    ours(ComWrapper::new(Four(AtomicU32::new(0))).to_com_ptr::<TheirSync>())
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(ComWrapper::new(LastPosition(AtomicU32::new(0)))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(
            ComWrapper::new(LastPosition(AtomicU32::new(0))).to_com_ptr::<TheirCallback>(),
        ));
    }
}

/// Borrows a pointer of this crate as one of theirs.
fn borrow<'a, I: com_scrape_types::Interface>(
    ours: &'a mapisync::ComPtr<impl mapisync::Interface>,
) -> ComRef<'a, I> {
    // SAFETY: the callers name the same interface on both sides.
    unsafe { ComRef::from_raw(ours.as_raw().cast()) }.unwrap()
}

/// Calls `Progress` as their generator writes it.
#[inline]
fn progress_of(callback: ComRef<'_, TheirCallback>, string: *const u16) {
    let this = callback.as_ptr();
    // SAFETY: the object is live, and the callers pass NULL or a terminated string.
    let _ = unsafe { ((*(*this).vtbl).Progress)(this.cast(), string, 1, 2) };
}

fn call(callback: &Callback, n: u64) {
    let callback = borrow(callback);
    for _ in 0..n {
        progress_of(callback, ptr::null());
    }
}

fn clone(callback: &Callback, n: u64) {
    let callback = borrow::<TheirCallback>(callback);
    for _ in 0..n {
        drop(callback.to_com_ptr());
    }
}

fn cast(object: &Unknown, n: u64) {
    let object = borrow::<TheirUnknown>(object);
    for _ in 0..n {
        drop(object.cast::<TheirCallback>());
    }
}

fn cast_miss(object: &Unknown, n: u64) {
    let object = borrow::<TheirUnknown>(object);
    for _ in 0..n {
        drop(object.cast::<Missing>());
    }
}

fn string(callback: &Callback, string: &str, n: u64) {
    let callback = borrow(callback);
    for _ in 0..n {
        progress_of(callback, to_utf16(string).as_ptr());
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        last_position,
        may_panic,
        decoder: None,
        two,
        four: Some(four),
        create: Some(create),
        create_interface,
    };
    let pointers = Pointers {
        call,
        clone,
        cast,
        cast_miss,
        string,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects
}
