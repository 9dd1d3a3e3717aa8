//! The two interfaces as types of the crate [`com`](https://docs.rs/com/0.6). Its `class!`
//! implements them, and its pointers call them.
//!
//! A pointer of `com` and one of this crate have the same representation. Converting one to the
//! other does not change the reference count.
//!
//! # A store made with `class!`
//!
//! Let the method call [`provider::dispatch`]. The store then implements [`MapiSync`], with all
//! guarantees of that trait, such as one `Done` for each run. (`class!` needs `com`'s feature
//! `production`.)
//!
//! ```
//! use mapisync::abi::{self, MAPISIB};
//! use mapisync::interop::com::IMAPISync;
//! use mapisync::{ComPtr, MapiSync, Result, SyncRequest, provider};
//!
//! pub struct Store;
//!
//! impl MapiSync for Store {
//!     fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
//!         request.spawn(|job| job.position(1, 1))
//!     }
//! }
//!
//! com::class! {
//!     #[no_class_factory]
//!     pub class Provider: IMAPISync {
//!         store: Store,
//!     }
//!
//!     impl IMAPISync for Provider {
//!         unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> com::sys::HRESULT {
//!             // SAFETY: the caller of this COM method must pass NULL or a valid `MAPISIB`.
//!             unsafe { provider::dispatch(&self.store, psibpb) }.0
//!         }
//!     }
//! }
//!
//! # fn main() {
//! let provider = Provider::allocate(Store);
//! let theirs = provider.query_interface::<IMAPISync>().unwrap();
//! // SAFETY: every field of the class is `Send + Sync`, and Rust aborts if a method unwinds.
//! let sync: ComPtr<abi::IMAPISync> = unsafe { ComPtr::from_com(theirs) };
//! # }
//! ```
//!
//! # Caveats
//!
//! - If an in-parameter of a `class!` method has an interface as its type, the method takes
//!   *ownership* and releases it on return. That releases the caller's reference. The methods of
//!   the two interfaces have no such parameter. But `punkCallBack` and `psesSync` in
//!   [`MAPISIB`](abi::MAPISIB) are borrowed interface pointers. Let `dispatch` read that structure,
//!   or borrow them with [`ComRef::from_raw`](crate::ComRef::from_raw) and
//!   [`as_com`](ComPtr::as_com).
//! - `com` does not check that the fields of a class are `Send + Sync`. That is why
//!   [`from_com`](ComPtr::from_com) is `unsafe`.
//! - `QueryInterface` of a `class!` does not check its arguments. NULL and unaligned addresses,
//!   which objects of this crate accept, are undefined behavior there.
//! - `query_interface` of `com` panics if an object fails with a code other than `E_NOINTERFACE` or
//!   `E_POINTER`.
//! - `AbiTransferable::from_abi` makes a pointer from any address without `unsafe`. That
//!   unsoundness is `com`'s.
//! - On Windows, `com` declares functions that the linker does not find by itself: some of advapi32
//!   and, for 32-bit MinGW, one of ole32, which exists since Windows 8. This crate links them, in
//!   debug builds as well. For that, in 32-bit MinGW programs it defines a `CoIncrementMTAUsage`
//!   that calls ole32's. A library exports this function, and a program cannot contain a second
//!   crate that defines it. Without the feature `com`, none of this applies.
#![doc = std_links!()]

use crate::abi;
use crate::object::{ComPtr, ComRef, Interface};
use ::com::AbiTransferable as _;
use core::mem::offset_of;

pub use declarations::{IMAPISync, IMAPISyncProgressCallback};

#[cfg(windows)]
mod imports;

mod declarations {
    use crate::abi::{HANDLE, MAPISIB};
    use com::interfaces::IUnknown;
    use com::sys::HRESULT;

