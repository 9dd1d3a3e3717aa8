//! `Extends`: which interfaces' methods a pointer can call.

use crate::object::Interface;

/// An interface that is `B` or extends it, directly or through other interfaces.
///
/// Every interface extends itself. [`com_interface!`](crate::com_interface) implements the trait for
/// the bases of an interface, so that their calls work on a pointer to it. Use it as a bound to
/// accept such a pointer:
///
/// ```
/// use mapisync::abi::IUnknown;
/// use mapisync::{ComPtr, Extends, HRESULT, Interface};
///
/// mapisync::com_interface! {
///     // SAFETY: an interface of this example only.
///     unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
///         vtable ICounterVtbl;
///         trait Counter;
///         calls ICounterCalls;
///         fn Increase(by: u32) -> HRESULT;
///     }
/// }
///
/// fn twice<I: Extends<ICounter>>(counter: &ComPtr<I>) -> HRESULT {
///     let _ = counter.Increase(1);
///     counter.Increase(1)
/// }
/// ```
///
/// A hand-laid interface needs it only if its base has calls:
/// `unsafe impl<B: Interface> Extends<B> for IMine where IBase: Extends<B> {}`.
///
/// # Safety
///
/// `B` must be `Self`, or the chain of [`Base`](Interface::Base) types of `Self` must contain it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not extend `{B}`",
    label = "this interface neither is `{B}` nor extends it"
)]
pub unsafe trait Extends<B: Interface>: Interface {}

// SAFETY: `B` is `Self`.
unsafe impl<I: Interface> Extends<I> for I {}
