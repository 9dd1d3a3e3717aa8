//! Foreign stores, and objects that break the rules of COM.

use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncVtbl, IUnknown, IUnknownVtbl, MAPISIB,
};
use mapisync::{Class, ComObject, ComPtr, GUID, HRESULT, ImplementedBy, Thunk};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;

/// An object whose methods break any rule.
struct Foreign {
    script: Box<dyn Fn(HostRequest<'_>) -> HRESULT + Send + Sync>,
    /// The code that `QueryInterface` returns and the address that it stores, if it misbehaves.
    misbehavior: Option<(HRESULT, usize)>,
}

impl Class for Foreign {
    type Interfaces = (IMAPISync,);
}

// SAFETY: the vtable has all four slots. `AddRef` and `Release` are those of `Thunk`, and
// `QueryInterface` misbehaves only if a test demands it. A script that panics ends the process,
// because Rust does not unwind through an `extern "system"` function.
unsafe impl<const INDEX: usize> ImplementedBy<Foreign, INDEX> for IMAPISync {
    const VTABLE: &'static IMAPISyncVtbl = &IMAPISyncVtbl {
        base: IUnknownVtbl {
            QueryInterface: foreign_query::<INDEX>,
            ..Thunk::<Foreign, INDEX>::UNKNOWN
        },
        SynchronizeInBackground: foreign_synchronize::<INDEX>,
    };
}

unsafe extern "system" fn foreign_query<const INDEX: usize>(
    this: *mut IUnknown,
    riid: *const GUID,
    ppv: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `Foreign`. COM requires the caller to hold a reference, and `riid` and `ppv` to be
    // valid.
    unsafe {
        let Some((code, out)) = Thunk::<Foreign, INDEX>::payload(this).misbehavior else {
            return (Thunk::<Foreign, INDEX>::UNKNOWN.QueryInterface)(this, riid, ppv);
        };
        *ppv = ptr::without_provenance_mut(out);
        code
    }
}

unsafe extern "system" fn foreign_synchronize<const INDEX: usize>(
    this: *mut IMAPISync,
    psibpb: *mut MAPISIB,
) -> HRESULT {
    // SAFETY: `this` comes from this vtable, so it points to interface INDEX of an object with
    // payload `Foreign`. COM requires the caller to hold a reference.
    let foreign = unsafe { Thunk::<Foreign, INDEX>::payload(this) };
    (foreign.script)(HostRequest { raw: psibpb, call: PhantomData })
}

/// Creates a store whose method is the script.
pub fn foreign_sync(
    script: impl Fn(HostRequest<'_>) -> HRESULT + Send + Sync + 'static,
) -> ComPtr<IMAPISync> {
    let foreign = Foreign { script: Box::new(script), misbehavior: None };
    ComObject::new(foreign).cast().unwrap()
}

/// Creates an object whose `QueryInterface` returns and stores given values, in any combination.
pub fn misbehaving_object(code: HRESULT, out: *mut c_void) -> ComPtr<IUnknown> {
    let foreign =
        Foreign { script: Box::new(|_| HRESULT::E_NOTIMPL), misbehavior: Some((code, out.addr())) };
    ComObject::new(foreign).cast().unwrap()
}

/// The argument of a call, as the host passes it to a store of [`foreign_sync`]. It dereferences to
/// the structure.
#[derive(Clone, Copy)]
pub struct HostRequest<'call> {
    raw: *mut MAPISIB,
    call: PhantomData<&'call MAPISIB>,
}

impl HostRequest<'_> {
    /// Returns the pointer, which a careless host may have set to anything.
    pub fn as_ptr(self) -> *mut MAPISIB {
        self.raw
    }
}

impl Deref for HostRequest<'_> {
    type Target = MAPISIB;

    fn deref(&self) -> &MAPISIB {
        assert!(!self.raw.is_null() && self.raw.is_aligned());
        // SAFETY: the pointer is aligned and not NULL, so it points to a structure that does not
        // change during the call: the documentation requires this of a host, and only the thunk of
        // a foreign store creates a `HostRequest`.
        unsafe { &*self.raw }
    }
}

/// Returns the callback of a request with a new reference, as a foreign store does.
pub fn callback_of(request: HostRequest<'_>) -> ComPtr<IMAPISyncProgressCallback> {
    // SAFETY: the documentation requires the callback to be valid during the call. The tests pass
    // callbacks of this crate, which are free-threaded.
    let unknown = unsafe { ComPtr::from_raw_borrowed(request.punkCallBack) }.unwrap();
    unknown.cast().unwrap()
}
