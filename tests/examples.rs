//! The examples `layout`, `own_interface` and `minimal_provider`, run or loaded as users do.

#![cfg(not(miri))] // Miri cannot start a program

use libloading::{Library, Symbol};
use mapisync::abi::IMAPISync;
use mapisync::abi::layout::{PointerWidth, published};
use mapisync::testing::Call;
use mapisync::{ComPtr, GUID, HRESULT};
use serde_json::Value;
use std::ffi::c_void;
use std::process::Output;
use std::{env, fs};
use test_support::{example, example_library, outlook, run};

fn layout(arguments: &[&str]) -> Output {
    let mut layout = run(&example("layout"));
    layout.args(arguments).output().unwrap()
}

/// Returns what a program has printed. It must have succeeded.
fn printed(output: Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn layout_prints_the_tables_of_this_target() {
    let printed = printed(layout(&[]));
    let (target, tables) = printed.split_once('\n').unwrap();
    let (arch, os) = (env::consts::ARCH, env::consts::OS);
    assert!(target.starts_with(&format!("{arch} {os}, ")), "{target}");
    let expected = published(PointerWidth::HERE).iter();
    let expected: String = expected.map(|table| format!("\n{table}\n")).collect();
    assert_eq!(tables, expected);
}

#[test]
fn layout_prints_the_tables_as_json() {
    let all: Value = serde_json::from_str(&printed(layout(&["--json"]))).unwrap();
    let endian = if cfg!(target_endian = "little") { "little" } else { "big" };
    assert_eq!(all["target"]["pointer_bytes"], size_of::<usize>());
    assert_eq!(all["target"]["endian"], endian);
    let (layouts, tables) = (all["layouts"].as_array().unwrap(), published(PointerWidth::HERE));
    assert_eq!(layouts.len(), tables.len());
    for (printed, table) in layouts.iter().zip(tables) {
        assert_eq!(printed["name"], table.name);
        assert_eq!(
            (&printed["size"], &printed["align"]),
            (&table.size.into(), &table.align.into())
        );
        let fields = printed["fields"].as_array().unwrap();
        assert_eq!(fields.len(), table.fields.len());
        for (printed, field) in fields.iter().zip(table.fields) {
            assert_eq!(printed["name"], field.name);
            assert_eq!(printed["offset"], field.offset);
            assert_eq!(printed["size"], field.size);
            assert_eq!(printed.get("slot"), field.slot.map(Value::from).as_ref());
        }
    }
}

#[test]
fn layout_rejects_other_arguments() {
    for arguments in [&["--all"][..], &["--json", "--json"]] {
        let output = layout(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert!(output.stderr.starts_with(b"usage: "), "{output:?}");
    }
}

#[test]
fn own_interface_serves_its_own_interface_and_imapisync_with_one_object() {
    let printed = printed(run(&example("own_interface")).output().unwrap());
    let expected = [
        "Receiving Inbox (1 of 1)",
        "ended with S_OK (0x00000000)",
        "one object: IMsgStore, IMAPIProp, IMAPISync",
        "SaveChanges: MAPI_E_NO_SUPPORT (0x80040102)",
        "StoreLogoff: S_OK (0x00000000), flags 0x10000",
        "after that: MAPI_E_OFFLINE (0x80040126)",
    ];
    assert!(printed.lines().eq(expected), "{printed}");
}

type Create = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;
type LogOff = unsafe extern "system" fn() -> bool;

#[test]
fn minimal_provider_synchronizes_and_logs_off() {
    let folder = tempfile::tempdir().unwrap();
    let [server, local] = ["server", "local"].map(|name| folder.path().join(name));
    fs::create_dir(&server).unwrap();
    fs::create_dir(&local).unwrap();
    for name in ["1", "2"] {
        fs::write(server.join(name), name).unwrap();
    }
    // SAFETY: the other tests of this program access the environment through `std` alone, which
    // locks it.
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
    let position = |n| Call::progress("Receiving Inbox", n, 2);
    let calls = [position(0), position(1), position(2), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), calls);
    assert_eq!(fs::read_to_string(local.join("2")).unwrap(), "2");

    // SAFETY: the library exports a function of this type.
    let has_ended = unsafe { library.get::<LogOff>(b"LogOff").unwrap()() };
    assert!(has_ended);
    outlook().run(&sync).assert_refused(HRESULT::MAPI_E_OFFLINE);
    drop(sync);
    std::mem::forget(library); // the worker may still run its last instructions
}
