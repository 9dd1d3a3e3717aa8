//! The witnesses: COM objects and their callers, written in C and C++ in `witness/`, compiled by `build.rs`.

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

/// A shared library with the witnesses.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Language, compiler and optimisation, for messages.
    pub name: &'static str,
    /// The library.
    pub path: &'static str,
    /// Whether it is C++.
    pub cpp: bool,
}

/// The published table of that name.
///
/// # Panics
///
/// If there is none.
pub fn table(width: PointerWidth, name: &str) -> &'static Layout<'static> {
    let mut tables = published(width).iter();
    tables
        .find(|table| table.name == name)
        .expect("a table of that name")
}

/// All that were built for this target.
pub const BUILDS: &[Build] = include!(concat!(env!("OUT_DIR"), "/witnesses.rs"));

/// MAPISIB, the slot and texts at odd addresses.
pub const ODD: u32 = 1;
/// The callback closes the event inside Done, and the host waits for a duplicate.
pub const CLOSE_IN_DONE: u32 = 2;
/// The store makes no event, and hands over none.
pub const NO_EVENT: u32 = 4;
/// The store calls Done before SynchronizeInBackground returns.
pub const BEFORE_RETURN: u32 = 8;

/// The bodies of methods, for an object that C++ builds; see `witness.h`.
#[repr(C)]
#[allow(missing_docs)]
pub struct Bodies {
    pub half: *mut c_void,
    pub synchronise: unsafe extern "C" fn(*mut c_void, *mut MAPISIB) -> HRESULT,
    pub progress: unsafe extern "C" fn(*mut c_void, *const u16, u32, u32) -> HRESULT,
    pub error: unsafe extern "C" fn(*mut c_void, HRESULT, *const u16) -> HRESULT,
    pub done: unsafe extern "C" fn(*mut c_void, HANDLE, HRESULT) -> HRESULT,
}

/// What makes the inner of an outer in C++: payload, outer, and where the inner's own IUnknown goes.
pub type MakeInner = unsafe extern "C" fn(*mut c_void, *mut IUnknown, *mut *mut IUnknown);

