//! COM objects and hosts in C and C++, which the tests combine with Rust's, and the tables that the
//! tests compare with other compilers. `build.rs` compiles the sources in `foreign/`.

mod compilers;
mod guids;
mod interfaces;
mod stdcall;

pub use compilers::{CLANG, Compiler, GCC, HEADER, Language, MINGW_32, MINGW_64};
pub use guids::{GUIDS, GuidBytes};
pub use interfaces::{CLASSES, CppClass, DECLARED_BY_MAPIX, classes, declared};
pub use stdcall::{STDCALL_BYTES, StackBytes};

use libloading::Library;
use mapisync::abi::layout::{Layout, PointerWidth, published};
use mapisync::abi::{
    HANDLE, IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB,
};
use mapisync::{ComPtr, FreeThreaded, GUID, HRESULT, Interface, Result};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// A shared library that was compiled from `foreign/`.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The language, the compiler and the optimization level, for messages.
    pub name: &'static str,
    /// The path of the library.
    pub path: &'static str,
    /// Whether the language is C++.
    pub cpp: bool,
}

/// Returns the published layout of that name.
///
/// # Panics
///
/// If there is none.
pub fn table(width: PointerWidth, name: &str) -> &'static Layout<'static> {
    let mut tables = published(width).iter();
    tables
        .find(|table| table.name == name)
        .expect("a layout of that name")
}

/// Every library for this target.
pub const BUILDS: &[Build] = include!(concat!(env!("OUT_DIR"), "/libraries.rs"));

/// `MAPISIB` and the event handle location lie at unaligned addresses.
pub const UNALIGNED_ADDRESSES: u32 = 1;
/// The callback closes the event in Done, and the host waits for a duplicate.
pub const CLOSE_IN_DONE: u32 = 2;
/// The store creates no event, and passes none.
pub const NO_EVENT: u32 = 4;
/// The store calls Done before SynchronizeInBackground returns.
pub const DONE_BEFORE_RETURN: u32 = 8;

/// The functions that the methods of a C++ object call. `foreign.h` declares the same.
#[repr(C)]
#[allow(missing_docs)]
pub struct Methods {
    pub payload: *mut c_void,
    pub synchronize: unsafe extern "C" fn(*mut c_void, *mut MAPISIB) -> HRESULT,
    pub progress: unsafe extern "C" fn(*mut c_void, *const u16, u32, u32) -> HRESULT,
    pub error: unsafe extern "C" fn(*mut c_void, HRESULT, *const u16) -> HRESULT,
    pub done: unsafe extern "C" fn(*mut c_void, HANDLE, HRESULT) -> HRESULT,
}

/// Creates the inner of an outer in C++. The arguments are the payload, the outer, and the out
/// parameter for the inner's non-delegating IUnknown.
pub type MakeInner = unsafe extern "C" fn(*mut c_void, *mut IUnknown, *mut *mut IUnknown);

