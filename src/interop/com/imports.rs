//! Links the functions that `com` calls and does not link. MinGW's linker needs them even for code
//! that it then removes.

// std used to link advapi32. MinGW's linker uses a library only for code that precedes it, so a
// crate that depends on `com` must link it.
// SAFETY: the block declares no function. It only links the library.
#[link(name = "advapi32")]
unsafe extern "system" {}

/// MinGW's import library of ole32 for 32-bit programs lacks this function. `com` calls the
/// definition here instead.
#[cfg(all(target_arch = "x86", target_env = "gnu"))]
mod ole32 {
    use crate::HRESULT;
    use core::ffi::c_void;

    type CoIncrementMTAUsage = unsafe extern "system" fn(cookie: *mut *mut c_void) -> HRESULT;

    // SAFETY: the signature is that in the documentation of ole32.
    #[link(name = "ole32", kind = "raw-dylib", import_name_type = "undecorated")]
    unsafe extern "system" {
        #[allow(dead_code)] // declared only for its import
        fn CoIncrementMTAUsage(cookie: *mut *mut c_void) -> HRESULT;
    }

    // SAFETY: by the linker's convention, the symbol `__imp_NAME` is the pointer to the function
    // `NAME`, which the loader sets.
    unsafe extern "C" {
        // The import can't be called by its name, because that name is the function below.
        #[link_name = "\x01__imp_CoIncrementMTAUsage"]
        static IMPORTED: CoIncrementMTAUsage;
    }

    // SAFETY: a caller of this name expects ole32's function, and this function has its
    // signature and its effect. The linker rejects a second definition in one program.
    #[unsafe(export_name = "CoIncrementMTAUsage")]
    unsafe extern "system" fn forward(cookie: *mut *mut c_void) -> HRESULT {
        // SAFETY: the loader has set the import. The argument is the caller's, whose contract
        // is that of ole32's function.
        unsafe { IMPORTED(cookie) }
    }
}

/// In the crate's unit tests, advapi32 is linked before `com`. The linker finds the functions for
/// `com` only if they are used before that.
#[cfg(test)]
mod advapi32 {
    // SAFETY: no function of this block is called. The numbers of arguments are the documented ones,
    // on which the symbols of 32-bit programs depend.
    #[link(name = "advapi32")]
    unsafe extern "system" {
        fn RegCloseKey(_: usize);
        fn RegDeleteKeyA(_: usize, _: usize);
        fn RegSetValueExA(_: usize, _: usize, _: usize, _: usize, _: usize, _: usize);
        #[rustfmt::skip]
        fn RegCreateKeyExA(
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
            _: usize,
        );
    }

    type Close = unsafe extern "system" fn(usize);
    type Delete = unsafe extern "system" fn(usize, usize);
    type Set = unsafe extern "system" fn(usize, usize, usize, usize, usize, usize);
    #[rustfmt::skip]
    type Create = unsafe extern "system" fn(
        usize, usize, usize, usize, usize, usize, usize, usize, usize,
    );

    #[used]
    static USED: (Close, Delete, Set, Create) =
        (RegCloseKey, RegDeleteKeyA, RegSetValueExA, RegCreateKeyExA);
}
