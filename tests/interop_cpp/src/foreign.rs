//! The libraries that are compiled from `foreign/`, their objects, and the calls that they make.

use libloading::Library;
use mapisync::abi::{
    HANDLE, IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB,
};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, FreeThreaded, GUID, HRESULT, Interface, host};
use std::ffi::c_void;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use test_support::{DropCounter, DropToken};

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

/// The functions that the methods of a foreign object call. `foreign.h` declares the same.
#[repr(C)]
struct Methods {
    payload: *mut Payload,
    synchronize: unsafe extern "C" fn(&Payload, *mut MAPISIB) -> HRESULT,
    progress: unsafe extern "C" fn(&Payload, *const u16, u32, u32) -> HRESULT,
    error: unsafe extern "C" fn(&Payload, HRESULT, *const u16) -> HRESULT,
    done: unsafe extern "C" fn(&Payload, HANDLE, HRESULT) -> HRESULT,
    gone: unsafe extern "C" fn(*mut Payload),
}

struct Payload {
    synchronize: Box<dyn Fn(*mut MAPISIB) -> HRESULT + Send + Sync>,
    recorder: Recorder,
    _token: DropToken,
}

unsafe extern "C" fn synchronize(payload: &Payload, request: *mut MAPISIB) -> HRESULT {
    (payload.synchronize)(request)
}
unsafe extern "C" fn progress(
    payload: &Payload,
    string: *const u16,
    index: u32,
    max: u32,
) -> HRESULT {
    // SAFETY: a caller of Progress must pass NULL or a string that ends with a NUL.
    unsafe { host::dispatch_progress(&payload.recorder, string, index, max) }
}
unsafe extern "C" fn error(payload: &Payload, code: HRESULT, string: *const u16) -> HRESULT {
    // SAFETY: a caller of Error must pass NULL or a string that ends with a NUL.
    unsafe { host::dispatch_error(&payload.recorder, code, string) }
}
unsafe extern "C" fn done(payload: &Payload, event: HANDLE, status: HRESULT) -> HRESULT {
    // SAFETY: a caller of Done must pass NULL or an event that it owns.
    unsafe { host::dispatch_done(&payload.recorder, event, status) }
}
unsafe extern "C" fn gone(payload: *mut Payload) {
    // SAFETY: the payload comes from `Box::into_raw`, and the destroyed object passes it once.
    drop(unsafe { Box::from_raw(payload) });
}

/// Creates the inner of an outer in C++. The arguments are the payload, the outer, and the out
/// parameter for the inner's non-delegating IUnknown.
pub type MakeInner = unsafe extern "C" fn(*mut c_void, *mut IUnknown, *mut *mut IUnknown);

/// A loaded library. Its objects record the calls of a callback, and call a closure as a store.
#[derive(Clone)]
pub struct ForeignLibrary {
    /// How the library was built.
    pub build: Build,
    /// Counts its destroyed objects.
    pub destroyed: DropCounter,
    library: Arc<ManuallyDrop<Library>>,
}

impl ForeignLibrary {
    /// Loads the library, which then stays loaded.
    pub fn new(build: Build) -> ForeignLibrary {
        // SAFETY: the library has no initializers except those of its language.
        let library = unsafe { Library::new(build.path) };
        let library = library.unwrap_or_else(|error| panic!("{}: {error}", build.name));
        ForeignLibrary {
            build,
            destroyed: DropCounter::default(),
            library: Arc::new(ManuallyDrop::new(library)),
        }
    }

    /// # Safety
    ///
    /// The library must export a function of that name and type.
    unsafe fn function<F: Copy>(&self, name: &str) -> F {
        // SAFETY: this function's contract is that of `Library::get`.
        unsafe { *self.library.get::<F>(name.as_bytes()).unwrap() }
    }

    fn methods(
        &self,
        method: impl Fn(*mut MAPISIB) -> HRESULT + Send + Sync + 'static,
        recorder: &Recorder,
    ) -> Methods {
        let payload = Payload {
            synchronize: Box::new(method),
            recorder: recorder.clone(),
            _token: self.destroyed.token(),
        };
        Methods {
            payload: Box::into_raw(Box::new(payload)),
            synchronize,
            progress,
            error,
            done,
            gone,
        }
    }

    fn object<I: FreeThreaded>(&self, create: &str, methods: Methods) -> ComPtr<I> {
        // SAFETY: `foreign.h` declares the functions so. The object is new and free-threaded, and
        // its reference is passed on.
        unsafe {
            let create = self.function::<unsafe extern "C" fn(&Methods) -> *mut I>(create);
            ComPtr::from_raw(create(&methods)).expect("an object")
        }
    }

