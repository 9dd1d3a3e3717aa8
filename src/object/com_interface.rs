//! `com_interface!` declares a COM interface, its trait and its calls in one place.

mod expand;
mod extends;
mod plain_argument;
#[doc(hidden)]
pub mod private;

pub use extends::Extends;
pub use plain_argument::PlainArgument;

/// Declares a COM interface in one place: its vtable, a trait that implements it, and its calls.
///
/// Name the interface, its base and its IID. List its methods in vtable order, without `this`:
///
/// ```
/// use mapisync::abi::IUnknown;
/// use mapisync::{Class, ComObject, ComPtr, HRESULT, Result};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// mapisync::com_interface! {
///     // SAFETY: order and signatures are those of MAPIDefS.h, the IID is that of MAPIGuid.h.
///     pub unsafe interface IMAPIProgress: IUnknown("0002031F-0000-0000-C000-000000000046") {
///         vtable IMAPIProgressVtbl;
///         trait MapiProgress;
///         calls IMAPIProgressCalls;
///         free_threaded;
///         fn Progress(ulValue: u32, ulCount: u32, ulTotal: u32) -> HRESULT;
///         unsafe fn GetFlags(lpulFlags: *mut u32) -> HRESULT;
///         unsafe fn GetMax(lpulMax: *mut u32) -> HRESULT;
///         unsafe fn GetMin(lpulMin: *mut u32) -> HRESULT;
///         unsafe fn SetLimits(lpulMin: *mut u32, lpulMax: *mut u32, lpulFlags: *mut u32) -> HRESULT;
///     }
/// }
///
/// struct Bar(AtomicU32);
///
/// impl Class for Bar {
///     type Interfaces = (IMAPIProgress,);
/// }
///
/// impl MapiProgress for Bar {
///     fn Progress(&self, value: u32, _count: u32, _total: u32) -> Result<HRESULT> {
///         self.0.store(value, Ordering::Relaxed);
///         Ok(HRESULT::S_OK)
///     }
/// }
///
/// let bar = ComObject::new(Bar(AtomicU32::new(0)));
/// let progress: ComPtr<IMAPIProgress> = bar.cast()?;
/// assert_eq!(progress.Progress(7, 1, 9), HRESULT::S_OK);
/// assert_eq!(bar.0.load(Ordering::Relaxed), 7);
///
/// let mut max = 0;
/// // SAFETY: `max` is valid for a write.
/// let code = unsafe { progress.GetMax(&mut max) };
/// assert_eq!(code, HRESULT::MAPI_E_NO_SUPPORT); // `Bar` leaves the method out
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// The macro makes
///
/// - the struct `IMAPIProgress` and its vtable `IMAPIProgressVtbl`, with public fields of the
///   documented names. [`vtable_layout!`](crate::vtable_layout) and
///   [`struct_layout!`](crate::struct_layout) prove their layouts.
/// - [`Interface`](crate::Interface) for the struct, and [`FreeThreaded`](crate::FreeThreaded) if
///   the declaration has `free_threaded;`.
/// - the trait `MapiProgress`. A type that implements it can list the interface in its
///   [`Class`](crate::Class). No panic of a method reaches the caller.
/// - the trait `IMAPIProgressCalls`, with the methods for [`ComPtr`](crate::ComPtr). A
///   [`ComRef`](crate::ComRef) dereferences to a `ComPtr`, so it has them as well. Import the trait
///   to call them. A call has no effect on the count.
///
/// Documentation comments and other attributes may stand before the interface, and before its
/// `vtable`, `trait` and `calls`. Those of a method are copied to the vtable slot, to the trait's
/// method and to the call. Several interfaces may follow each other in one invocation. An interface
/// may have any visibility, but its base must be as visible as the interface.
///
/// # Where the order comes from
///
/// Take the order of the methods from the table *Vtable order* on the page of the interface, or
/// from the header that declares it. **Never take it from the page's list of methods, which is
/// alphabetical.** Nothing in Rust can detect a wrong order: both sides of a test have the same
/// wrong slots and agree. In Outlook the wrong method is called. If there is a header in C, let a C
/// compiler compare `offsetof` of each slot with
/// [`Described::LAYOUT`](crate::abi::layout::Described::LAYOUT).
///
/// # Plain and unsafe methods
///
/// Safe code can call a plain `fn` with any arguments, so each of them must be a [`PlainArgument`]:
/// an integer, an `HRESULT`, a `GUID`. A method with any other argument must be an `unsafe fn`. It
/// is then unsafe in the trait and in the calls. All arguments and results must be FFI-safe.
///
/// # Results
///
/// | declaration | the call returns | the trait's method returns | if it is left out | after a panic |
/// |---|---|---|---|---|
/// | `-> HRESULT` | the code | `Result<HRESULT>` | `MAPI_E_NO_SUPPORT` | `E_UNEXPECTED` |
/// | `-> u32 = 0` | the value | `u32` | 0 | 0 |
/// | nothing | nothing | nothing | nothing | nothing |
///
/// The code in `Ok` may be a warning, such as `MAPI_W_PARTIAL_COMPLETION`. A result of any other
/// type needs a constant value of this type, which must be `Copy`.
///
/// # Inheritance
///
/// The base is `IUnknown`, another interface of this macro, or a hand-laid one. A pointer to the
/// interface has the calls of all its bases. A class must implement the traits of the bases, too. A
/// supertrait says so at the `impl`, and is optional:
///
/// ```
/// use mapisync::abi::IUnknown;
/// use mapisync::{Class, ComObject, HRESULT, Result};
///
/// mapisync::com_interface! {
///     // SAFETY: interfaces of this example only.
///     unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4") {
///         vtable ICounterVtbl;
///         trait Counter;
///         calls ICounterCalls;
///         fn Increase(by: u32) -> HRESULT;
///     }
///
///     // SAFETY: interfaces of this example only.
///     unsafe interface IScale: ICounter("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F5") {
///         vtable IScaleVtbl;
///         trait Scale: Counter;
///         calls IScaleCalls;
///         fn Weight() -> u32 = u32::MAX;
///     }
/// }
///
/// struct Kitchen;
///
/// impl Class for Kitchen {
///     type Interfaces = (IScale,); // `ICounter` comes with it
/// }
///
/// impl Counter for Kitchen {
///     fn Increase(&self, _by: u32) -> Result<HRESULT> {
///         Ok(HRESULT::S_FALSE)
///     }
/// }
///
/// impl Scale for Kitchen {
///     fn Weight(&self) -> u32 {
///         panic!("the scale is not connected")
///     }
/// }
///
/// let scale = ComObject::new(Kitchen).cast::<IScale>()?;
/// assert_eq!(scale.Increase(1), HRESULT::S_FALSE);
/// assert_eq!(scale.Weight(), u32::MAX);
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// # Forwarding
///
/// An object that wraps another one passes most calls on to it. With `forwards NAME;`, the trait has
/// a further method of this name, which returns the object to forward to. Every method that is left
/// out is then forwarded, so that none can be forgotten:
///
/// ```
/// use mapisync::abi::IUnknown;
/// use mapisync::{Class, ComObject, ComPtr, Extends, HRESULT, Result};
///
/// mapisync::com_interface! {
///     // SAFETY: an interface of this example only. Its objects are free-threaded.
///     unsafe interface IMeter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F6") {
///         vtable IMeterVtbl;
///         trait Meter;
///         calls IMeterCalls;
///         free_threaded;
///         forwards inner_meter;
///         fn Value() -> u32 = 0;
///         fn Reset(value: u32) -> HRESULT;
///     }
/// }
///
/// struct Simple;
///
/// impl Class for Simple {
///     type Interfaces = (IMeter,);
/// }
///
/// impl Meter for Simple {
///     fn Value(&self) -> u32 {
///         21
///     }
/// }
///
/// struct Double {
///     inner: ComPtr<IMeter>,
/// }
///
/// impl Class for Double {
///     type Interfaces = (IMeter,);
/// }
///
/// impl Meter for Double {
///     fn inner_meter(&self) -> Option<&ComPtr<impl Extends<IMeter>>> {
///         Some(&self.inner)
///     }
///     fn Value(&self) -> u32 {
///         2 * self.inner.Value()
///     }
/// }
///
/// let inner = ComObject::new(Simple).cast()?;
/// let meter: ComPtr<IMeter> = ComObject::new(Double { inner }).cast()?;
/// assert_eq!(meter.Value(), 42);
/// assert_eq!(meter.Reset(7), HRESULT::MAPI_E_NO_SUPPORT); // the code of `Simple`
/// # Ok::<(), mapisync::Error>(())
/// ```
///
/// The method may return any interface that extends the declared one. It is not a vtable slot. For
/// the interfaces that the wrapper does not have, see [`Class::WRAPPED`](crate::Class::WRAPPED).
///
/// # Safety
///
/// The author of an `unsafe interface` states that
///
/// - the methods are all methods of the interface that its base does not have, in the order of the
///   vtable, and have the documented arguments and results;
/// - the IID is that of this interface and of no other;
/// - every object with this interface accepts any arguments of its plain methods;
/// - with `free_threaded;`, the contract of [`FreeThreaded`](crate::FreeThreaded) holds.
///
/// # By hand
///
/// This is the same interface without the macro. The crate's own interfaces are written this way.
///
/// ```
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::{
///     Class, ComPtr, FreeThreaded, GUID, HRESULT, ImplementedBy, Interface, Result, Thunk,
/// };
///
/// #[repr(C)]
/// pub struct IMAPIProgress {
///     pub lpVtbl: *const IMAPIProgressVtbl,
/// }
///
/// type This = *mut IMAPIProgress;
///
/// #[repr(C)]
/// pub struct IMAPIProgressVtbl {
///     pub base: IUnknownVtbl,
///     pub Progress: unsafe extern "system" fn(This, u32, u32, u32) -> HRESULT,
///     pub GetFlags: unsafe extern "system" fn(This, *mut u32) -> HRESULT,
///     pub GetMax: unsafe extern "system" fn(This, *mut u32) -> HRESULT,
///     pub GetMin: unsafe extern "system" fn(This, *mut u32) -> HRESULT,
///     pub SetLimits: unsafe extern "system" fn(This, *mut u32, *mut u32, *mut u32) -> HRESULT,
/// }
///
/// mapisync::vtable_layout! {
///     IMAPIProgressVtbl { base: IUnknownVtbl, Progress, GetFlags, GetMax, GetMin, SetLimits }
/// }
///
/// // SAFETY: one pointer to a vtable that begins with IUnknown's. The IID is that of MAPIGuid.h.
/// unsafe impl Interface for IMAPIProgress {
///     type Vtbl = IMAPIProgressVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(0x0002031F_0000_0000_C000_000000000046);
/// }
///
/// // SAFETY: MAPI is free-threaded.
/// unsafe impl FreeThreaded for IMAPIProgress {}
///
/// pub trait MapiProgress: Class {
///     fn Progress(&self, value: u32, count: u32, total: u32) -> Result<HRESULT>;
///     unsafe fn GetFlags(&self, flags: *mut u32) -> Result<HRESULT>;
///     unsafe fn GetMax(&self, max: *mut u32) -> Result<HRESULT>;
///     unsafe fn GetMin(&self, min: *mut u32) -> Result<HRESULT>;
///     unsafe fn SetLimits(&self, min: *mut u32, max: *mut u32, flags: *mut u32) -> Result<HRESULT>;
/// }
///
/// // SAFETY: the vtable has every slot, and the three of IUnknown are `Thunk`'s. The thunks catch
/// // panics and only borrow the payload.
/// unsafe impl<T: MapiProgress, const N: usize> ImplementedBy<T, N> for IMAPIProgress {
///     const VTABLE: &'static IMAPIProgressVtbl = &IMAPIProgressVtbl {
///         base: Thunk::<T, N>::UNKNOWN,
///         Progress: progress::<T, N>,
///         GetFlags: get_flags::<T, N>,
///         GetMax: get_max::<T, N>,
///         GetMin: get_min::<T, N>,
///         SetLimits: set_limits::<T, N>,
///     };
/// }
///
/// unsafe extern "system" fn progress<T: MapiProgress, const N: usize>(
///     this: This, value: u32, count: u32, total: u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, so it points to interface `N` of a live object.
///     unsafe { Thunk::<T, N>::call(this, |object| object.Progress(value, count, total)) }
/// }
///
/// unsafe extern "system" fn get_flags<T: MapiProgress, const N: usize>(
///     this: This, flags: *mut u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, and the caller passes a valid pointer.
///     unsafe { Thunk::<T, N>::call(this, |object| object.GetFlags(flags)) }
/// }
///
/// unsafe extern "system" fn get_max<T: MapiProgress, const N: usize>(
///     this: This, max: *mut u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, and the caller passes a valid pointer.
///     unsafe { Thunk::<T, N>::call(this, |object| object.GetMax(max)) }
/// }
///
/// unsafe extern "system" fn get_min<T: MapiProgress, const N: usize>(
///     this: This, min: *mut u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, and the caller passes a valid pointer.
///     unsafe { Thunk::<T, N>::call(this, |object| object.GetMin(min)) }
/// }
///
/// unsafe extern "system" fn set_limits<T: MapiProgress, const N: usize>(
///     this: This, min: *mut u32, max: *mut u32, flags: *mut u32,
/// ) -> HRESULT {
///     // SAFETY: `this` comes from this vtable, and the caller passes valid pointers.
///     unsafe { Thunk::<T, N>::call(this, |object| object.SetLimits(min, max, flags)) }
/// }
///
/// pub trait IMAPIProgressCalls {
///     fn Progress(&self, value: u32, count: u32, total: u32) -> HRESULT;
///     // The other four are alike, and unsafe.
/// }
///
/// impl IMAPIProgressCalls for ComPtr<IMAPIProgress> {
///     fn Progress(&self, value: u32, count: u32, total: u32) -> HRESULT {
///         // SAFETY: the object is alive, and its vtable is that of the interface.
///         unsafe { ((*self.vtbl()).Progress)(self.as_raw(), value, count, total) }
///     }
/// }
/// # mod by_macro {
/// #     use mapisync::{HRESULT, abi::IUnknown};
/// #     mapisync::com_interface! {
/// #         // SAFETY: order and signatures are those of MAPIDefS.h, the IID is that of MAPIGuid.h.
/// #         pub unsafe interface IMAPIProgress: IUnknown("0002031F-0000-0000-C000-000000000046") {
/// #             vtable IMAPIProgressVtbl;
/// #             trait MapiProgress;
/// #             calls IMAPIProgressCalls;
/// #             free_threaded;
/// #             fn Progress(ulValue: u32, ulCount: u32, ulTotal: u32) -> HRESULT;
/// #             unsafe fn GetFlags(lpulFlags: *mut u32) -> HRESULT;
/// #             unsafe fn GetMax(lpulMax: *mut u32) -> HRESULT;
/// #             unsafe fn GetMin(lpulMin: *mut u32) -> HRESULT;
/// #             unsafe fn SetLimits(lpulMin: *mut u32, lpulMax: *mut u32, lpulFlags: *mut u32) -> HRESULT;
/// #         }
/// #     }
/// # }
/// # use mapisync::abi::layout::Described;
/// # assert_eq!(IMAPIProgressVtbl::LAYOUT, by_macro::IMAPIProgressVtbl::LAYOUT);
/// # assert_eq!(IMAPIProgress::IID, by_macro::IMAPIProgress::IID);
/// ```
#[macro_export]
macro_rules! com_interface {
    () => {};
    (
        $(#[$attribute:meta])*
        $visibility:vis unsafe interface $interface:ident: $($base:ident)::+ ($iid:literal) { $($body:tt)* }
        $($more:tt)*
    ) => {
        $crate::com_interface_parts! {
            [$(#[$attribute])*] [$visibility] $interface [$($base)::+] [$iid] $($body)*
        }
        $crate::com_interface! { $($more)* }
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis unsafe interface $interface:ident: $($base:ident)::+ $(($($iid:tt)*))? { $($body:tt)* }
        $($more:tt)*
    ) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($interface), "` has no IID: write it as a string after the base, as in ",
            "`interface IMAPIProgress: IUnknown(\"0002031F-0000-0000-C000-000000000046\")`"
        ));
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis interface $interface:ident $($more:tt)*
    ) => {
        ::core::compile_error!(::core::concat!(
            "write `unsafe interface ", ::core::stringify!($interface),
            "`: the compiler cannot check the order, the signatures and the IID against the documentation"
        ));
    };
}