    com::interfaces! {
        /// [`abi::IMAPISync`](crate::abi::IMAPISync) as a type of the crate `com`.
        ///
        /// ```
        /// use mapisync::interop::com::IMAPISync;
        ///
        /// /// Asks an object of the crate `com` whether it is a store that Outlook can synchronize.
        /// fn can_synchronize(object: &com::interfaces::IUnknown) -> bool {
        ///     object.query_interface::<IMAPISync>().is_some()
        /// }
        /// ```
        ///
        /// Source:
        /// [IMAPISync](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisynciunknown).
        #[uuid("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
        pub unsafe interface IMAPISync: IUnknown {
            /// Starts a synchronization on a thread of the store, writes the handle of the done
            /// event to `*phSyncDoneEvent`, and returns.
            ///
            /// Effect on the counts: none, except for the references that the store keeps for the
            /// run.
            ///
            /// ```
            /// use mapisync::abi::MAPISIB;
            /// use mapisync::interop::com::IMAPISync;
            ///
            /// /// # Safety
            /// ///
            /// /// The pointers in `request` must be NULL or valid.
            /// unsafe fn start(store: &IMAPISync, request: &mut MAPISIB) -> bool {
            ///     // SAFETY: the contract is this function's.
            ///     let code = unsafe { store.SynchronizeInBackground(request) };
            ///     code >= 0 // a failure is negative
            /// }
            /// ```
            ///
            /// # Safety
            ///
            /// `psibpb` must point to a structure whose pointers are NULL or valid for the call.
            pub unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> HRESULT;
        }

        /// [`abi::IMAPISyncProgressCallback`](crate::abi::IMAPISyncProgressCallback) as a type of
        /// the crate `com`.
        ///
        /// ```
        /// use mapisync::interop::com::IMAPISyncProgressCallback;
        ///
        /// /// Gets the callback from the object in `MAPISIB.punkCallBack`.
        /// fn callback(object: &com::interfaces::IUnknown) -> Option<IMAPISyncProgressCallback> {
        ///     object.query_interface()
        /// }
        /// ```
        ///
        /// Source:
        /// [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
        #[uuid("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
        pub unsafe interface IMAPISyncProgressCallback: IUnknown {
            /// Reports a step and a position, or with NULL only a position.
            ///
            /// Effect on the counts: none.
            ///
            /// ```
            /// # use mapisync::interop::com::IMAPISyncProgressCallback;
            /// /// Reports a position. Returns whether the host asks the store to stop.
            /// fn is_canceled(callback: &IMAPISyncProgressCallback, index: u32, max: u32) -> bool {
            ///     // SAFETY: the string may be NULL.
            ///     unsafe { callback.Progress(std::ptr::null(), index, max) < 0 }
            /// }
            /// ```
            ///
            /// # Safety
            ///
            /// `pwcszProgress` must be NULL or point to UTF-16 units that end with a NUL.
            pub unsafe fn Progress(&self, pwcszProgress: *const u16, ulIndex: u32, ulIndexMax: u32) -> HRESULT;

            /// Reports an error or a warning, and the message to display.
            ///
            /// Effect on the counts: none.
            ///
            /// ```
            /// # use mapisync::{HRESULT, interop::com::IMAPISyncProgressCallback};
            /// fn warn(callback: &IMAPISyncProgressCallback, message: &str) {
            ///     let message: Vec<u16> = message.encode_utf16().chain([0]).collect();
            ///     let code = HRESULT::MAPI_W_PARTIAL_COMPLETION.0;
            ///     // SAFETY: the string ends with a NUL.
            ///     let _ignored = unsafe { callback.Error(code, message.as_ptr()) };
            /// }
            /// ```
            ///
            /// # Safety
            ///
            /// `pwcszErrorStr` must be NULL or point to UTF-16 units that end with a NUL.
            pub unsafe fn Error(&self, hResult: HRESULT, pwcszErrorStr: *const u16) -> HRESULT;

            /// Reports the final status.
            ///
            /// Effect on the counts: none.
            ///
            /// ```
            /// # use mapisync::{DoneEvent, HRESULT, interop::com::IMAPISyncProgressCallback};
            /// /// # Safety
            /// ///
            /// /// It must be the last call of a run that was started with this callback.
            /// unsafe fn end(callback: IMAPISyncProgressCallback, event: DoneEvent) {
            ///     // SAFETY: the contract is this function's. The event gives up its handle.
            ///     let _ignored = unsafe { callback.Done(event.into_raw(), HRESULT::S_OK.0) };
            /// }
            /// ```
            ///
            /// # Safety
            ///
            /// - The caller must be the provider of a run that was started with this callback. It
            ///   must call this once for that run, as its last call.
            /// - `hThreadDoneEvent` must be NULL or an open handle that the caller owns. The host
            ///   becomes its owner.
            pub unsafe fn Done(&self, hThreadDoneEvent: HANDLE, hResult: HRESULT) -> HRESULT;
        }
    }
}

