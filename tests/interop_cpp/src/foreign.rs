//! The libraries that are compiled from `foreign/`, and their objects.

use libloading::Library;
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown};
use mapisync::{ComPtr, FreeThreaded};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

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

/// Every library for this target.
pub const BUILDS: &[Build] = include!(concat!(env!("OUT_DIR"), "/libraries.rs"));

/// Creates the inner of an outer in C++. The arguments are the payload, the outer, and the out
/// parameter for the inner's non-delegating IUnknown.
pub type MakeInner = unsafe extern "C" fn(*mut c_void, *mut IUnknown, *mut *mut IUnknown);

/// A loaded library, whose functions create objects with a reference count of 1.
pub struct ForeignLibrary {
    /// How the library was built.
    pub build: Build,
    library: ManuallyDrop<Library>,
}

impl ForeignLibrary {
    /// Loads the library, which then stays loaded.
    pub fn new(build: Build) -> ForeignLibrary {
        // SAFETY: the library has no initializers except those of its language.
        let library = unsafe { Library::new(build.path) };
        let library = library.unwrap_or_else(|error| panic!("{}: {error}", build.name));
        ForeignLibrary { build, library: ManuallyDrop::new(library) }
    }

    /// # Safety
    ///
    /// The library must export a function of that name and type.
    unsafe fn function<F: Copy>(&self, name: &str) -> F {
        // SAFETY: this function's contract is that of `Library::get`.
        unsafe { *self.library.get::<F>(name.as_bytes()).unwrap() }
    }

    /// Calls a function that creates a free-threaded object from another one.
    ///
    /// # Safety
    ///
    /// The library must export a function of that name and type.
    unsafe fn proxy<I: FreeThreaded, P: FreeThreaded>(
        &self,
        name: &str,
        inner: &ComPtr<I>,
    ) -> ComPtr<P> {
        // SAFETY: the function has this type by this function's contract. The object is new, and
        // its reference is passed on.
        unsafe {
            let create = self.function::<unsafe extern "C" fn(*mut I) -> *mut P>(name);
            ComPtr::from_raw(create(inner.as_raw())).expect("an object")
        }
    }

    /// Returns a store that passes its calls on.
    pub fn store(&self, inner: &ComPtr<IMAPISync>) -> ComPtr<IMAPISync> {
        // SAFETY: `foreign.h` declares the function so.
        unsafe { self.proxy("foreign_store", inner) }
    }

    /// Returns a callback that passes its calls on.
    pub fn callback(
        &self,
        inner: &ComPtr<IMAPISyncProgressCallback>,
    ) -> ComPtr<IMAPISyncProgressCallback> {
        // SAFETY: `foreign.h` declares the function so.
        unsafe { self.proxy("foreign_callback", inner) }
    }

    /// Returns a store that is also a callback, by multiple inheritance. Only C++ has it.
    pub fn composite(
        &self,
        store: &ComPtr<IMAPISync>,
        callback: &ComPtr<IMAPISyncProgressCallback>,
    ) -> ComPtr<IMAPISync> {
        type Make =
            unsafe extern "C" fn(*mut IMAPISync, *mut IMAPISyncProgressCallback) -> *mut IMAPISync;
        // SAFETY: `foreign.h` declares the function so. The object is new, and its reference is
        // passed on.
        unsafe {
            let make = self.function::<Make>("foreign_composite");
            ComPtr::from_raw(make(store.as_raw(), callback.as_raw())).expect("an object")
        }
    }

    /// Returns a store that aggregates the object that `make` creates. Only C++ has it.
    ///
    /// # Safety
    ///
    /// `make` must accept this payload once, and keep the contract of `InnerObject::new`. The store
    /// is an outer that keeps its part.
    pub unsafe fn outer(&self, payload: *mut c_void, make: MakeInner) -> ComPtr<IUnknown> {
        type Make = unsafe extern "C" fn(*mut c_void, MakeInner) -> *mut IUnknown;
        // SAFETY: `foreign.h` declares the function so. The reference of the new object is passed
        // on.
        unsafe {
            let make_outer = self.function::<Make>("foreign_outer");
            ComPtr::from_raw(make_outer(payload, make)).expect("an object")
        }
    }

    /// Creates a callback that `outer` aggregates and that passes its calls on. Returns its
    /// non-delegating IUnknown with a reference. Only C++ has it.
    ///
    /// # Safety
    ///
    /// The outer must outlive the inner.
    pub unsafe fn inner(
        &self,
        outer: NonNull<IUnknown>,
        callback: &ComPtr<IMAPISyncProgressCallback>,
    ) -> *mut IUnknown {
        type Make = unsafe extern "C" fn(
            NonNull<IUnknown>,
            *mut IMAPISyncProgressCallback,
        ) -> *mut IUnknown;
        // SAFETY: `foreign.h` declares the function so.
        unsafe { self.function::<Make>("foreign_inner")(outer, callback.as_raw()) }
    }

    /// Returns a session that reports the calls of its methods to a callback. Only C++ by mingw has
    /// it.
    #[cfg(all(windows, target_env = "gnu"))]
    pub fn session(
        &self,
        callback: &ComPtr<IMAPISyncProgressCallback>,
    ) -> ComPtr<mapisync::abi::IMAPISession> {
        // SAFETY: `outlook.h` declares the function so.
        unsafe { self.proxy("foreign_session", callback) }
    }

    /// Calls a method of an IMsgStore. Returns the code and the method's result. Only C++ by mingw
    /// has it.
    ///
    /// # Safety
    ///
    /// `store` must be an `IMsgStore`.
    #[cfg(all(windows, target_env = "gnu"))]
    pub unsafe fn msg_store(
        &self,
        store: &ComPtr<IUnknown>,
        method: u32,
    ) -> (mapisync::HRESULT, u32) {
        let mut result = 97;
        type Call = unsafe extern "C" fn(*mut IUnknown, u32, &mut u32) -> mapisync::HRESULT;
        // SAFETY: `foreign.h` declares the function so, and the object is an `IMsgStore` by this
        // function's contract.
        let code = unsafe {
            self.function::<Call>("foreign_msg_store")(store.as_raw(), method, &mut result)
        };
        (code, result)
    }
}
