//! Helpers for the expansions of `com_interface!`. They are not part of the public API.

#![allow(missing_docs)]

use crate::abi::{GUID, HRESULT};
use crate::error::Result;
use crate::object::com_interface::{Extends, PlainArgument};
use crate::object::{Class, ComPtr, ImplementedBy, Interface, Thunk};
use core::ptr;

/// Returns the IID, or stops the compilation with this message if the string is malformed.
pub const fn iid(string: &str, message: &str) -> GUID {
    match GUID::parse(string) {
        Some(iid) => iid,
        None => panic!("{}", message),
    }
}

/// Compiles only if the argument of a plain `fn` may be passed by safe code.
pub const fn plain<T: PlainArgument>() {}

/// Returns the part of the vtable of `T`'s interface `INDEX` that consists of its base's slots.
pub const fn base<I: ImplementedBy<T, INDEX>, T, const INDEX: usize>() -> I::Vtbl {
    // SAFETY: a vtable consists of function pointers, by the contract of `Interface`, so a copy of
    // its bits is another vtable.
    unsafe { ptr::read(I::VTABLE) }
}

/// Returns the vtable of the object's interface `B` and `this` for its methods.
#[inline(always)]
pub fn this<I: Extends<B>, B: Interface>(pointer: &ComPtr<I>) -> (*const B::Vtbl, *mut B) {
    (pointer.vtbl().cast(), pointer.as_raw().cast())
}

/// [`Thunk::call`], for a method whose declared type is the `HRESULT`.
///
/// # Safety
///
/// The contract of [`Thunk::payload`] must hold for `this` during the call.
#[inline(always)]
pub unsafe fn call<T: Class, const INDEX: usize, I, R: Code>(
    this: *mut I,
    method: impl FnOnce(&T) -> Result<R>,
) -> R {
    // SAFETY: the contract of `Thunk::payload` is this function's.
    R::from(unsafe { Thunk::<T, INDEX>::call(this, method) })
}

/// Returns what a method of the trait returns for the code of the object that it forwards to.
pub fn ok_code<R: Code>(code: R) -> Result<R> {
    code.into().ok_code().map(R::from)
}

/// An `HRESULT`, the type of a method that is declared without a value for panics.
#[diagnostic::on_unimplemented(
    message = "a method that returns `{Self}` needs the value that it returns after a panic",
    label = "not an HRESULT",
    note = "write the value after the type, as in `-> u32 = 0;`"
)]
pub trait Code: Into<HRESULT> {
    fn from(code: HRESULT) -> Self;
}

impl Code for HRESULT {
    fn from(code: HRESULT) -> HRESULT {
        code
    }
}
