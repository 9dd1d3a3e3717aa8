//! Libraries that are loaded at run time and never unloaded.
//!
//! The few functions of the system are declared here, so that a provider needs no other crate for
//! them.

use std::ffi::{CStr, c_void};
use std::io;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

/// A library that stays loaded.
pub struct Library(NonNull<c_void>);

/// The address of an exported function.
#[derive(Clone, Copy)]
pub struct Symbol(NonNull<c_void>);

impl Symbol {
    /// Returns the address. It is never NULL.
    pub fn as_ptr(self) -> *const c_void {
        self.0.as_ptr()
    }
}

impl Library {
    /// Loads a library.
    ///
    /// # Errors
    ///
    /// The system's error.
    ///
    /// # Safety
    ///
    /// The code that the library runs when it is loaded must be sound.
    pub unsafe fn open(path: &Path) -> io::Result<Library> {
        // SAFETY: the contract is this function's.
        unsafe { system::open(path) }.map(Library)
    }

    /// Returns the handle, which is `HINSTANCE` on Windows.
    pub fn handle(&self) -> *mut c_void {
        self.0.as_ptr()
    }

    /// Returns an exported function, or `None` if the library has none of this name.
    pub fn symbol(&self, name: &CStr) -> Option<Symbol> {
        // SAFETY: the handle is that of a library that stays loaded.
        NonNull::new(unsafe { system::symbol(self.0.as_ptr(), name) }).map(Symbol)
    }
}

/// Returns the library that contains this address. Elsewhere than on Windows it returns `None`: there
/// is no MAPI.
pub fn library_of(address: *const c_void) -> Option<Library> {
    system::library_of(address).map(Library)
}

/// Returns the folder of the library that contains this address. Elsewhere than on Windows it returns
/// `None`.
pub fn directory_of(address: *const c_void) -> Option<PathBuf> {
    system::path_of(&library_of(address)?).and_then(|path| path.parent().map(Path::to_path_buf))
}

#[cfg(windows)]
mod system {
    use super::Library;
    use std::ffi::{CStr, OsString, c_char, c_void};
    use std::io;
    use std::os::windows::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};
    use std::ptr::{self, NonNull};

    const LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR: u32 = 0x100;
    const LOAD_LIBRARY_SEARCH_DEFAULT_DIRS: u32 = 0x1000;
    const GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT: u32 = 2;
    const GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS: u32 = 4;

    // kernel32 exports undecorated names.
    #[cfg_attr(
        target_arch = "x86",
        link(name = "kernel32", kind = "raw-dylib", import_name_type = "undecorated")
    )]
    #[cfg_attr(not(target_arch = "x86"), link(name = "kernel32", kind = "raw-dylib"))]
    // SAFETY: the signatures are those of kernel32's documentation.
    unsafe extern "system" {
        fn LoadLibraryExW(name: *const u16, reserved: *mut c_void, flags: u32) -> *mut c_void;
        fn GetProcAddress(module: *mut c_void, name: *const c_char) -> *mut c_void;
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
        fn GetModuleFileNameW(module: *mut c_void, name: *mut u16, units: u32) -> u32;
    }

    pub unsafe fn open(path: &Path) -> io::Result<NonNull<c_void>> {
        let name: Vec<u16> = path.as_os_str().encode_wide().chain([0]).collect();
        // Outlook loads providers with these flags, too: neither the current folder nor PATH is
        // searched.
        let flags = if path.is_absolute() {
            LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR
        } else {
            LOAD_LIBRARY_SEARCH_DEFAULT_DIRS
        };
        // SAFETY: the name ends with a NUL, and the library is sound by this function's contract.
        let handle = unsafe { LoadLibraryExW(name.as_ptr(), ptr::null_mut(), flags) };
        NonNull::new(handle).ok_or_else(io::Error::last_os_error)
    }

    pub unsafe fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
        // SAFETY: the library is loaded by this function's contract, and the name ends with a NUL.
        unsafe { GetProcAddress(library, name.as_ptr()) }
    }

    pub fn library_of(address: *const c_void) -> Option<NonNull<c_void>> {
        let flags =
            GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
        let mut module = ptr::null_mut();
        // SAFETY: any address is allowed, and `module` is valid for a write.
        let found = unsafe { GetModuleHandleExW(flags, address, &mut module) };
        NonNull::new(module).filter(|_| found != 0)
    }

    pub fn path_of(library: &Library) -> Option<PathBuf> {
        let mut name = [0; 1024];
        // SAFETY: the handle is that of a loaded library, and the buffer has this length.
        let length = unsafe { GetModuleFileNameW(library.handle(), name.as_mut_ptr(), 1024) };
        let name = name.get(..length as usize).filter(|_| (1..1024).contains(&length))?;
        Some(OsString::from_wide(name).into())
    }
}

#[cfg(unix)]
mod system {
    use super::Library;
    use std::ffi::{CStr, CString, c_char, c_int, c_void};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};
    use std::ptr::NonNull;

    const RTLD_NOW: c_int = 2;

    // SAFETY: the signatures are POSIX's.
    unsafe extern "C" {
        fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    pub unsafe fn open(path: &Path) -> io::Result<NonNull<c_void>> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: the name ends with a NUL, and the library is sound by this function's contract.
        NonNull::new(unsafe { dlopen(name.as_ptr(), RTLD_NOW) })
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the library cannot be loaded"))
    }

    pub unsafe fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
        // SAFETY: the library is loaded by this function's contract, and the name ends with a NUL.
        unsafe { dlsym(library, name.as_ptr()) }
    }

    pub fn library_of(_address: *const c_void) -> Option<NonNull<c_void>> {
        None
    }

    pub fn path_of(_library: &Library) -> Option<PathBuf> {
        None
    }
}
