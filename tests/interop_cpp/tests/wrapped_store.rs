//! The example `wrapped_store` as MAPI loads it: between a host that plays MAPI and Outlook, and an
//! inner provider that records what it gets. Both are written in C++ with mingw's MAPI headers.

#![cfg(all(windows, target_env = "gnu"))]

use object::Object;
use std::fs;
use std::path::{Path, PathBuf};

/// The library that `cargo build -p wrapped_store` builds.
fn library() -> Option<PathBuf> {
    test_support::built_by("cargo build -p wrapped_store", "wrapped_store32.dll")
}

const HTML: &str = "Content-Type: text/html; charset=utf-8\n\n<p>Größe</p>\n";

#[test]
fn the_entry_points_are_exported_under_undecorated_names() {
    let Some(library) = library() else { return };
    let data = fs::read(library).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let exports = file.exports().unwrap();
    for wanted in ["MSProviderInit", "ServiceEntry"] {
        let named = |name: &[u8]| String::from_utf8_lossy(name).contains(wanted);
        let found: Vec<_> =
            exports.iter().map(|export| export.name()).filter(|name| named(name)).collect();
        assert_eq!(found, [wanted.as_bytes()]);
    }
}

#[test]
fn mapi_loads_it_and_outlook_runs_it() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(mail.join(sub)).unwrap();
    }
    for (name, rest) in [("new/1", "\nText\n"), ("cur/2;2,S", HTML), ("new/3", "\n")] {
        let id = &name[4..5];
        let header = format!("Message-ID: <{id}@x>\nFrom: Änne <a@x>\nTo: b@x\nSubject: {id}\n");
        fs::write(mail.join(name), header + rest).unwrap();
    }
    let output = test_support::run(Path::new(env!("WRAPPED_HOST")))
        .arg(library)
        .arg(env!("WRAPPED_STAND_IN"))
        .arg(&mail)
        .arg(folder.path().join("state"))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    let expected = include_str!("../../../examples/wrapped_store/cpp/expected.txt");
    assert_eq!(printed, expected, "{printed}");
    assert!(output.status.success());
}