    /// Returns a store whose method calls the closure.
    pub fn store(
        &self,
        method: impl Fn(*mut MAPISIB) -> HRESULT + Send + Sync + 'static,
    ) -> ComPtr<IMAPISync> {
        self.object("foreign_store", self.methods(method, &Recorder::new()))
    }

    /// Returns a callback that records its calls.
    pub fn callback(&self, recorder: &Recorder) -> ComPtr<IMAPISyncProgressCallback> {
        let methods = self.methods(|_| HRESULT::E_NOTIMPL, recorder);
        self.object("foreign_callback", methods)
    }

    /// Returns a store that is also a callback, by multiple inheritance. Only C++ has it.
    pub fn composite(
        &self,
        method: impl Fn(*mut MAPISIB) -> HRESULT + Send + Sync + 'static,
        recorder: &Recorder,
    ) -> ComPtr<IMAPISync> {
        self.object("foreign_composite", self.methods(method, recorder))
    }

    /// Returns a session that records the calls of its first and last method. Only C++ by mingw has
    /// it.
    #[cfg(all(windows, target_env = "gnu"))]
    pub fn session(&self, recorder: &Recorder) -> ComPtr<IMAPISession> {
        let methods = self.methods(|_| HRESULT::E_NOTIMPL, recorder);
        self.object("foreign_session", methods)
    }

    /// Returns a store that aggregates the object that `make` creates. Only C++ has it.
    ///
    /// # Safety
    ///
    /// `make` must accept this payload once, and keep the contract of `InnerObject::new`. The store
    /// is an outer that keeps its part.
    pub unsafe fn outer(&self, payload: *mut c_void, make: MakeInner) -> ComPtr<IUnknown> {
        // SAFETY: `foreign.h` declares the function so. The reference of the new object is passed
        // on.
        unsafe {
            type Make = unsafe extern "C" fn(*mut c_void, MakeInner) -> *mut IUnknown;
            let make_outer = self.function::<Make>("foreign_outer");
            ComPtr::from_raw(make_outer(payload, make)).expect("an object")
        }
    }

    /// Creates a recording callback that `outer` aggregates, and returns its non-delegating
    /// IUnknown with a reference. Only C++ has it.
    ///
    /// # Safety
    ///
    /// The outer must outlive the inner.
    pub unsafe fn inner(&self, outer: NonNull<IUnknown>, recorder: &Recorder) -> *mut IUnknown {
        let methods = self.methods(|_| HRESULT::E_NOTIMPL, recorder);
        type Make = unsafe extern "C" fn(NonNull<IUnknown>, &Methods) -> *mut IUnknown;
        // SAFETY: `foreign.h` declares the function so.
        unsafe { self.function::<Make>("foreign_inner")(outer, &methods) }
    }

    /// Calls a store as a host does. The structure and the event handle location lie `offset` bytes
    /// after an aligned address. Returns the code and the handle in the location.
    pub fn run(
        &self,
        store: &ComPtr<IMAPISync>,
        flags: u32,
        session: Option<&ComPtr<IMAPISession>>,
        callback: Option<&ComPtr<IMAPISyncProgressCallback>>,
        offset: usize,
    ) -> (HRESULT, HANDLE) {
        type Fill =
            unsafe extern "C" fn(*mut MAPISIB, u32, *mut IMAPISession, *mut IUnknown, *mut HANDLE);
        let mut memory = [0x5A5A_5A5A_5A5A_5A5A_u64; 8];
        let location = memory.as_mut_ptr().wrapping_byte_add(offset);
        let request = location.wrapping_add(1).cast::<MAPISIB>();
        let mut filled = MaybeUninit::uninit();
        let session = session.map_or(ptr::null_mut(), ComPtr::as_raw);
        let callback = callback.map_or(ptr::null_mut(), |callback| callback.as_raw().cast());
        // SAFETY: `foreign.h` declares the function so, and it writes all fields. The memory has
        // room for both. The objects are alive during the call.
        unsafe {
            let fill = self.function::<Fill>("foreign_fill");
            fill(
                filled.as_mut_ptr(),
                flags,
                session,
                callback,
                location.cast(),
            );
            request.write_unaligned(filled.assume_init());
            let code = self.synchronize(store, request);
            (code, location.cast::<HANDLE>().read_unaligned())
        }
    }

    /// Calls a store.
    ///
    /// # Safety
    ///
    /// The request must be NULL or valid for this store.
    pub unsafe fn synchronize(&self, store: &ComPtr<IMAPISync>, request: *mut MAPISIB) -> HRESULT {
        type Call = unsafe extern "C" fn(*mut IMAPISync, *mut MAPISIB) -> HRESULT;
        // SAFETY: `foreign.h` declares the function so, and the request is valid by this function's
        // contract.
        unsafe { self.function::<Call>("foreign_synchronize")(store.as_raw(), request) }
    }

