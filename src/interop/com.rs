//! The crate [`com`](https://docs.rs/com/0.6): its declarations of the two interfaces, for its `class!` to implement and
//! its pointers to call.
//!
//! A pointer of theirs and one of ours are the same bytes, so they turn into each other without a count changing.
//!
//! # A store by `class!`
//!
//! Leave the method to [`provider::dispatch`](crate::provider::dispatch), and the store is the one of
//! [`MapiSync`](crate::MapiSync), one Done for each run included. (`class!` is in `com`'s feature `production`.)
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
//!             // SAFETY: as COM and the documentation demand of who called this.
//!             unsafe { provider::dispatch(&self.store, psibpb) }.0
//!         }
//!     }
//! }
//!
//! # fn main() {
//! let provider = Provider::allocate(Store);
//! let theirs = provider.query_interface::<IMAPISync>().unwrap();
//! // SAFETY: all that the class holds is `Send + Sync`, and Rust lets nothing unwind out of its methods.
//! let sync: ComPtr<abi::IMAPISync> = unsafe { ComPtr::from_com(theirs) };
//! # }
//! ```
//!
//! # What to mind
//!
//! - A method of `class!` *owns* an in-parameter that has the type of an interface, and releases it at its end, which takes
//!   from the caller a reference that it has not given. The methods here have no such parameter, so none of theirs does
//!   it; what can be taken for one is `punkCallBack` and `psesSync` in [`MAPISIB`](abi::MAPISIB). Let `dispatch` read that structure, or
//!   borrow those pointers: [`ComRef::from_raw`](crate::ComRef::from_raw), then [`as_com`](ComPtr::as_com).
//! - A class may hold what is not `Send + Sync`, and `com` does not see to it; [`from_com`](ComPtr::from_com) therefore
//!   has to be told.
//! - `QueryInterface` of `class!` reads the identifier and writes the answer wherever they are said to be: NULL and odd
//!   addresses, which objects of this crate bear, it does not. `query_interface` of `com`, on the other side, panics where
//!   an object fails with another code than `E_NOINTERFACE` and `E_POINTER`.
//! - `AbiTransferable::from_abi` makes a pointer of any address, without `unsafe`. What comes of that is `com`'s.
//! - On Windows `com` declares functions which the linker does not find by itself, of advapi32 and, for 32-bit MinGW, one
//!   of ole32 (there from Windows 8 on); with this crate in the program it does, in debug builds too. For that a 32-bit
//!   library made with MinGW exports a `CoIncrementMTAUsage`, which passes on to the real one, and a program can't hold a
//!   second crate that defines it. Without the feature `com` there is none of it.

use crate::abi;
use crate::object::{ComPtr, ComRef, Interface};
use ::com::AbiTransferable as _;
use core::mem::offset_of;

pub use declarations::{IMAPISync, IMAPISyncProgressCallback};

mod declarations {
    use crate::abi::{HANDLE, MAPISIB};
    use com::interfaces::IUnknown;
    use com::sys::HRESULT;

    com::interfaces! {
        /// [`abi::IMAPISync`](crate::abi::IMAPISync) as the crate `com` has it.
        ///
        /// Source: [IMAPISync](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisynciunknown).
        #[uuid("5024A385-2D44-486A-81A8-8F0ECB6071DD")]
        pub unsafe interface IMAPISync: IUnknown {
            /// Starts a synchronisation on a thread of the store's, stores its event in `*phSyncDoneEvent` and returns.
            ///
            /// Effect on the counts: none, apart from what the store keeps for the run.
            ///
            /// # Safety
            ///
            /// `psibpb` points to a structure whose pointers are NULL or valid for the call.
            pub unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> HRESULT;
        }

        /// [`abi::IMAPISyncProgressCallback`](crate::abi::IMAPISyncProgressCallback) as the crate `com` has it.
        ///
        /// Source: [IMAPISyncProgressCallback](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
        #[uuid("5024A386-2D44-486A-81A8-8F0ECB6071DD")]
        pub unsafe interface IMAPISyncProgressCallback: IUnknown {
            /// A step, or with NULL a position only.
            ///
            /// Effect on the counts: none.
            ///
            /// # Safety
            ///
            /// The text is NULL or ends with a NUL.
            pub unsafe fn Progress(&self, pwcszProgress: *const u16, ulIndex: u32, ulIndexMax: u32) -> HRESULT;

            /// An error or a warning, and a text to display.
            ///
            /// Effect on the counts: none.
            ///
            /// # Safety
            ///
            /// The text is NULL or ends with a NUL.
            pub unsafe fn Error(&self, hResult: HRESULT, pwcszErrorStr: *const u16) -> HRESULT;

            /// The final status.
            ///
            /// Effect on the counts: none.
            ///
            /// # Safety
            ///
            /// The caller must be the provider of a run that was started with this callback, and must call this once for that
            /// run, as its last call. The event must be NULL or an open handle, which is handed over.
            pub unsafe fn Done(&self, hThreadDoneEvent: HANDLE, hResult: HRESULT) -> HRESULT;
        }
    }
}

