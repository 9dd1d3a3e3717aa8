//! Runs between C, C++ and Rust leave no handle or descriptor open. This is the only test of its
//! program, because it counts all of them in the process.

#![cfg(any(windows, target_os = "linux"))]

use libloading::Library;
use mapisync::abi::{IID_IMAPISync, IMAPISync};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, HRESULT, SyncFlags, SyncHost};
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use test_support::{TIMEOUT, garbage, remaining_handles, store};

type Create = unsafe extern "system" fn(*const mapisync::GUID, *mut *mut c_void) -> HRESULT;

#[test]
fn a_thousand_runs_with_c_and_cpp_leave_no_handle_open() {
    // SAFETY: the library has no initializers except those of C++. `mapisync.h` declares the
    // function. The store is new and free-threaded, and its reference is passed on.
    let cpp_store: ComPtr<IMAPISync> = unsafe {
        let library = ManuallyDrop::new(Library::new(env!("CPP_PROVIDER")).unwrap());
        let create = library.get::<Create>(b"CreateMapiSync");
        // mingw decorates the name for 32-bit x86.
        let create = create.or_else(|_| library.get(b"CreateMapiSync@8")).unwrap();
        let mut out = garbage();
        assert_eq!(create(&IID_IMAPISync, &mut out), HRESULT::S_OK);
        ComPtr::from_raw(out.cast()).unwrap()
    };
    let rust_store = store(|request| request.spawn(|_| Ok(())));
    for build in BUILDS {
        let foreign = ForeignLibrary::new(*build);
        let one = |_| {
            let proxies = [foreign.store(&cpp_store), foreign.store(&rust_store)];
            for proxy in &proxies {
                let run = SyncHost::new(Recorder::new()).start(proxy, SyncFlags::empty());
                assert_eq!(run.unwrap().wait(TIMEOUT).unwrap(), HRESULT::S_OK);
            }
        };
        (0..10).for_each(one); // the first runs open handles that are kept
        let before = remaining_handles();
        (0..1000 / BUILDS.len()).for_each(one);
        assert_eq!(remaining_handles(), before, "{}", build.name);
    }
}