/// An interface for which the crate `com` has a type. [`into_com`](ComPtr::into_com),
/// [`as_com`](ComPtr::as_com) and [`from_com`](ComPtr::from_com) convert between the two types.
///
/// Implement it for your own interface if both sides declare the interface:
///
/// ```
/// use mapisync::abi::IUnknownVtbl;
/// use mapisync::interop::com::Mirrored;
/// use mapisync::{GUID, Interface};
///
/// #[repr(C)]
/// struct IOwn {
///     vtbl: *const IUnknownVtbl,
/// }
///
/// // SAFETY: `IOwn` is one pointer to its vtable, which is that of its base. The IID is unique.
/// unsafe impl Interface for IOwn {
///     type Vtbl = IUnknownVtbl;
///     type Base = mapisync::abi::IUnknown;
///     const IID: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// }
///
/// mod theirs {
///     com::interfaces! {
///         #[uuid("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A9E3F4")]
///         pub unsafe interface IOwn: com::interfaces::IUnknown {}
///     }
/// }
///
/// // SAFETY: both types declare an interface that adds no methods to IUnknown.
/// unsafe impl Mirrored for IOwn {
///     type Com = theirs::IOwn;
/// }
/// ```
///
/// If `Com` has a different IID or fewer vtable slots, a conversion does not compile.
///
/// # Safety
///
/// `Com` must be the same interface: its vtable must have the same methods, with the same
/// arguments, in the same slots.
pub unsafe trait Mirrored: Interface {
    /// The type of the crate `com`.
    type Com: ::com::Interface;
}

// SAFETY: `com` declares the three methods of IUnknown with the same arguments. The constant below
// asserts that they have the same slots.
unsafe impl Mirrored for abi::IUnknown {
    type Com = ::com::interfaces::IUnknown;
}

// SAFETY: `declarations` has the same methods with the same arguments. The constant below asserts
// that they have the same slots.
unsafe impl Mirrored for abi::IMAPISync {
    type Com = IMAPISync;
}

// SAFETY: `declarations` has the same methods with the same arguments. The constant below asserts
// that they have the same slots.
unsafe impl Mirrored for abi::IMAPISyncProgressCallback {
    type Com = IMAPISyncProgressCallback;
}

impl<I: Mirrored> ComPtr<I> {
    /// Converts the pointer, with its reference, to the type of the crate `com`.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi, interop};
    /// # fn f(sync: ComPtr<abi::IMAPISync>) {
    /// let theirs: interop::com::IMAPISync = sync.into_com();
    /// # }
    /// ```
    #[must_use]
    pub fn into_com(self) -> I::Com {
        const { assert_mirrored::<I>() };
        // Both types are the same interface, by the contract of `Mirrored`. The result owns the
        // reference.
        I::Com::from_abi(self.into_non_null().cast())
    }

    /// Borrows the pointer as the type of the crate `com`, to call methods or to request
    /// interfaces.
    ///
    /// Effect on the count: none. Cloning the result adds a reference.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi, interop};
    /// # fn f(sync: &ComPtr<abi::IMAPISync>) {
    /// let unknown: Option<com::interfaces::IUnknown> = sync.as_com().query_interface();
    /// # }
    /// ```
    pub fn as_com(&self) -> &I::Com {
        const { assert_mirrored::<I>() };
        // SAFETY: `ComPtr<I>` is one pointer to the interface by `repr(transparent)`, and `I::Com`
        // is one by the contract of `com::Interface`. It is the same interface by the contract of
        // `Mirrored`. A value behind a shared reference can't be dropped, so the reference count
        // stays right.
        unsafe { &*(&raw const *self).cast::<I::Com>() }
    }

    /// Converts a pointer of the crate `com`, with its reference.
    ///
    /// Effect on the count: none. Dropping the result releases the reference.
    ///
    /// ```
    /// use mapisync::{ComPtr, abi, interop};
    ///
    /// /// Converts a pointer that `com` returned for a MAPI store.
    /// unsafe fn convert(theirs: interop::com::IMAPISync) -> ComPtr<abi::IMAPISync> {
    ///     // SAFETY: MAPI's objects are documented as free-threaded and do not unwind.
    ///     unsafe { ComPtr::from_com(theirs) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// The contract is that of [`from_raw`](ComPtr::from_raw):
    ///
    /// - Every [`FreeThreaded`](crate::FreeThreaded) interface that `QueryInterface` reaches from
    ///   this pointer must be free-threaded. All fields of a `class!` must therefore be `Send +
    ///   Sync`.
    /// - No method of the object may unwind. Rust ensures that for a `class!`.
    pub unsafe fn from_com(theirs: I::Com) -> ComPtr<I> {
        const { assert_mirrored::<I>() };
        // SAFETY: `theirs` owns a reference, which `into_abi` passes on. It is the same interface
        // by the contract of `Mirrored`. The rest is this function's contract.
        unsafe { ComPtr::from_non_null(theirs.into_abi().cast()) }
    }
}

