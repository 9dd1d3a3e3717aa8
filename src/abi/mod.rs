//! The binary contract: every type, constant and vtable that crosses the boundary, and nothing
//! else.
//!
//! You can read this module on its own, without trusting the rest of the crate. Each interface fits
//! on a screen. The types and constants have their documented spelling (`IMAPISync`, `ulFlags`).
//! Its code only formats, parses, converts and compares them, and never allocates. The module
//! depends only on `core` and `bitflags`.
//!
//! An interface is the C struct `{ lpVtbl }`, so `*mut IMAPISync` is C's `IMAPISync *`. A vtable is
//! a `#[repr(C)]` struct of function pointers in slot order, and begins with the vtable of its
//! base. Methods are `extern "system"`: `stdcall` on 32-bit x86 Windows, the C convention
//! everywhere else.
//!
//! Sizes, alignments and offsets are asserted at compile time, for 32-bit and for 64-bit pointers.
//! A build that succeeds therefore has the layout on this page. [`layout`] has the numbers, and
//! macros that prove the layout of your own interfaces. [`C_HEADER`] is the same contract for C and
//! C++.
//!
//! ```
//! use mapisync::abi::{IMAPISyncVtbl, MAPISIB};
//! use std::mem::{offset_of, size_of};
//!
//! // IMAPISync has one method. Its vtable slot follows the three of IUnknown.
//! assert_eq!(offset_of!(IMAPISyncVtbl, SynchronizeInBackground), 3 * size_of::<usize>());
//! assert_eq!(size_of::<MAPISIB>(), if cfg!(target_pointer_width = "64") { 32 } else { 20 });
//! ```

mod codes;
mod guid;
mod hresult;
pub mod layout;
mod progress_callback;
mod session;
mod sync;
mod unknown;

pub use guid::{
    GUID, IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown,
    ParseGuidError,
};
pub use hresult::HRESULT;
pub use progress_callback::{IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl};
pub use session::{IMAPISession, IMAPISessionVtbl};
pub use sync::{HANDLE, IMAPISync, IMAPISyncVtbl, MAPISIB, SyncFlags};
pub use unknown::{IUnknown, IUnknownVtbl};

/// `mapisync.h`: the same contract for C (C99 and later) and C++ (C++11 and later).
///
/// It works alone, with `windows.h` and `mapix.h`, or with types that the including file defines.
/// Static assertions reject types of the wrong size and any other calling convention. Outside
/// Windows, strings consist of `char16_t` in C++ and of `uint16_t` in C.
///
/// A build script writes it to a folder on the include path of its C or C++ sources:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # if cfg!(miri) { return Ok(()); } // it cannot write files
/// # let folder = tempfile::tempdir()?;
/// # let out_dir = folder.path();
/// // let out_dir = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
/// std::fs::write(out_dir.join("mapisync.h"), mapisync::abi::C_HEADER)?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "mapisync.h")]
pub const C_HEADER: &str = include_str!("mapisync.h");