macro_rules! exports {
    ($($(#[$attribute:meta])* $name:ident: fn($($type:ty),*) $(-> $result:ty)?;)+) => {
        /// What `witness.h` declares.
        struct Exports {
            $($(#[$attribute])* $name: unsafe extern "C" fn($($type),*) $(-> $result)?,)+
        }

        impl Exports {
            fn of(library: &Library) -> Exports {
                // SAFETY: each is exported with this signature, which is that of `witness.h`.
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
    witness_log: fn() -> *mut c_void;
    witness_read: fn(*mut c_void, *mut u8, usize) -> usize;
    witness_free: fn(*mut c_void);
    witness_store: fn(*mut c_void, HRESULT, HRESULT, u32) -> *mut IMAPISync;
    witness_callback: fn(*mut c_void, HRESULT, *const c_void, u32, *mut c_void) -> *mut IMAPISyncProgressCallback;
    witness_drive: fn(*mut c_void, *mut IMAPISync, u32, *mut IMAPISession, HRESULT, u32);
    witness_bad_calls: fn(*mut c_void, *mut IMAPISync);
    witness_query: fn(*mut c_void, *mut IUnknown, *const GUID, u32);
    #[cfg(windows)]
    witness_code: fn(u32, *mut *const std::ffi::c_char, *mut HRESULT) -> i32;
}

/// A loaded library, and a log of its own.
pub struct Witness {
    /// What it was built of.
    pub build: Build,
    library: ManuallyDrop<Library>,
    exports: Exports,
    log: *mut c_void,
}

impl Witness {
    /// Loads the library, which then stays, and begins a log.
    pub fn new(build: Build) -> Witness {
        // SAFETY: the library has no initialisers but its language's own.
        let library = unsafe { Library::new(build.path) };
        let library = library.unwrap_or_else(|error| panic!("{}: {error}", build.name));
        // A thread of the store's may still be on its way out when its event has occurred, so it stays loaded.
        let library = ManuallyDrop::new(library);
        let exports = Exports::of(&library);
        // SAFETY: no conditions.
        let log = unsafe { (exports.witness_log)() };
        Witness {
            build,
            library,
            exports,
            log,
        }
    }

    /// The lines until now.
    pub fn lines(&self) -> Vec<String> {
        let mut text = vec![0; 1 << 16];
        // SAFETY: the log is alive, and there is that much room.
        let length =
            unsafe { (self.exports.witness_read)(self.log, text.as_mut_ptr(), text.len()) };
        text.truncate(length);
        let text = String::from_utf8(text).unwrap();
        text.lines().map(String::from).collect()
    }

    /// A store with a count of 1: what its method returns, what it gives to Done, and how it goes about it.
    pub fn store(&self, answer: HRESULT, status: HRESULT, options: u32) -> ComPtr<IMAPISync> {
        // SAFETY: a new object, free-threaded.
        unsafe {
            owned((self.exports.witness_store)(
                self.log, answer, status, options,
            ))
        }
    }

    /// A callback with a count of 1, which answers Progress so.
    pub fn callback(&self, answer: HRESULT, options: u32) -> ComPtr<IMAPISyncProgressCallback> {
        // SAFETY: a new object, free-threaded.
        unsafe {
            owned((self.exports.witness_callback)(
                self.log,
                answer,
                ptr::null(),
                options,
                ptr::null_mut(),
            ))
        }
    }

    /// An object that C++ builds, with IMAPISync and the callback, a count of 1, and methods that call these functions.
    /// Only C++ has it.
    ///
    /// # Safety
    ///
    /// The functions bear what their methods are called with, on any thread, for as long as the object lives.
    pub unsafe fn composite(&self, bodies: &Bodies) -> ComPtr<IMAPISync> {
        // SAFETY: the function has this signature. The object is new, its IUnknown is that of its IMAPISync, and it is
        // free-threaded if the functions are, says the caller.
        unsafe {
            type Make = unsafe extern "C" fn(*mut c_void, *const Bodies) -> *mut IMAPISync;
            owned(self.export::<Make>(b"witness_composite")(self.log, bodies))
        }
    }

    /// A store in C++ with a count of 1, which aggregates what `make` makes of the payload for it. Only C++ has it.
    ///
    /// # Safety
    ///
    /// `make` keeps the contract of `InnerObject::new`, of which the store does its part.
    pub unsafe fn outer(&self, payload: *mut c_void, make: MakeInner) -> ComPtr<IUnknown> {
        // SAFETY: the function has this signature; the object is new.
        unsafe {
            type Make = unsafe extern "C" fn(*mut c_void, *mut c_void, MakeInner) -> *mut IUnknown;
            let raw = self.export::<Make>(b"witness_outer")(self.log, payload, make);
            ComPtr::from_raw(raw).expect("an object")
        }
    }

    /// A callback in C++ that is a part of the outer: its own IUnknown, with a reference. Only C++ has it.
    ///
    /// # Errors
    ///
    /// What the library returns.
    ///
    /// # Safety
    ///
    /// The outer is alive for as long as the inner is.
    pub unsafe fn inner(&self, outer: NonNull<IUnknown>) -> Result<*mut IUnknown> {
        let mut inner = ptr::null_mut();
        // SAFETY: the function has this signature, and the place is valid.
        unsafe {
            type Make =
                unsafe extern "C" fn(*mut c_void, NonNull<IUnknown>, *mut *mut IUnknown) -> HRESULT;
            let make = self.export::<Make>(b"witness_inner");
            make(self.log, outer, &mut inner).ok().map(|_| inner)
        }
    }

    /// Has a host there call a store's `IMsgStore`, find its `IMAPISync`, and do a run of it with a session. Only C++ has
    /// it, and only on Windows.
    ///
    /// # Safety
    ///
    /// `store` is an `IMsgStore`.
    #[cfg(windows)]
    pub unsafe fn msg_store(&self, store: &ComPtr<IUnknown>) {
        // SAFETY: the function has this signature; the object is alive for the call.
        unsafe {
            type Drive = unsafe extern "C" fn(*mut c_void, *mut IUnknown);
            self.export::<Drive>(b"witness_msg_store")(self.log, store.as_raw());
        }
    }

    /// # Safety
    ///
    /// The library exports a function of that name and type.
    unsafe fn export<F: Copy>(&self, name: &[u8]) -> F {
        // SAFETY: the caller's promise; the library stays.
        unsafe { *self.library.get::<F>(name).unwrap() }
    }

    /// Has the host there do a run of the store, to its end.
    pub fn drive(
        &self,
        store: &ComPtr<IMAPISync>,
        flags: u32,
        session: Option<&ComPtr<IMAPISession>>,
        answer: HRESULT,
        options: u32,
    ) {
        let session = session.map_or(ptr::null_mut(), ComPtr::as_raw);
        // SAFETY: both objects are alive for the call, and the store bears any address.
        unsafe {
            (self.exports.witness_drive)(self.log, store.as_raw(), flags, session, answer, options)
        };
    }

    /// Has the host there make calls that the store has to refuse or to bear.
    pub fn bad_calls(&self, store: &ComPtr<IMAPISync>) {
        // SAFETY: the store is one that bears them.
        unsafe { (self.exports.witness_bad_calls)(self.log, store.as_raw()) };
    }

    /// The codes that Windows' headers define: all of `mapicode.h`, and of `winerror.h` those that the crate has.
    #[cfg(windows)]
    pub fn codes(&self) -> Vec<(String, HRESULT)> {
        let mut codes = vec![];
        let (mut name, mut value) = (ptr::null(), HRESULT::S_OK);
        // SAFETY: both places are valid; a name is a literal of the library's.
        unsafe {
            while (self.exports.witness_code)(codes.len() as u32, &mut name, &mut value) != 0 {
                codes.push((
                    std::ffi::CStr::from_ptr(name).to_str().unwrap().into(),
                    value,
                ));
            }
        }
        codes
    }

    /// Tries the rules of QueryInterface on an object that has all of these interfaces.
    pub fn query<I: Interface>(&self, object: &ComPtr<I>, iids: &[GUID]) {
        // SAFETY: every interface is an IUnknown, and the object is one that bears NULL and any address.
        unsafe {
            (self.exports.witness_query)(
                self.log,
                object.as_raw().cast(),
                iids.as_ptr(),
                iids.len() as u32,
            )
        };
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // SAFETY: the test's own share of the log, which `self` does not use again; objects have theirs.
        unsafe { (self.exports.witness_free)(self.log) };
    }
}

/// # Safety
///
/// As `ComPtr::from_raw`.
unsafe fn owned<I: FreeThreaded>(raw: *mut I) -> ComPtr<I> {
    // SAFETY: the caller's promise.
    unsafe { ComPtr::from_raw(raw) }.expect("an object")
}