impl<'a, I: Mirrored> ComRef<'a, I> {
    /// Borrows a pointer of the crate `com`.
    ///
    /// Effect on the count: none.
    ///
    /// ```
    /// use mapisync::{ComRef, SyncFlags, SyncHost, SyncRun, abi, interop};
    /// # use mapisync::{MapiSyncProgressCallback, Result};
    ///
    /// unsafe fn start(
    ///     dialog: impl MapiSyncProgressCallback,
    ///     store: &interop::com::IMAPISync,
    /// ) -> Result<SyncRun> {
    ///     // SAFETY: MAPI's objects are documented as free-threaded and do not unwind.
    ///     let sync = unsafe { ComRef::<abi::IMAPISync>::from_com(store) };
    ///     SyncHost::new(dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// The contract is that of [`ComPtr::from_com`].
    pub unsafe fn from_com(theirs: &'a I::Com) -> ComRef<'a, I> {
        const { assert_mirrored::<I>() };
        // SAFETY: `theirs` is not NULL and owns a reference for `'a`. It is the same interface by
        // the contract of `Mirrored`. The rest is this function's contract.
        unsafe { ComRef::from_raw(theirs.get_abi().as_ptr().cast()).unwrap_unchecked() }
    }
}

/// Asserts everything that the compiler can check about two declarations of one interface. This
/// does not compile, because the IIDs differ:
///
/// ```compile_fail,E0080
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
/// use mapisync::interop::com::Mirrored;
/// use mapisync::{ComPtr, GUID, Interface};
///
/// #[repr(C)]
/// struct IOwn {
///     vtbl: *const IUnknownVtbl,
/// }
///
/// unsafe impl Interface for IOwn {
///     type Vtbl = IUnknownVtbl;
///     type Base = IUnknown;
///     const IID: GUID = GUID::from_u128(1);
/// }
///
/// unsafe impl Mirrored for IOwn {
///     type Com = com::interfaces::IUnknown;
/// }
///
/// # fn main() {
/// let own = unsafe { ComPtr::<IOwn>::from_raw(std::ptr::null_mut()) };
/// own.map(|own| own.into_com());
/// # }
/// ```
const fn assert_mirrored<I: Mirrored>() {
    let theirs = <I::Com as ::com::Interface>::IID;
    let theirs = abi::GUID {
        Data1: theirs.data1,
        Data2: theirs.data2,
        Data3: theirs.data3,
        Data4: theirs.data4,
    };
    assert!(
        I::IID.to_u128() == theirs.to_u128(),
        "the crate com's declaration of this interface has another IID"
    );
    assert!(
        size_of::<I::Vtbl>() <= size_of::<<I::Com as ::com::Interface>::VTable>(),
        "the crate com's declaration of this interface has fewer slots"
    );
    assert!(
        size_of::<I::Com>() == size_of::<ComPtr<I>>()
            && size_of::<Option<I::Com>>() == size_of::<ComPtr<I>>()
            && align_of::<I::Com>() == align_of::<ComPtr<I>>(),
        "the crate com's type for this interface is not a pointer"
    );
}

const _: () = {
    type Unknown = <::com::interfaces::IUnknown as ::com::Interface>::VTable;
    type Sync = <IMAPISync as ::com::Interface>::VTable;
    type Callback = <IMAPISyncProgressCallback as ::com::Interface>::VTable;
    const _: fn(&Sync) -> &Unknown = |vtable| &vtable.parent;
    const _: fn(&Callback) -> &Unknown = |vtable| &vtable.parent;

    macro_rules! same_slots {
        ($($ours:ident.$slot:ident = $theirs:ident.$their_slot:ident)+) => {$(
            assert!(offset_of!(abi::$ours, $slot) == offset_of!($theirs, $their_slot));
        )+};
    }
    same_slots! {
        IUnknownVtbl.QueryInterface = Unknown.QueryInterface
        IUnknownVtbl.AddRef = Unknown.AddRef
        IUnknownVtbl.Release = Unknown.Release
        IMAPISyncVtbl.base = Sync.parent
        IMAPISyncVtbl.SynchronizeInBackground = Sync.SynchronizeInBackground
        IMAPISyncProgressCallbackVtbl.base = Callback.parent
        IMAPISyncProgressCallbackVtbl.Progress = Callback.Progress
        IMAPISyncProgressCallbackVtbl.Error = Callback.Error
        IMAPISyncProgressCallbackVtbl.Done = Callback.Done
    }
    // The sizes are equal, so the declarations of `com` have no other slots.
    assert!(size_of::<abi::IUnknownVtbl>() == size_of::<Unknown>());
    assert!(size_of::<abi::IMAPISyncVtbl>() == size_of::<Sync>());
    assert!(size_of::<abi::IMAPISyncProgressCallbackVtbl>() == size_of::<Callback>());
    assert_mirrored::<abi::IUnknown>();
    assert_mirrored::<abi::IMAPISync>();
    assert_mirrored::<abi::IMAPISyncProgressCallback>();
};
