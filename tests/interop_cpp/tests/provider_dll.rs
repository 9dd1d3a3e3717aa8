//! The example `provider_dll`, loaded by the host in C++ (`examples/cpp_host`) and by this program.

#![cfg(any(windows, target_os = "linux"))]

use libloading::Library;
use maildir_store::SAMPLE;
use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISync};
use mapisync::testing::Recorder;
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use test_support::{TIMEOUT, garbage};

const HOST: &str = env!("CPP_HOST");

/// The library that `cargo build -p provider_dll` builds.
fn provider() -> Option<PathBuf> {
    let file = test_support::library_file("provider_dll");
    test_support::built_by("cargo build -p provider_dll", &file)
}

/// Returns the sizes of the messages below a folder.
fn messages(root: &Path) -> Vec<u64> {
    let is_message = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        !name.starts_with('.') && !["maildirfolder", "mapisync.lock"].contains(&name)
    };
    let files = test_support::walk(root).into_iter().filter(is_message);
    files.map(|path| path.metadata().unwrap().len()).collect()
}

fn host(library: &Path, server: &Path, local: &Path) -> Command {
    let mut host = test_support::run(Path::new(HOST));
    host.arg(library).env("MAPISYNC_SERVER", server).env("MAPISYNC_LOCAL", local);
    host
}

fn printed(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_host_in_cpp_runs_it_to_the_end() {
    let Some(library) = provider() else { return };
    let local = tempfile::tempdir().unwrap();
    let output = host(&library, Path::new(SAMPLE), local.path()).output().unwrap();
    let (out, err) = (printed(output.stdout), printed(output.stderr));
    assert_eq!((output.status.code(), &*err), (Some(0), ""), "{out}");
    assert!(out.contains("Receiving Inbox: 10 of 10\n"), "{out}");
    assert!(out.contains("Entwürfe"), "folders are shown as they are called: {out}");
    assert!(out.ends_with("ended with 0x00000000\n"), "{out}");
    let (received, sent) = (messages(local.path()), messages(Path::new(SAMPLE)));
    assert_eq!(received.len(), 25);
    assert_eq!(received.iter().sum::<u64>(), sent.iter().sum());
}

/// The library's event must not become the standard output to which the host prints.
#[cfg(unix)]
#[test]
fn a_host_in_cpp_may_have_closed_its_standard_descriptors() {
    let Some(library) = provider() else { return };
    for closed in [">&-", "2>&-", "<&- >&- 2>&-"] {
        let local = tempfile::tempdir().unwrap();
        let host = test_support::quoted(Path::new(HOST));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {host} \"$0\" {closed}")]).arg(&library);
        shell.env("MAPISYNC_SERVER", SAMPLE).env("MAPISYNC_LOCAL", local.path());
        let output = shell.output().unwrap();
        // It exits with 0 if the event was signaled after Done. It prints a line for each message
        // before Done, and one after it.
        assert_eq!(output.status.code(), Some(0), "{closed}: {output:?}");
        assert_eq!(messages(local.path()).len(), 25, "{closed}");
    }
}

#[test]
fn a_host_in_cpp_is_told_what_is_wrong() {
    let Some(library) = provider() else { return };
    let local = tempfile::tempdir().unwrap();
    let nowhere = local.path().join("nowhere");
    let output = host(&library, &nowhere, local.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(printed(output.stdout), "ended with 0x8004010F\n");
    let output = host(Path::new("no-such-library"), &nowhere, local.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(output.stderr).contains("no library that exports CreateMapiSync"));
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_reaches_the_store_through_progress() {
    use rustix::process::{Pid, Signal, kill_process};
    use std::fs;
    let Some(library) = provider() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (server, local) = (dir.path().join("server"), dir.path().join("local"));
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(server.join(sub)).unwrap();
    }
    let planted = test_support::fewer(20_000);
    for n in 0..planted {
        fs::write(server.join("new").join(n.to_string()), "mail").unwrap();
    }
    let mut host = host(&library, &server, &local);
    let run = host.stdout(std::process::Stdio::piped()).spawn().unwrap();
    while fs::read_dir(local.join("new")).map_or(0, Iterator::count) == 0 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    let output = run.wait_with_output().unwrap();
    let out = printed(output.stdout);
    assert_eq!(output.status.code(), Some(130), "{out}");
    assert!(out.ends_with("ended with 0x80040113\n"), "{out}");
    assert!((1..planted).contains(&messages(&local).len()));
}

type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;

fn create(library: &Library) -> Create {
    // SAFETY: mapisync.h declares the function with this signature.
    unsafe { *library.get::<Create>(b"CreateMapiSync").unwrap() }
}

/// # Safety
///
/// `library` must be the provider and must stay loaded as long as the store lives.
unsafe fn store(library: &Library) -> ComPtr<IMAPISync> {
    let mut out = garbage();
    // SAFETY: both pointers are valid, and the result is a free-threaded IMAPISync with a
    // reference.
    unsafe {
        assert_eq!(create(library)(&IID_IMAPISync, &mut out), HRESULT::S_OK);
        ComPtr::from_raw(out.cast()).unwrap()
    }
}

/// The environment of this process names no store, so the library uses the sample mailbox.
#[test]
fn the_exported_function_keeps_com_and_its_objects_are_one_store() {
    let Some(path) = provider() else { return };
    // SAFETY: the library has no initializers except those of Rust's runtime.
    let library = unsafe { Library::new(&path) }.unwrap();
    let create = create(&library);
    for (iid, code) in [
        (Some(&IID_IMAPISync), HRESULT::S_OK),
        (Some(&IID_IUnknown), HRESULT::S_OK),
        (Some(&IID_IMAPISyncProgressCallback), HRESULT::E_NOINTERFACE),
        (None, HRESULT::E_POINTER),
    ] {
        let mut out = garbage();
        let iid = iid.map_or(ptr::null(), ptr::from_ref);
        // SAFETY: each pointer is NULL or valid.
        let found = unsafe { create(iid, &mut out) };
        assert_eq!((found, out.is_null()), (code, code.is_err()));
        if code.is_ok() {
            // SAFETY: the object has a reference for the caller.
            drop(unsafe { ComPtr::<IMAPISync>::from_raw(out.cast()) });
        }
        // SAFETY: the function accepts NULL.
        assert_eq!(unsafe { create(iid, ptr::null_mut()) }, HRESULT::E_POINTER);
    }

    // SAFETY: it stays loaded until the end of this test.
    let (first, second) = unsafe { (store(&library), store(&library)) };
    assert!(!first.is_same_object(&second));
    let (outlook, recorder) = (test_support::outlook(), Recorder::new().blocks());
    let run = outlook.clone().recorder(recorder.clone()).start(&first);
    assert!(recorder.wait_calls(1, TIMEOUT));
    let busy = outlook.run(&second);
    busy.assert_refused(HRESULT::MAPI_E_BUSY).assert_no_leaks();
    recorder.release();
    run.wait().assert_ok().assert_no_leaks();
    outlook.run(&second).assert_ok().assert_no_leaks();
    drop((first, second));
}
