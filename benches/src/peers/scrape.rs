//! com-scrape-types 0.1: its `ComWrapper` and its pointers, with bindings like those that its
//! generator writes.

use crate::{Empty, IFourth, IMissing, IThird, Peer, record, repeat, store, to_utf16};
use com_scrape_types::{
    Class, ComPtr, ComRef, ComWrapper, Construct, Guid, Header, InterfaceList, MakeHeader, Wrapper,
};
use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl, IUnknown,
    IUnknownVtbl, MAPISIB,
};
use mapisync::{GUID, HRESULT, Interface};
use std::ffi::c_void;
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::AtomicU32;

/// The peer's name.
pub const NAME: &str = "com-scrape-types 0.1";

/// An interface of this crate as one of com-scrape-types.
#[repr(C)]
struct Their<I: Interface>(*const I::Vtbl);

impl<I: Interface> com_scrape_types::Unknown for Their<I> {
    #[inline]
    unsafe fn query_interface(this: *mut Self, iid: &Guid) -> Option<*mut c_void> {
        let mut out = ptr::null_mut();
        // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
        let result = unsafe {
            let vtbl = (*this).0.cast::<IUnknownVtbl>();
            ((*vtbl).QueryInterface)(this.cast(), ptr::from_ref(iid).cast(), &mut out)
        };
        result.is_ok().then_some(out)
    }
    #[inline]
    unsafe fn add_ref(this: *mut Self) -> usize {
        // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
        unsafe { ((*(*this).0.cast::<IUnknownVtbl>()).AddRef)(this.cast()) as usize }
    }
    #[inline]
    unsafe fn release(this: *mut Self) -> usize {
        // SAFETY: the caller passes a live object. Its vtable begins with IUnknown's slots.
        unsafe { ((*(*this).0.cast::<IUnknownVtbl>()).Release)(this.cast()) as usize }
    }
}

// SAFETY: the struct is one pointer to a vtable, which begins with IUnknown's slots.
unsafe impl<I: Interface> com_scrape_types::Interface for Their<I> {
    type Vtbl = I::Vtbl;
    const IID: Guid = bytes(I::IID);
    #[inline]
    fn inherits(iid: &Guid) -> bool {
        *iid == Self::IID || *iid == bytes(IUnknown::IID)
    }
}

/// Converts an IID. com-scrape-types has it as the bytes in memory.
const fn bytes(iid: GUID) -> Guid {
    // SAFETY: a GUID is 16 initialized bytes without padding, and `Guid` is an array of 16 bytes.
    unsafe { ptr::from_ref(&iid).cast::<Guid>().read() }
}

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
        // SAFETY: COM's callers pass a live interface of this vtable.
        unsafe { W::add_ref(object::<C, W, OFFSET>(this).1) as u32 }
    }
    unsafe extern "system" fn release<C: Class, W: Wrapper<C>, const OFFSET: isize>(
        this: *mut IUnknown,
    ) -> u32 {
        // SAFETY: COM's callers pass a live interface of this vtable.
        unsafe { W::release(object::<C, W, OFFSET>(this).1) as u32 }
    }
    IUnknownVtbl {
        QueryInterface: query::<C, W, OFFSET>,
        AddRef: add_ref::<C, W, OFFSET>,
        Release: release::<C, W, OFFSET>,
    }
}

/// The method for which their generator writes a trait.
trait Progress {
    fn progress(&self, index: u32) -> HRESULT;
}

// SAFETY: the vtable has the slots of `IMAPISyncProgressCallback`, for this class at this offset.
unsafe impl<C: Class + Progress, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for Their<IMAPISyncProgressCallback>
{
    const OBJ: Self = Their(&IMAPISyncProgressCallbackVtbl {
        base: base::<C, W, OFFSET>(),
        Progress: progress::<C, W, OFFSET>,
        Error: ignore,
        Done: ignore,
    });
}

unsafe extern "system" fn progress<C: Class + Progress, W: Wrapper<C>, const OFFSET: isize>(
    this: *mut IMAPISyncProgressCallback,
    _: *const u16,
    index: u32,
    _: u32,
) -> HRESULT {
    // SAFETY: COM's callers pass a live interface of this vtable.
    unsafe { (*W::data_from_header(this.wrapping_byte_offset(-OFFSET).cast())).progress(index) }
}

/// `Error` and `Done`.
unsafe extern "system" fn ignore<A, B, C>(_: A, _: B, _: C) -> HRESULT {
    HRESULT::S_OK
}

