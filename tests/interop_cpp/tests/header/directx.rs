//! The types of DirectX-Headers in place of the header's own, in sources, hosts and stores.

use crate::{Language, MODES, OURS, UNIX, USE, check, compiles, headers};
use mapisync::HRESULT;
use mapisync::testing::Call;
use mapisync_interop_cpp::{Build, ForeignLibrary, succeed};
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

#[test]
fn a_host_and_a_store_with_directx_headers_do_full_runs() {
    let Some(options) = directx() else { return };
    let folder = tempfile::tempdir().unwrap();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    for compiler in UNIX {
        for (language, source) in
            [(Language::C, "foreign/objects.c"), (Language::Cpp, "foreign/objects.cpp")]
        {
            let name = format!("{language:?} by {} with DirectX-Headers", compiler.c);
            let library = folder.path().join(&name);
            let mut command = compiler.command(language);
            command.args(["-shared", "-fPIC", "-fvisibility=hidden"]).args(&options);
            command.arg(manifest.join(source)).arg("-o").arg(&library);
            succeed(&mut command);
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