/// An interface that the crate `com` has a type for: these are the types between which
/// [`into_com`](ComPtr::into_com), [`as_com`](ComPtr::as_com) and [`from_com`](ComPtr::from_com) convert.
///
/// For an interface of your own, declared on both sides:
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
/// // SAFETY: one pointer to a vtable, which is IUnknown's.
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
/// // SAFETY: both declare the same interface.
/// unsafe impl Mirrored for IOwn {
///     type Com = theirs::IOwn;
/// }
/// ```
///
/// Where it is converted, a type with another IID or with fewer slots does not compile.
///
/// # Safety
///
/// `Com` is the same interface: its vtable has the same methods, with the same arguments, in the same slots.
pub unsafe trait Mirrored: Interface {
    /// The type that `com` has for it.
    type Com: ::com::Interface;
}

// SAFETY: IUnknown itself: the same three methods with the same arguments. That each lies in the same slot is asserted below.
unsafe impl Mirrored for abi::IUnknown {
    type Com = ::com::interfaces::IUnknown;
}

// SAFETY: the same methods with the same arguments. That each lies in the same slot is asserted below.
unsafe impl Mirrored for abi::IMAPISync {
    type Com = IMAPISync;
}

// SAFETY: the same methods with the same arguments. That each lies in the same slot is asserted below.
unsafe impl Mirrored for abi::IMAPISyncProgressCallback {
    type Com = IMAPISyncProgressCallback;
}