// SAFETY: the vtable has the slots of `IMAPISync`, for this class at this offset.
unsafe impl<C: Class, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for Their<IMAPISync>
{
    const OBJ: Self = Their(&IMAPISyncVtbl {
        base: base::<C, W, OFFSET>(),
        SynchronizeInBackground: synchronize,
    });
}

unsafe extern "system" fn synchronize(_: *mut IMAPISync, _: *mut MAPISIB) -> HRESULT {
    HRESULT::E_NOTIMPL
}

// SAFETY: the vtable has IUnknown's slots, for this class at this offset.
unsafe impl<C: Class, W: Wrapper<C>, const OFFSET: isize, const IID: u128> Construct<C, W, OFFSET>
    for Their<Empty<IID>>
{
    const OBJ: Self = Their(&base::<C, W, OFFSET>());
}

/// An object with this number of interfaces.
#[derive(Default)]
struct Object<const INTERFACES: usize>(AtomicU32);

impl Class for Object<1> {
    type Interfaces = (Their<IMAPISyncProgressCallback>,);
}

impl Class for Object<2> {
    type Interfaces = (Their<IMAPISync>, Their<IMAPISyncProgressCallback>);
}

impl Class for Object<4> {
    type Interfaces =
        (Their<IMAPISync>, Their<IMAPISyncProgressCallback>, Their<IThird>, Their<IFourth>);
}

impl<const INTERFACES: usize> Progress for Object<INTERFACES> {
    fn progress(&self, index: u32) -> HRESULT {
        store(&self.0, index);
        HRESULT::S_OK
    }
}

#[derive(Default)]
struct MayPanic(AtomicU32);

impl Class for MayPanic {
    type Interfaces = (Their<IMAPISyncProgressCallback>,);
}

impl Progress for MayPanic {
    fn progress(&self, index: u32) -> HRESULT {
        record(&self.0, index);
        HRESULT::S_OK
    }
}

/// Creates an object and returns a pointer of theirs.
fn create<C: Class + Default + 'static, I: Interface>() -> ComPtr<Their<I>>
where
    C::Interfaces: MakeHeader<C, ComWrapper<C>>,
{
    ComWrapper::new(C::default()).to_com_ptr().unwrap()
}

/// Turns a pointer of theirs into one of this crate. The reference moves along.
fn ours<I: Interface>(theirs: ComPtr<Their<I>>) -> mapisync::ComPtr<I> {
    // SAFETY: `ComWrapper` counts atomically and the classes are `Sync`, so the objects are
    // free-threaded. No case makes a method panic.
    unsafe { mapisync::ComPtr::from_raw(theirs.into_raw().cast()) }.unwrap()
}

/// Borrows a pointer of this crate as one of theirs.
fn borrow<I: Interface>(ours: &mapisync::ComPtr<I>) -> ComRef<'_, Their<I>> {
    // SAFETY: it is the same interface on both sides, and `ours` keeps the object alive.
    unsafe { ComRef::from_raw(ours.as_raw().cast()) }.unwrap()
}

/// Calls `Progress` as their generator writes it.
///
/// # Safety
///
/// `string` must be NULL or point to a string that ends with NUL.
#[inline]
unsafe fn call(callback: ComRef<'_, Their<IMAPISyncProgressCallback>>, string: *const u16) {
    let this = callback.as_ptr();
    // SAFETY: the object is live, and this function's contract is that of `Progress`.
    let _ = unsafe { ((*(*this).0).Progress)(this.cast(), string, 1, 2) };
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position: || ours(create::<Object<1>, _>()),
    may_panic: || ours(create::<MayPanic, _>()),
    two: || ours(create::<Object<2>, _>()),
    four: || ours(create::<Object<4>, _>()),
    create: |n| repeat(n, || black_box(ComWrapper::new(Object::<1>::default()))),
    create_interface: |n| {
        repeat(n, || black_box(create::<Object<1>, IMAPISyncProgressCallback>()));
    },
    call: |callback, n| {
        let callback = borrow(callback);
        // SAFETY: NULL is allowed.
        repeat(n, || unsafe { call(callback, ptr::null()) });
    },
    clone: |callback, n| {
        let callback = borrow(callback);
        repeat(n, || callback.to_com_ptr());
    },
    cast: |object, n| {
        let object = borrow(object);
        repeat(n, || object.cast::<Their<IMAPISyncProgressCallback>>());
    },
    cast_miss: |object, n| {
        let object = borrow(object);
        repeat(n, || object.cast::<Their<IMissing>>());
    },
    string: |callback, string, n| {
        let callback = borrow(callback);
        // SAFETY: the string is terminated and outlives the call.
        repeat(n, || unsafe { call(callback, to_utf16(string).as_ptr()) });
    },
};
