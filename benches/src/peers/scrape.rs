//! com-scrape-types 0.1: its `ComWrapper` and its pointers, under bindings such as its generator writes.

use crate::texts::{self, by_vec};
use crate::{Callback, IID_FOURTH, IID_NOBODYS, IID_THIRD, Objects, Pointers, Subject, Unknown};
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

/// Its name.
pub const NAME: &str = "com-scrape-types 0.1";

/// Their identifiers are the bytes in memory.
const fn bytes(iid: GUID) -> Guid {
    // SAFETY: a GUID is 16 initialised bytes.
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
                // SAFETY: a live object; slot 0.
                let answer = unsafe {
                    let vtbl = (*this).vtbl.cast::<IUnknownVtbl>();
                    ((*vtbl).QueryInterface)(this.cast(), ptr::from_ref(iid).cast(), &mut out)
                };
                answer.is_ok().then_some(out)
            }
            #[inline]
            unsafe fn add_ref(this: *mut Self) -> usize {
                // SAFETY: a live object; slot 1.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).AddRef)(this.cast()) as usize }
            }
            #[inline]
            unsafe fn release(this: *mut Self) -> usize {
                // SAFETY: a live object; slot 2.
                unsafe { ((*(*this).vtbl.cast::<IUnknownVtbl>()).Release)(this.cast()) as usize }
            }
        }

        // SAFETY: one pointer to a vtable, which begins with IUnknown's.
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
interface!(Nobodys, IUnknownVtbl, IID_NOBODYS);

/// The IUnknown slots of an interface at this offset in an object of theirs.
const fn base<C: Class, W: Wrapper<C>, const OFFSET: isize>() -> IUnknownVtbl {
    /// # Safety
    ///
    /// `this` is such an interface.
    #[inline]
    unsafe fn object<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> (*mut Header<C>, *mut C) {
        let header = this.wrapping_byte_offset(-OFFSET).cast();
        // SAFETY: the header of an object in this wrapper.
        (header, unsafe { W::data_from_header(header) })
    }
    unsafe extern "system" fn query<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: called by COM's rules.
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
        // SAFETY: called by COM's rules.
        unsafe { W::add_ref(object::<C, W, OFFSET>(this).1) as u32 }
    }
    unsafe extern "system" fn release<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: called by COM's rules.
        unsafe { W::release(object::<C, W, OFFSET>(this).1) as u32 }
    }
    IUnknownVtbl {
        QueryInterface: query::<C, W, OFFSET>,
        AddRef: add_ref::<C, W, OFFSET>,
        Release: release::<C, W, OFFSET>,
    }
}

/// What their generator makes a trait of.
trait Progress {
    /// # Safety
    ///
    /// `text` is terminated.
    unsafe fn progress(&self, text: *const u16, index: u32, max: u32) -> HRESULT;
}

// SAFETY: the vtable is the interface's.
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
    text: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: called by COM's rules, on this vtable's object.
    unsafe {
        (*W::data_from_header(this.wrapping_byte_offset(-OFFSET).cast())).progress(text, index, max)
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

// SAFETY: as above.
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
        // SAFETY: as above.
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

struct Listener(AtomicU32);
struct Doubter(AtomicU32);
struct Reader(AtomicU32);
struct Two(AtomicU32);
struct Four(AtomicU32);

impl Class for Listener {
    type Interfaces = (TheirCallback,);
}
impl Class for Doubter {
    type Interfaces = (TheirCallback,);
}
impl Class for Reader {
    type Interfaces = (TheirCallback,);
}
impl Class for Two {
    type Interfaces = (TheirSync, TheirCallback);
}
impl Class for Four {
    type Interfaces = (TheirSync, TheirCallback, Third, Fourth);
}

macro_rules! noting {
    ($($class:ident)+) => {$(
        impl Progress for $class {
            unsafe fn progress(&self, _: *const u16, index: u32, _: u32) -> HRESULT {
                self.0.store(index, Relaxed);
                HRESULT::S_OK
            }
        }
    )+};
}

noting!(Listener Two Four);

impl Progress for Doubter {
    unsafe fn progress(&self, _: *const u16, index: u32, _: u32) -> HRESULT {
        crate::note(&self.0, index);
        HRESULT::S_OK
    }
}

impl Progress for Reader {
    unsafe fn progress(&self, text: *const u16, _: u32, _: u32) -> HRESULT {
        // SAFETY: terminated, says the caller.
        let read = unsafe { texts::read(text) };
        self.0.store(read.len() as u32, Relaxed);
        HRESULT::S_OK
    }
}

/// A pointer of theirs as one of ours. The reference is handed over.
fn ours<I: mapisync::Interface>(
    theirs: Option<ComPtr<impl com_scrape_types::Interface>>,
) -> mapisync::ComPtr<I> {
    // SAFETY: the same interface, or IUnknown, with which all begin; these objects are free-threaded and do not unwind.
    unsafe { mapisync::ComPtr::from_raw(theirs.unwrap().into_raw().cast()) }.unwrap()
}

fn listener() -> Callback {
    ours(ComWrapper::new(Listener(AtomicU32::new(0))).to_com_ptr::<TheirCallback>())
}

fn doubter() -> Callback {
    ours(ComWrapper::new(Doubter(AtomicU32::new(0))).to_com_ptr::<TheirCallback>())
}

fn reader() -> Callback {
    ours(ComWrapper::new(Reader(AtomicU32::new(0))).to_com_ptr::<TheirCallback>())
}

/// A callback that is a store as well.
pub fn two() -> Unknown {
    ours(ComWrapper::new(Two(AtomicU32::new(0))).to_com_ptr::<TheirSync>())
}

fn four() -> Unknown {
    ours(ComWrapper::new(Four(AtomicU32::new(0))).to_com_ptr::<TheirSync>())
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(ComWrapper::new(Listener(AtomicU32::new(0)))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(
            ComWrapper::new(Listener(AtomicU32::new(0))).to_com_ptr::<TheirCallback>(),
        ));
    }
}

/// A pointer of ours as one of theirs.
fn borrow<'a, I: com_scrape_types::Interface>(
    ours: &'a mapisync::ComPtr<impl mapisync::Interface>,
) -> ComRef<'a, I> {
    // SAFETY: the callers convert to the same interface.
    unsafe { ComRef::from_raw(ours.as_raw().cast()) }.unwrap()
}

/// As their generator writes it.
#[inline]
fn send(callback: ComRef<'_, TheirCallback>, text: *const u16) {
    let this = callback.as_ptr();
    // SAFETY: a live object, and NULL or a terminated text.
    let _ = unsafe { ((*(*this).vtbl).Progress)(this.cast(), text, 1, 2) };
}

fn call(callback: &Callback, n: u64) {
    let callback = borrow(callback);
    for _ in 0..n {
        send(callback, ptr::null());
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
        drop(object.cast::<Nobodys>());
    }
}

fn text(callback: &Callback, text: &str, n: u64) {
    let callback = borrow(callback);
    for _ in 0..n {
        by_vec(text, |text| send(callback, text));
    }
}

fn wide(callback: &Callback, n: u64) {
    let callback = borrow(callback);
    for _ in 0..n {
        send(callback, texts::WIDE.as_ptr());
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        listener,
        doubter,
        reader: Some(reader),
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
        text,
        wide,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects
}