impl<I: Mirrored> ComPtr<I> {
    /// The pointer as the crate `com` has it, with its reference.
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
        // A reference to what is the same interface, by `Mirrored`'s contract, goes over with the pointer.
        I::Com::from_abi(self.into_non_null().cast())
    }

    /// The pointer lent as the crate `com` has it: to call through it, or to ask it for interfaces.
    ///
    /// Effect on the count: none. Cloning what it refers to adds a reference.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi, interop};
    /// # fn f(sync: &ComPtr<abi::IMAPISync>) {
    /// let unknown: Option<com::interfaces::IUnknown> = sync.as_com().query_interface();
    /// # }
    /// ```
    pub fn as_com(&self) -> &I::Com {
        const { assert_mirrored::<I>() };
        // SAFETY: both types are one pointer to the interface, ours by `repr(transparent)`, theirs by the contract of
        // `com::Interface`, and it is the same interface by that of `Mirrored`. Behind a shared reference it can't be
        // dropped.
        unsafe { &*(&raw const *self).cast::<I::Com>() }
    }

    /// Takes a pointer of the crate `com` over, with its reference.
    ///
    /// Effect on the count: none, now; dropping the result gives the reference back.
    ///
    /// ```
    /// use mapisync::{ComPtr, abi, interop};
    ///
    /// /// What `com` has found on a store.
    /// unsafe fn found(theirs: interop::com::IMAPISync) -> ComPtr<abi::IMAPISync> {
    ///     // SAFETY: MAPI's objects are free-threaded, says their documentation, and do not unwind.
    ///     unsafe { ComPtr::from_com(theirs) }
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// As [`from_raw`](ComPtr::from_raw): each [`FreeThreaded`](crate::FreeThreaded) interface that `QueryInterface`
    /// reaches from there really is free-threaded, so a `class!` has to be `Send + Sync` in all its fields; and no method
    /// of the object unwinds, which Rust sees to in a `class!`.
    pub unsafe fn from_com(theirs: I::Com) -> ComPtr<I> {
        const { assert_mirrored::<I>() };
        // SAFETY: the pointer comes with a reference to the same interface, by the contract of `Mirrored`; the rest is the
        // caller's promise.
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
    /// unsafe fn start(dialog: impl MapiSyncProgressCallback, store: &interop::com::IMAPISync) -> Result<SyncRun> {
    ///     // SAFETY: MAPI's objects are free-threaded, says their documentation, and do not unwind.
    ///     let sync = unsafe { ComRef::<abi::IMAPISync>::from_com(store) };
    ///     SyncHost::new(dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)
    /// }
    /// ```
    ///
    /// # Safety
    ///
    /// As [`ComPtr::from_com`].
    pub unsafe fn from_com(theirs: &'a I::Com) -> ComRef<'a, I> {
        const { assert_mirrored::<I>() };
        // SAFETY: as for `ComPtr::from_com`; the reference that `theirs` owns lives for `'a`.
        unsafe { ComRef::from_raw(theirs.get_abi().as_ptr().cast()).unwrap_unchecked() }
    }
}

/// What can be seen of two declarations that ought to be the same. With another IID it does not compile:
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
    // Of equal size, so none of theirs is left over.
    assert!(size_of::<abi::IUnknownVtbl>() == size_of::<Unknown>());
    assert!(size_of::<abi::IMAPISyncVtbl>() == size_of::<Sync>());
    assert!(size_of::<abi::IMAPISyncProgressCallbackVtbl>() == size_of::<Callback>());
    assert_mirrored::<abi::IUnknown>();
    assert_mirrored::<abi::IMAPISync>();
    assert_mirrored::<abi::IMAPISyncProgressCallback>();
};

/// What `com` calls and does not link, so that whoever uses this crate can be linked. MinGW's linker wants it even of code
/// that it leaves out afterwards.
#[cfg(windows)]
mod imports {
    // std used to have it. In a library that depends on `com` it comes late enough for MinGW's linker.
    // SAFETY: it declares nothing; all it does is to have the library linked.
    #[link(name = "advapi32")]
    unsafe extern "system" {}

    /// MinGW's import library of ole32 for 32-bit programs lacks a function, so `com`'s call of it comes by here.
    #[cfg(all(target_arch = "x86", target_env = "gnu"))]
    mod ole32 {
        use crate::HRESULT;
        use core::ffi::c_void;

        type CoIncrementMTAUsage = unsafe extern "system" fn(cookie: *mut *mut c_void) -> HRESULT;

        // SAFETY: the signature is that of ole32's documentation.
        #[link(name = "ole32", kind = "raw-dylib", import_name_type = "undecorated")]
        unsafe extern "system" {
            #[allow(dead_code)] // what follows is its import
            fn CoIncrementMTAUsage(cookie: *mut *mut c_void) -> HRESULT;
        }

        // SAFETY: by the linker's convention `__imp_` and a function's name is the pointer to it, which the loader fills in.
        unsafe extern "C" {
            // Through its function the import can't be called: to the compiler that is the one below.
            #[link_name = "\x01__imp_CoIncrementMTAUsage"]
            static IMPORTED: CoIncrementMTAUsage;
        }

        // SAFETY: whoever calls the name gets the function of that name and signature. A second definition in one program
        // is the linker's error, as the module's documentation says.
        #[unsafe(export_name = "CoIncrementMTAUsage")]
        unsafe extern "system" fn forward(cookie: *mut *mut c_void) -> HRESULT {
            // SAFETY: the loader has filled the import in; the argument is the caller's.
            unsafe { IMPORTED(cookie) }
        }
    }
}