macro_rules! exports {
    ($($(#[$attribute:meta])* $name:ident: fn($($type:ty),*) $(-> $result:ty)?;)+) => {
        /// The functions that `foreign.h` declares.
        struct Exports {
            $($(#[$attribute])* $name: unsafe extern "C" fn($($type),*) $(-> $result)?,)+
        }

        impl Exports {
            fn of(library: &Library) -> Exports {
                // SAFETY: the library exports each function with its signature in `foreign.h`.
                unsafe {
                    Exports {
                        $($(#[$attribute])* $name: *library.get(stringify!($name).as_bytes()).unwrap(),)+
                    }
                }
            }
        }
    };
}

exports! {
    foreign_log_new: fn() -> *mut c_void;
    foreign_log_read: fn(*mut c_void, *mut u8, usize) -> usize;
    foreign_log_release: fn(*mut c_void);
    foreign_store: fn(*mut c_void, HRESULT, HRESULT, u32) -> *mut IMAPISync;
    foreign_callback: fn(*mut c_void, HRESULT, *const c_void, u32, *mut c_void) -> *mut IMAPISyncProgressCallback;
    foreign_run: fn(*mut c_void, *mut IMAPISync, u32, *mut IMAPISession, HRESULT, u32);
    foreign_invalid_calls: fn(*mut c_void, *mut IMAPISync);
    foreign_query_interface: fn(*mut c_void, *mut IUnknown, *const GUID, u32);
    #[cfg(all(windows, target_env = "gnu"))]
    foreign_code: fn(u32, *mut *const std::ffi::c_char, *mut HRESULT) -> i32;
}

/// A loaded library and a log.
pub struct ForeignLibrary {
    /// How the library was built.
    pub build: Build,
    library: ManuallyDrop<Library>,
    exports: Exports,
    log: *mut c_void,
}

impl ForeignLibrary {
    /// Loads the library, which then stays loaded, and creates a log.
    pub fn new(build: Build) -> ForeignLibrary {
        // SAFETY: the library has no initializers except those of its language.
        let library = unsafe { Library::new(build.path) };
        let library = library.unwrap_or_else(|error| panic!("{}: {error}", build.name));
        // A thread of the store may still run code of the library after it has signaled the event.
        let library = ManuallyDrop::new(library);
        let exports = Exports::of(&library);
        // SAFETY: the function requires nothing.
        let log = unsafe { (exports.foreign_log_new)() };
        ForeignLibrary {
            build,
            library,
            exports,
            log,
        }
    }

    /// Returns the lines of the log.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![0; 1 << 16];
        // SAFETY: the log is alive, and the buffer has the length that is passed.
        let length =
            unsafe { (self.exports.foreign_log_read)(self.log, lines.as_mut_ptr(), lines.len()) };
        lines.truncate(length);
        let lines = String::from_utf8(lines).unwrap();
        lines.lines().map(String::from).collect()
    }

    /// Returns a store with a reference count of 1. Its method returns `code`, and it passes
    /// `status` to Done.
    pub fn store(&self, code: HRESULT, status: HRESULT, options: u32) -> ComPtr<IMAPISync> {
        // SAFETY: the object is new and free-threaded, and its reference is passed on.
        unsafe {
            owned((self.exports.foreign_store)(
                self.log, code, status, options,
            ))
        }
    }

    /// Returns a callback with a reference count of 1, whose Progress returns `code`.
    pub fn callback(&self, code: HRESULT, options: u32) -> ComPtr<IMAPISyncProgressCallback> {
        // SAFETY: the object is new and free-threaded, and its reference is passed on.
        unsafe {
            owned((self.exports.foreign_callback)(
                self.log,
                code,
                ptr::null(),
                options,
                ptr::null_mut(),
            ))
        }
    }

    /// Returns a C++ object with IMAPISync and the callback and a reference count of 1, whose
    /// methods call these functions. Only the libraries in C++ have it.
    ///
    /// # Safety
    ///
    /// As long as the object lives, the functions must accept every argument that a caller of the
    /// methods may pass, on any thread.
    pub unsafe fn composite(&self, methods: &Methods) -> ComPtr<IMAPISync> {
        // SAFETY: the function has this signature. The object is new, and its IUnknown is at the
        // address of its IMAPISync. It is free-threaded, because the functions are, by this
        // function's contract.
        unsafe {
            type Make = unsafe extern "C" fn(*mut c_void, *const Methods) -> *mut IMAPISync;
            owned(self.export::<Make>(b"foreign_composite")(self.log, methods))
        }
    }

    /// Returns a C++ store with a reference count of 1, which aggregates the object that `make`
    /// creates from the payload. Only the libraries in C++ have it.
    ///
    /// # Safety
    ///
    /// `make` must keep the contract of `InnerObject::new`. The store is an outer that keeps its
    /// part.
    pub unsafe fn outer(&self, payload: *mut c_void, make: MakeInner) -> ComPtr<IUnknown> {
        // SAFETY: the function has this signature. The object is new, and its reference is passed
        // on.
        unsafe {
            type Make = unsafe extern "C" fn(*mut c_void, *mut c_void, MakeInner) -> *mut IUnknown;
            let raw = self.export::<Make>(b"foreign_outer")(self.log, payload, make);
            ComPtr::from_raw(raw).expect("an object")
        }
    }

    /// Creates a C++ callback that `outer` aggregates, and returns its non-delegating IUnknown with
    /// a reference. Only the libraries in C++ have it.
    ///
    /// # Errors
    ///
    /// The code that the library returns.
    ///
    /// # Safety
    ///
    /// The outer must outlive the inner.
    pub unsafe fn inner(&self, outer: NonNull<IUnknown>) -> Result<*mut IUnknown> {
        let mut inner = ptr::null_mut();
        // SAFETY: the function has this signature, and the out parameter is valid.
        unsafe {
            type Make =
                unsafe extern "C" fn(*mut c_void, NonNull<IUnknown>, *mut *mut IUnknown) -> HRESULT;
            let make = self.export::<Make>(b"foreign_inner");
            make(self.log, outer, &mut inner).ok().map(|()| inner)
        }
    }

    /// Lets a host call a store's `IMsgStore`, get its `IMAPISync`, and run it with a session. Only
    /// the libraries in C++ by mingw have it.
    ///
    /// # Safety
    ///
    /// `store` must be an `IMsgStore`.
    #[cfg(all(windows, target_env = "gnu"))]
    pub unsafe fn msg_store(&self, store: &ComPtr<IUnknown>) {
        // SAFETY: the function has this signature. The object is alive during the call, and it is
        // an `IMsgStore` by this function's contract.
        unsafe {
            type Drive = unsafe extern "C" fn(*mut c_void, *mut IUnknown);
            self.export::<Drive>(b"foreign_msg_store")(self.log, store.as_raw());
        }
    }

    /// # Safety
    ///
    /// The library must export a function of that name and type.
    unsafe fn export<F: Copy>(&self, name: &[u8]) -> F {
        // SAFETY: the function has this type by this function's contract, and the library stays
        // loaded.
        unsafe { *self.library.get::<F>(name).unwrap() }
    }

    /// Lets a host run the store to its end.
    pub fn run(
        &self,
        store: &ComPtr<IMAPISync>,
        flags: u32,
        session: Option<&ComPtr<IMAPISession>>,
        code: HRESULT,
        options: u32,
    ) {
        let session = session.map_or(ptr::null_mut(), ComPtr::as_raw);
        // SAFETY: both objects are alive during the call, and the store accepts unaligned
        // addresses.
        unsafe {
            (self.exports.foreign_run)(self.log, store.as_raw(), flags, session, code, options)
        };
    }

    /// Lets a host make invalid calls, which the store must refuse, and one without a callback,
    /// which the store must accept.
    pub fn invalid_calls(&self, store: &ComPtr<IMAPISync>) {
        // SAFETY: the store is one that checks their arguments.
        unsafe { (self.exports.foreign_invalid_calls)(self.log, store.as_raw()) };
    }

    /// Returns the codes that mingw's headers define: all of `mapicode.h`, and those of
    /// `winerror.h` that the crate has.
    #[cfg(all(windows, target_env = "gnu"))]
    pub fn codes(&self) -> Vec<(String, HRESULT)> {
        let mut codes = vec![];
        let (mut name, mut value) = (ptr::null(), HRESULT::S_OK);
        // SAFETY: both out parameters are valid, and a name is a literal in the library.
        unsafe {
            while (self.exports.foreign_code)(codes.len() as u32, &mut name, &mut value) != 0 {
                codes.push((
                    std::ffi::CStr::from_ptr(name).to_str().unwrap().into(),
                    value,
                ));
            }
        }
        codes
    }

    /// Tests the rules of QueryInterface on an object that has all of these interfaces.
    pub fn query_interface<I: Interface>(&self, object: &ComPtr<I>, iids: &[GUID]) {
        // SAFETY: every interface is an IUnknown, and the object accepts NULL and unaligned
        // addresses.
        unsafe {
            (self.exports.foreign_query_interface)(
                self.log,
                object.as_raw().cast(),
                iids.as_ptr(),
                iids.len() as u32,
            )
        };
    }
}

impl Drop for ForeignLibrary {
    fn drop(&mut self) {
        // SAFETY: the log is alive, and `self` does not use it again. The objects also own it.
        unsafe { (self.exports.foreign_log_release)(self.log) };
    }
}

/// # Safety
///
/// The contract is that of `ComPtr::from_raw`.
unsafe fn owned<I: FreeThreaded>(raw: *mut I) -> ComPtr<I> {
    // SAFETY: the contract of `from_raw` is this function's.
    unsafe { ComPtr::from_raw(raw) }.expect("an object")
}
