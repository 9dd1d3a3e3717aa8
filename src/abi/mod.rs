//! The bytes: every type, constant and vtable that crosses the boundary, and nothing else.
//!
//! This module exists so that the binary contract can be read on its own, a screen for each interface, by somebody
//! who need not trust the rest of the crate. It holds types and constants with the documented spelling
//! (`IMAPISync`, `ulFlags`), does nothing with them but print, parse and compare, without allocation, and depends on `core`
//! and `bitflags` alone.
//!
//! An interface is the C struct `{ vtbl }`, so `*mut IMAPISync` is what C calls `IMAPISync *`. A vtable is a
//! `#[repr(C)]` struct of function pointers in slot order that begins with its base's vtable. Methods are
//! `extern "system"`: `stdcall` on 32-bit x86 Windows, the C convention everywhere else.
//!
//! Sizes, alignments and offsets are asserted while the crate compiles, for 32- and for 64-bit pointers, so a build that
//! succeeds has the layout that this page shows. [`layout`] has the numbers, and the means to prove your own interfaces
//! in the same way; [`C_HEADER`] says the same to C and C++.
//!
//! ```
//! use mapisync::abi::{IMAPISyncVtbl, MAPISIB};
//! use std::mem::{offset_of, size_of};
//!
//! // IMAPISync has one method, in the slot behind IUnknown's three.
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
/// Static assertions reject types of another size and another calling convention. Outside Windows
/// strings are `char16_t` in C++ and `uint16_t` in C.
///
/// A build script writes it to where its C or C++ sources find it:
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
pub const C_HEADER: &str = include_str!("mapisync.h");
