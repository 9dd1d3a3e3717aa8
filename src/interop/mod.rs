//! The same interfaces as types of other COM crates.
//!
//! Every COM crate can exchange raw pointers with this one, with `into_raw` and `from_raw` on
//! either side. The modules here go further: they declare our interfaces as types of another crate,
//! and prove at compile time that both layouts are the same.
//!
//! ```
//! use mapisync::ComPtr;
//! use mapisync::abi::IMAPISync;
//! # /// Stands for the pointer type of another crate.
//! # struct Theirs(*mut std::ffi::c_void);
//! # impl Theirs {
//! #     unsafe fn from_raw(raw: *mut std::ffi::c_void) -> Theirs { Theirs(raw) }
//! #     fn into_raw(self) -> *mut std::ffi::c_void { self.0 }
//! # }
//!
//! /// Passes a reference to another crate, and takes it back. The count does not change.
//! fn there_and_back(ours: ComPtr<IMAPISync>) -> Option<ComPtr<IMAPISync>> {
//!     // SAFETY: the pointer owns a reference to an `IMAPISync`, whatever its type.
//!     let theirs = unsafe { Theirs::from_raw(ours.into_raw().cast()) };
//!     // SAFETY: the object is the same, so it is free-threaded and does not unwind.
//!     unsafe { ComPtr::from_raw(theirs.into_raw().cast()) }
//! }
//! ```

#[cfg(feature = "com")]
pub mod com;
