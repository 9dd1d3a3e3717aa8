//! The example `minimal_provider`, loaded as a host loads it.

#![cfg(not(miri))]

use libloading::{Library, Symbol};
use mapisync::abi::IMAPISync;
use mapisync::testing::Call;
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::{env, fs};
use test_support::{example_library, outlook};

type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;
type LogOff = unsafe extern "system" fn() -> bool;

#[test]
fn it_synchronizes_and_logs_off() {
    let folder = tempfile::tempdir().unwrap();
    let [server, local] = ["server", "local"].map(|name| folder.path().join(name));
    fs::create_dir(&server).unwrap();
    fs::create_dir(&local).unwrap();
    for name in ["1", "2"] {
        fs::write(server.join(name), name).unwrap();
    }
    // SAFETY: this is the only test of the program, so no other thread reads the environment.
    unsafe {
        env::set_var("MINIMAL_SERVER", &server);
        env::set_var("MINIMAL_LOCAL", &local);
    }
    // SAFETY: the library runs no code when it is loaded, and exports functions of these types. The
    // object that it creates follows the rules of COM.
    let (library, sync) = unsafe {
        let library = Library::new(example_library("minimal_provider")).unwrap();
        let create: Symbol<Create> = library.get(b"CreateMapiSync").unwrap();
        let sync = ComPtr::<IMAPISync>::create_with(|riid, ppv| create(riid, ppv)).unwrap();
        (library, sync)
    };
    let outcome = outlook().run(&sync);
    outcome.assert_ok().assert_no_leaks();
    let step = "Receiving Inbox";
    assert_eq!(
        outcome.calls(),
        [
            Call::progress(step, 0, 2),
            Call::progress(step, 1, 2),
            Call::progress(step, 2, 2),
            Call::done(HRESULT::S_OK),
        ]
    );
    assert_eq!(fs::read_to_string(local.join("2")).unwrap(), "2");

    // SAFETY: the library exports a function of this type.
    let has_ended = unsafe { library.get::<LogOff>(b"LogOff").unwrap()() };
    assert!(has_ended);
    outlook().run(&sync).assert_refused(HRESULT::MAPI_E_OFFLINE);
    drop(sync);
    std::mem::forget(library); // the worker may still run its last instructions
}
