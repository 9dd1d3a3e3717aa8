//! The types of DirectX-Headers in place of the header's own, in sources, hosts and stores.

use crate::{Language, MODES, OURS, UNIX, USE, check, compiles, headers};
use mapisync::HRESULT;
use mapisync::testing::Call;
use mapisync_interop_cpp::{Build, Compiler, ForeignLibrary, succeed};
use std::path::Path;
use test_support::outlook;

/// Returns the options that replace the header's own types by those of DirectX-Headers.
fn directx() -> Option<[String; 4]> {
    let folder = headers("wsl/stubs", "directx-headers-dev")?;
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/directx.h");
    let folder = folder.to_str().unwrap();
    Some(["-isystem", folder, "-include", ours].map(String::from))
}

#[test]
fn it_compiles_with_directx_headers() {
    let Some(options) = directx() else { return };
    let flags = options.each_ref().map(String::as_str);
    compiles(&UNIX, &MODES, &flags, &format!("{OURS}{USE}"));
    // A host that takes the strings for WCHAR does not compile, because that is wchar_t there.
    let source = "#include \"mapisync.h\"
        struct Host : IMAPISyncProgressCallback {
            HRESULT QueryInterface(REFIID, void **) override { return E_NOINTERFACE; }
            ULONG AddRef() override { return 2; }
            ULONG Release() override { return 1; }
            HRESULT Progress(const STRING *, ULONG, ULONG) override { return S_OK; }
            HRESULT Error(HRESULT, const STRING *) override { return S_OK; }
            HRESULT Done(HANDLE, HRESULT) override { return S_OK; }
        } host;\n";
    for (string, expected) in [("WCHAR", false), ("MAPISYNC_CHAR", true)] {
        let source = source.replace("STRING", string);
        for compiler in UNIX {
            let (accepted, _) = check(compiler, (Language::Cpp, "-std=c++11"), &flags, &source);
            assert_eq!(accepted, expected, "{string}");
        }
    }
}

/// Builds a program or, with `-shared`, a library with the types of DirectX-Headers.
fn build(compiler: &Compiler, options: &[String], more: &[&str], source: &str, to: &Path) {
    let is_c = source.ends_with(".c");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = compiler.command(if is_c { Language::C } else { Language::Cpp });
    command
        .args(["-D_GNU_SOURCE", "-pthread"])
        .args(options)
        .args(more);
    succeed(
        command
            .arg(folder.join(source))
            .arg("-o")
            .arg(to)
            .arg("-ldl"),
    );
}

#[test]
fn a_host_and_a_store_with_directx_headers_do_full_runs() {
    let Some(options) = directx() else { return };
    let folder = tempfile::tempdir().unwrap();
    for compiler in UNIX {
        for source in ["foreign/objects.c", "foreign/objects.cpp"] {
            let name = format!("{} by {} with DirectX-Headers", &source[8..], compiler.c);
            let library = folder.path().join(&name);
            let flags = ["-shared", "-fPIC", "-fvisibility=hidden"];
            build(compiler, &options, &flags, source, &library);
            let foreign = ForeignLibrary::new(Build {
                name: name.leak(),
                path: library.to_str().unwrap().to_owned().leak(),
                cpp: source.ends_with(".cpp"),
            });

            let ours = test_support::store(|request| {
                request.spawn(|job| {
                    job.progress(Some("Grüße 😀"), 1, 3)?;
                    job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "Fehler");
                    job.position(2, 3)
                })
            });
            let outcome = outlook().run(&foreign.store(&ours));
            let expected = [
                Call::progress("Grüße 😀", 1, 3),
                Call::error(HRESULT::MAPI_W_ERRORS_RETURNED, "Fehler"),
                Call::position(2, 3),
                Call::done(HRESULT::S_OK),
            ];
            assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), expected);
        }
    }
}

#[test]
fn the_example_host_with_directx_headers_loads_a_store_and_runs_it() {
    let Some(options) = directx() else { return };
    let file = test_support::library_file("provider_dll");
    let Some(library) = test_support::built_by("cargo build -p provider_dll", &file) else {
        return;
    };
    for compiler in UNIX {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        build(
            compiler,
            &options,
            &[],
            "../../examples/cpp_host/main.cpp",
            &host,
        );
        let mut command = test_support::run(&host);
        command
            .arg(&library)
            .env("MAPISYNC_SERVER", maildir_store::SAMPLE);
        let output = command
            .env("MAPISYNC_LOCAL", folder.path().join("local"))
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{shown}");
        for line in [
            "Receiving Inbox: 10 of 10\n",
            "Entwürfe",
            "ended with 0x00000000\n",
        ] {
            assert!(shown.contains(line), "{}: {shown}", compiler.cpp);
        }
    }
}
