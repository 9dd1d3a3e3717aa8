//! The types of DirectX-Headers in place of the header's own, in sources, hosts and stores.

use crate::{USE, check, compiles, headers};
use mapisync::HRESULT;
use mapisync::testing::{Call, Outlook};
use mapisync_interop_cpp::{Build, CLANG, Compiler, ForeignLibrary, GCC, Language};
use std::path::Path;
use test_support::{self, TIMEOUT};

/// Returns the options that replace the header's own types by those of DirectX-Headers.
fn directx() -> Option<[String; 4]> {
    let folder = headers("wsl/stubs", "directx-headers-dev")?;
    Some([
        "-isystem".into(),
        folder.to_str().unwrap().into(),
        "-include".into(),
        concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/directx.h").into(),
    ])
}

#[test]
fn it_compiles_with_directx_headers() {
    let Some(options) = directx() else { return };
    let flags: Vec<_> = options.iter().map(String::as_str).collect();
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &flags, &format!("#include \"mapisync.h\"\n{USE}"));
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
        for (string, accepted) in [("WCHAR", false), ("MAPISYNC_CHAR", true)] {
            let source = source.replace("STRING", string);
            let output = check(compiler, (Language::Cpp, "-std=c++11"), &flags, &source);
            assert_eq!(output.status.success(), accepted, "{string}");
        }
    }
}

/// Builds a program or, with `-shared`, a library with the types of DirectX-Headers.
fn build(
    compiler: &Compiler,
    language: Language,
    options: &[String],
    more: &[&str],
    source: &str,
    to: &Path,
) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = compiler.command(language);
    command
        .args(["-D_GNU_SOURCE", "-pthread", "-I"])
        .arg(manifest.join("foreign"))
        .args(options)
        .args(more)
        .arg(manifest.join(source))
        .arg("-o")
        .arg(to)
        .arg("-ldl");
    compiler.ask(&mut command);
}

#[test]
fn a_host_and_a_store_with_directx_headers_do_full_runs() {
    let Some(options) = directx() else { return };
    let folder = tempfile::tempdir().unwrap();
    for compiler in [GCC, CLANG] {
        for (language, source) in [
            (Language::C, "foreign/objects.c"),
            (Language::Cpp, "foreign/objects.cpp"),
        ] {
            let name = format!("{language:?} by {} with DirectX-Headers", compiler.c);
            let library = folder.path().join(&name);
            let flags = ["-shared", "-fPIC", "-fvisibility=hidden"];
            build(&compiler, language, &options, &flags, source, &library);
            let foreign = ForeignLibrary::new(Build {
                name: name.leak(),
                path: library.to_str().unwrap().to_owned().leak(),
                cpp: language == Language::Cpp,
            });

            let ours = test_support::store(|request| {
                request.spawn(|job| {
                    job.progress(Some("Grüße 😀"), 1, 3)?;
                    job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "Fehler");
                    job.position(2, 3)
                })
            });
            foreign.run(&ours, 0xC0, None, HRESULT::S_OK, 0);
            let hex = |string: &str| {
                let units = string.encode_utf16().map(|unit| format!("{unit:04X}"));
                units.collect::<Vec<_>>().join(" ")
            };
            let expected = [
                "callback counts 1, store 1".into(),
                format!("Progress({}, 1, 3)", hex("Grüße 😀")),
                format!("Error(0x00040380, {})", hex("Fehler")),
                "Progress(NULL, 2, 3)".into(),
                "Done(the run's event, 0x00000000)".into(),
                "SynchronizeInBackground -> 0x00000000".into(),
                "callback counts 1, store 1".into(),
                "callback gone".into(),
                "callback released, left 0".into(),
            ];
            assert_eq!(foreign.lines(), expected, "{}", foreign.build.name);

            let theirs = foreign.store(HRESULT::S_OK, HRESULT::S_FALSE, 0);
            let outcome = Outlook::new().timeout(TIMEOUT).run(&theirs);
            outcome.assert_status(HRESULT::S_FALSE).assert_no_leaks();
            let greeting = "Grüße, 世界 😀";
            let expected = [
                Call::progress(greeting, 1, 3),
                Call::position(0xFFFF_FFFF, 0x8000_0000),
                Call::progress(greeting, 2, 3),
                Call::progress("\u{FFFD}x", 3, 3),
                Call::error(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
                Call::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
                Call::done(HRESULT::S_FALSE),
            ];
            assert_eq!(outcome.calls(), expected, "{}", foreign.build.name);
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
    for compiler in [GCC, CLANG] {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        let source = "../../examples/cpp_host/main.cpp";
        build(&compiler, Language::Cpp, &options, &[], source, &host);
        let output = test_support::run(&host)
            .arg(&library)
            .env("MAPISYNC_SERVER", maildir_store::SAMPLE)
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