    /// Returns every field of a request, as a store reads it.
    ///
    /// # Safety
    ///
    /// The request must be valid and aligned.
    pub unsafe fn fields(&self, request: *const MAPISIB) -> [u64; 5] {
        let mut fields = [0; 5];
        type Read = unsafe extern "C" fn(*const MAPISIB, &mut [u64; 5]);
        // SAFETY: `foreign.h` declares the function so, and the request is valid by this function's
        // contract.
        unsafe { self.function::<Read>("foreign_read")(request, &mut fields) };
        fields
    }

    /// Calls Progress four times and Error twice, and returns the results.
    pub fn report(&self, callback: &ComPtr<IMAPISyncProgressCallback>) -> [HRESULT; 6] {
        let mut results = [HRESULT::E_PENDING; 6];
        type Report = unsafe extern "C" fn(*mut IMAPISyncProgressCallback, &mut [HRESULT; 6]);
        // SAFETY: `foreign.h` declares the function so. It passes valid arguments.
        unsafe { self.function::<Report>("foreign_report")(callback.as_raw(), &mut results) };
        results
    }

    /// Calls Done.
    ///
    /// # Safety
    ///
    /// The event must be NULL or an event that the caller owns.
    pub unsafe fn done(
        &self,
        callback: &ComPtr<IMAPISyncProgressCallback>,
        event: HANDLE,
        status: HRESULT,
    ) -> HRESULT {
        type Done =
            unsafe extern "C" fn(*mut IMAPISyncProgressCallback, HANDLE, HRESULT) -> HRESULT;
        // SAFETY: `foreign.h` declares the function so, and the event is valid by this function's
        // contract.
        unsafe { self.function::<Done>("foreign_done")(callback.as_raw(), event, status) }
    }

    /// Calls QueryInterface.
    ///
    /// # Safety
    ///
    /// The pointers must be NULL or valid at any alignment.
    pub unsafe fn query<I: Interface>(
        &self,
        object: &ComPtr<I>,
        riid: *const GUID,
        ppv: *mut *mut c_void,
    ) -> HRESULT {
        type Query = unsafe extern "C" fn(*mut IUnknown, *const GUID, *mut *mut c_void) -> HRESULT;
        // SAFETY: `foreign.h` declares the function so, and the pointers are valid by this
        // function's contract.
        unsafe {
            let query = self.function::<Query>("foreign_query_interface");
            query(object.as_raw().cast(), riid, ppv)
        }
    }

    /// Calls AddRef and Release, and returns their results.
    pub fn counts<I: Interface>(&self, object: &ComPtr<I>) -> (u32, u32) {
        type Count = unsafe extern "C" fn(*mut IUnknown) -> u32;
        let unknown = object.as_raw().cast();
        // SAFETY: `foreign.h` declares the functions so. The second releases the first's reference.
        unsafe {
            (
                self.function::<Count>("foreign_add_ref")(unknown),
                self.function::<Count>("foreign_release")(unknown),
            )
        }
    }

    /// Calls a method of an IMsgStore. Returns the code and the method's result. Only C++ by mingw
    /// has it.
    ///
    /// # Safety
    ///
    /// `store` must be an `IMsgStore`.
    #[cfg(all(windows, target_env = "gnu"))]
    pub unsafe fn msg_store(&self, store: &ComPtr<IUnknown>, method: u32) -> (HRESULT, u32) {
        let mut result = 97;
        type Call = unsafe extern "C" fn(*mut IUnknown, u32, &mut u32) -> HRESULT;
        // SAFETY: `foreign.h` declares the function so, and the object is an `IMsgStore` by this
        // function's contract.
        let code = unsafe {
            self.function::<Call>("foreign_msg_store")(store.as_raw(), method, &mut result)
        };
        (code, result)
    }

    /// Returns the codes that mingw's headers define: all of `mapicode.h`, and those of
    /// `winerror.h` that the crate has.
    #[cfg(all(windows, target_env = "gnu"))]
    pub fn codes(&self) -> Vec<(String, HRESULT)> {
        use std::ffi::{CStr, c_char};
        type Code = unsafe extern "C" fn(u32, &mut *const c_char, &mut HRESULT) -> i32;
        // SAFETY: `foreign.h` declares the function so, and a name is a literal in the library.
        let code = |index| unsafe {
            let (mut name, mut value) = (ptr::null(), HRESULT::S_OK);
            let is_there = self.function::<Code>("foreign_code")(index, &mut name, &mut value) != 0;
            is_there.then(|| (CStr::from_ptr(name).to_str().unwrap().into(), value))
        };
        (0..).map_while(code).collect()
    }
}
