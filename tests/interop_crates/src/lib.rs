//! com-scrape-types has no macros for interfaces, only a generator. This is the code that it would
//! write for those of this crate, by hand: the tests of this package and the benchmarks make their
//! objects with it.

use com_scrape_types::{Class, Construct, Guid, Header, InterfaceList, Wrapper};
use mapisync::abi::{
    HANDLE, IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl,
    IUnknown, IUnknownVtbl, MAPISIB,
};
use mapisync::{GUID, HRESULT, ImplementedBy, Interface, Thunk};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

/// An interface of this crate as one of com-scrape-types.
#[repr(C)]
pub struct Their<I: Interface>(pub *const I::Vtbl);

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

/// The methods of `IMAPISync`, for a class.
pub trait TheirSync: Class {
    /// # Safety
    ///
    /// The caller must keep the documented contract of `SynchronizeInBackground`.
    unsafe fn synchronize(&self, psibpb: *mut MAPISIB) -> HRESULT;
}

/// The methods of `IMAPISyncProgressCallback`, for a class. The caller of each must keep the
/// documented contract of the method.
#[allow(clippy::missing_safety_doc)] // it is above
pub trait TheirCallback: Class {
    /// `Progress`.
    unsafe fn progress(&self, string: *const u16, index: u32, max: u32) -> HRESULT;
    /// `Error`.
    unsafe fn error(&self, code: HRESULT, string: *const u16) -> HRESULT;
    /// `Done`.
    unsafe fn done(&self, event: HANDLE, status: HRESULT) -> HRESULT;
}

/// An interface without methods.
#[repr(C)]
pub struct Empty<const IID: u128>(*const IUnknownVtbl);

// SAFETY: the struct is one pointer to the vtable of its base, IUnknown.
unsafe impl<const IID: u128> Interface for Empty<IID> {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(IID);
}

// SAFETY: the vtable consists of `Thunk`'s three slots, for this class and index.
unsafe impl<T: mapisync::Class, const INDEX: usize, const IID: u128> ImplementedBy<T, INDEX>
    for Empty<IID>
{
    const VTABLE: &'static IUnknownVtbl = &Thunk::<T, INDEX>::UNKNOWN;
}

// SAFETY: the vtable has the interface's slots, for this class at this offset.
unsafe impl<C: TheirSync, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for Their<IMAPISync>
{
    const OBJ: Self = Their(&IMAPISyncVtbl {
        base: At::<C, W, OFFSET>::UNKNOWN,
        SynchronizeInBackground: At::<C, W, OFFSET>::synchronize,
    });
}

// SAFETY: the vtable has the interface's slots, for this class at this offset.
unsafe impl<C: TheirCallback, W: Wrapper<C>, const OFFSET: isize> Construct<C, W, OFFSET>
    for Their<IMAPISyncProgressCallback>
{
    const OBJ: Self = Their(&IMAPISyncProgressCallbackVtbl {
        base: At::<C, W, OFFSET>::UNKNOWN,
        Progress: At::<C, W, OFFSET>::progress,
        Error: At::<C, W, OFFSET>::error,
        Done: At::<C, W, OFFSET>::done,
    });
}

// SAFETY: the vtable has IUnknown's slots, for this class at this offset.
unsafe impl<C: Class, W: Wrapper<C>, const OFFSET: isize, const IID: u128> Construct<C, W, OFFSET>
    for Their<Empty<IID>>
{
    const OBJ: Self = Their(&At::<C, W, OFFSET>::UNKNOWN);
}

/// The functions in the vtable of an interface at `OFFSET` in an object. In each, COM guarantees
/// that `this` is this interface of a live object, and that the arguments are valid.
struct At<C, W, const OFFSET: isize>(PhantomData<(C, W)>);

impl<C: Class, W: Wrapper<C>, const OFFSET: isize> At<C, W, OFFSET> {
    const UNKNOWN: IUnknownVtbl =
        IUnknownVtbl { QueryInterface: Self::query, AddRef: Self::add_ref, Release: Self::release };

    /// # Safety
    ///
    /// `this` must be the interface at `OFFSET` of a live object of this wrapper.
    #[inline]
    unsafe fn data<I>(this: *mut I) -> *mut C {
        let header: *mut Header<C> = this.wrapping_byte_offset(-OFFSET).cast();
        // SAFETY: the interfaces of a wrapper lie in its header, this one at `OFFSET`.
        unsafe { W::data_from_header(header) }
    }
    unsafe extern "system" fn query(
        this: *mut IUnknown,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        // SAFETY: COM's guarantees above. The offset that is found is one from the header.
        unsafe {
            match C::Interfaces::query(&*riid.cast::<Guid>()) {
                Some(found) => {
                    W::add_ref(Self::data(this));
                    *ppv = this.byte_offset(found - OFFSET).cast();
                    HRESULT::S_OK
                }
                None => {
                    *ppv = ptr::null_mut();
                    HRESULT::E_NOINTERFACE
                }
            }
        }
    }
    unsafe extern "system" fn add_ref(this: *mut IUnknown) -> u32 {
        // SAFETY: COM's guarantees above.
        unsafe { W::add_ref(Self::data(this)) as u32 }
    }
    unsafe extern "system" fn release(this: *mut IUnknown) -> u32 {
        // SAFETY: COM's guarantees above.
        unsafe { W::release(Self::data(this)) as u32 }
    }
}

impl<C: TheirSync, W: Wrapper<C>, const OFFSET: isize> At<C, W, OFFSET> {
    unsafe extern "system" fn synchronize(this: *mut IMAPISync, psibpb: *mut MAPISIB) -> HRESULT {
        // SAFETY: COM's guarantees above. The contract of the method is the caller's.
        unsafe { (*Self::data(this)).synchronize(psibpb) }
    }
}

type CallbackThis = *mut IMAPISyncProgressCallback;

impl<C: TheirCallback, W: Wrapper<C>, const OFFSET: isize> At<C, W, OFFSET> {
    unsafe extern "system" fn progress(
        this: CallbackThis,
        string: *const u16,
        index: u32,
        max: u32,
    ) -> HRESULT {
        // SAFETY: COM's guarantees above. The contract of the method is the caller's.
        unsafe { (*Self::data(this)).progress(string, index, max) }
    }
    unsafe extern "system" fn error(
        this: CallbackThis,
        code: HRESULT,
        string: *const u16,
    ) -> HRESULT {
        // SAFETY: COM's guarantees above. The contract of the method is the caller's.
        unsafe { (*Self::data(this)).error(code, string) }
    }
    unsafe extern "system" fn done(this: CallbackThis, event: HANDLE, status: HRESULT) -> HRESULT {
        // SAFETY: COM's guarantees above. The contract of the method is the caller's.
        unsafe { (*Self::data(this)).done(event, status) }
    }
}
