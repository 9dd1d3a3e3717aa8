//! `mapisync.h` compiles without a warning alone, with Windows' headers and with DirectX-Headers. It
//! does not compile with types or a calling convention that the library does not have. Its flags and
//! codes are the crate's.

#[path = "../../common/mod.rs"]
mod common;

use common::{Call, Recorder, TIMEOUT};
use mapisync::abi::{C_HEADER, SyncFlags};
use mapisync::{HRESULT, SyncHost};
use mapisync_interop_cpp::{
    Build, CLANG, Compiler, GCC, HEADER, Language, MINGW_32, MINGW_64, Witness,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Uses everything that the header has.
const USE: &str = "
HRESULT use(IMAPISync *store, IMAPISyncProgressCallback *callback, IUnknown *unknown, MAPISIB *request);
HRESULT use(IMAPISync *store, IMAPISyncProgressCallback *callback, IUnknown *unknown, MAPISIB *request) {
    PMAPISIB same = request;
    same->ulSize = sizeof(MAPISIB);
    same->ulFlags = SYNC_UPLOAD_HIERARCHY | SYNC_DOWNLOAD_HIERARCHY | SYNC_UPLOAD_CONTENTS | SYNC_DOWNLOAD_CONTENTS |
                    SYNC_OUTGOING_MAIL | SYNC_BACKGROUND | SYNC_THESE_FOLDERS | SYNC_GLOBAL_HEADERS | SYNC_ON_DEMAND;
    same->punkCallBack = unknown;
    void *out = 0;
#if defined(__cplusplus) && !defined(CINTERFACE)
    IUnknown *bases[] = {store, callback};
    (void)bases;
    if (store->QueryInterface(IID_IMAPISync, &out) == S_OK) store->Release();
    if (unknown->QueryInterface(IID_IMAPISyncProgressCallback, &out) == S_OK) callback->AddRef();
    callback->Progress(nullptr, 1, 2);
    callback->Error(E_FAIL, nullptr);
    callback->Done(nullptr, S_OK);
    return store->SynchronizeInBackground(same);
#else
#ifdef __cplusplus
#define REF(iid) iid
#else
#define REF(iid) &iid
#endif
    if (IMAPISync_QueryInterface(store, REF(IID_IMAPISync), &out) == S_OK) IMAPISync_Release(store);
    IMAPISync_AddRef(store);
    if (IMAPISyncProgressCallback_QueryInterface(callback, REF(IID_IMAPISyncProgressCallback), &out) == S_OK)
        IMAPISyncProgressCallback_Release(callback);
    IMAPISyncProgressCallback_AddRef(callback);
    IMAPISyncProgressCallback_Progress(callback, 0, 1, 2);
    IMAPISyncProgressCallback_Error(callback, E_FAIL, 0);
    IMAPISyncProgressCallback_Done(callback, 0, S_OK);
    return IMAPISync_SynchronizeInBackground(store, same);
#endif
}
";

/// A language with an option: the standards that the header supports, and the interfaces as structs
/// in C++.
type Mode = (Language, &'static str);
const MODES: [Mode; 6] = [
    (Language::C, "-std=c99"),
    (Language::C, "-std=c17"),
    (Language::C, "-std=c11"),
    (Language::Cpp, "-std=c++11"),
    (Language::Cpp, "-std=c++17"),
    (Language::Cpp, "-DCINTERFACE"),
];

/// Checks a source in one mode, and returns the compiler's output.
fn check(compiler: &Compiler, (language, option): Mode, flags: &[&str], text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let extension = match language {
        Language::C => "c",
        Language::Cpp => "cpp",
    };
    let source = folder.path().join("use").with_extension(extension);
    fs::write(&source, text).unwrap();
    let mut command = compiler.command(language);
    command.args(["-fsyntax-only", option]).args(flags);
    compiler.run(command.arg(&source))
}

/// Asserts that a source compiles without a warning in every mode.
fn compiles(compiler: &Compiler, flags: &[&str], text: &str) {
    compiles_in(&MODES, compiler, flags, text);
}

/// The same for Windows' headers, which take a compiler a second. C11 stands for every C.
fn compiles_with_windows(compiler: &Compiler, text: &str) {
    compiles_in(&MODES[2..], compiler, &[], text);
}

fn compiles_in(modes: &[Mode], compiler: &Compiler, flags: &[&str], text: &str) {
    for &mode in modes {
        let output = check(compiler, mode, flags, text);
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {mode:?} {flags:?}:\n{messages}",
            compiler.c
        );
    }
}

/// Asserts that the static assertion `name` of the header, with `message`, rejects a source.
fn rejected(
    compiler: &Compiler,
    mode: Mode,
    flags: &[&str],
    text: &str,
    (name, message): (&str, &str),
) {
    let output = check(compiler, mode, flags, text);
    let messages = String::from_utf8_lossy(&output.stderr);
    let expected = match mode {
        (Language::C, "-std=c99" | "-std=gnu99") => format!("mapisync_{name}_"),
        _ => format!("mapisync.h: {message}"),
    };
    assert!(
        !output.status.success() && messages.contains(&expected),
        "{} {mode:?} {flags:?} did not say `{expected}`:\n{messages}",
        compiler.c
    );
}

#[test]
fn it_compiles_alone() {
    let text = format!("#include \"mapisync.h\"\n#include \"mapisync.h\"\n{USE}");
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &text);
    }
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, &text);
        compiles(compiler, &["-DMAPISYNC_STANDALONE"], &text);
    }
    for target in [
        "x86_64-pc-windows-msvc",
        "i686-pc-windows-msvc",
        "aarch64-pc-windows-msvc",
        "aarch64-apple-darwin",
    ] {
        let target = format!("--target={target}");
        compiles(
            &CLANG,
            &[
                &target,
                "-ffreestanding",
                "-Wno-stdlibcxx-not-found",
                "-DMAPISYNC_STANDALONE",
            ],
            &text,
        );
    }
}

#[test]
fn it_compiles_inside_extern_c() {
    let text = format!(
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n#include \"mapisync.h\"
        #ifdef __cplusplus\n}}\n#endif\n{USE}"
    );
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &text);
    }
}

#[test]
fn it_compiles_beside_the_headers_of_windows_before_and_after_them() {
    let beside = ["windows.h", "mapix.h", "mapispi.h"];
    for compiler in [&MINGW_64, &MINGW_32] {
        for other in beside {
            let (first, ours) = (format!("#include <{other}>\n"), "#include \"mapisync.h\"\n");
            compiles_with_windows(compiler, &format!("{first}{ours}{USE}"));
            compiles_with_windows(compiler, &format!("{ours}{first}{USE}"));
        }
    }
}

#[test]
fn what_mapix_defines_is_the_session_that_the_header_means() {
    let text = "#include \"mapisync.h\"\n#include <mapix.h>
        LPMAPISESSION session(MAPISIB *request);
        LPMAPISESSION session(MAPISIB *request) { LPUNKNOWN callback = request->punkCallBack; return callback ? request->psesSync : 0; }\n";
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, text);
    }
}

#[test]
fn uuidof_knows_the_interfaces_where_there_is_such_a_thing() {
    let text = "#include \"mapisync.h\"
        bool known(IUnknown *unknown);
        bool known(IUnknown *unknown) {
            IMAPISync *sync = nullptr;
            IMAPISyncProgressCallback *callback = nullptr;
            return SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&sync)))
                && SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&callback)))
                && IsEqualGUID(__uuidof(IMAPISync), IID_IMAPISync);
        }\n";
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("uuidof.cpp");
    fs::write(&source, text).unwrap();
    for compiler in [&MINGW_64, &MINGW_32] {
        // __uuidof is no C++, which -Wpedantic minds.
        let mut command = compiler.command(Language::Cpp);
        compiler.ask(
            command
                .args(["-Wno-pedantic", "-fsyntax-only"])
                .arg(&source),
        );
    }
}

/// Definitions of the types and macros that the including file supplies, each by its name.
const TYPES: [(&str, &str); 10] = [
    ("ULONG", "typedef uint32_t ULONG;"),
    ("HRESULT", "typedef int32_t HRESULT;"),
    ("HANDLE", "typedef void *HANDLE;"),
    ("WCHAR", "typedef wchar_t WCHAR;"),
    (
        "GUID",
        "typedef struct _GUID { uint32_t Data1; uint16_t Data2, Data3; uint8_t Data4[8]; } GUID;",
    ),
    ("IID", "typedef GUID IID;"),
    (
        "REFIID",
        "#ifdef __cplusplus\ntypedef const GUID &REFIID;\n#else\ntypedef const GUID *REFIID;\n#endif",
    ),
    ("STDMETHODCALLTYPE", "#define STDMETHODCALLTYPE"),
    (
        "codes",
        "#define S_OK 0\n#define E_FAIL ((HRESULT)0x80004005)",
    ),
    (
        "IUnknown",
        "#if defined(__cplusplus) && !defined(CINTERFACE)
        struct IUnknown {
            virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID, void **) = 0;
            virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
            virtual ULONG STDMETHODCALLTYPE Release() = 0;
        };
        #else
        typedef struct IUnknown { const void *lpVtbl; } IUnknown;
        #endif",
    ),
];

/// A source with these types, of which one has another definition, and the header.
fn with_types(name: &str, definition: &str) -> String {
    let mut text = String::from("#include <stdint.h>\n#include <stddef.h>\n");
    for (each, usual) in TYPES {
        text += if each == name { definition } else { usual };
        text += "\n";
    }
    text + "#define MAPISYNC_NO_COM_TYPES\n#include \"mapisync.h\"\n"
}

#[test]
fn it_compiles_with_types_that_the_including_file_defines() {
    let text = with_types("", "") + USE;
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &text);
    }
    for definition in [
        "#define REFIID const IID *",
        "#define REFIID const IID *const",
    ] {
        let text = with_types("REFIID", definition);
        for compiler in [&GCC, &CLANG] {
            compiles(compiler, &[], &text);
        }
    }
}

#[test]
fn strings_are_utf_16_whatever_wchar_is() {
    let text = "
HRESULT show(IMAPISyncProgressCallback *callback);
HRESULT show(IMAPISyncProgressCallback *callback) {
    const TYPE text[] = {'x', 0};
#if defined(__cplusplus) && !defined(CINTERFACE)
    callback->Error(E_FAIL, text);
    return callback->Progress(text, 1, 2);
#else
    IMAPISyncProgressCallback_Error(callback, E_FAIL, text);
    return IMAPISyncProgressCallback_Progress(callback, text, 1, 2);
#endif
}\n";
    for head in ["#include \"mapisync.h\"\n".into(), with_types("", "")] {
        for compiler in [&GCC, &CLANG] {
            for mode in MODES {
                let (right, wrong) = match mode.0 {
                    Language::C => ("uint16_t", "uint32_t"),
                    Language::Cpp => ("char16_t", "wchar_t"),
                };
                for (name, accepted) in [("MAPISYNC_CHAR", true), (right, true), (wrong, false)] {
                    let text = format!("{head}{}", text.replace("TYPE", name));
                    let output = check(compiler, mode, &[], &text);
                    assert_eq!(
                        output.status.success(),
                        accepted,
                        "{} {mode:?} {name}:\n{}",
                        compiler.c,
                        String::from_utf8_lossy(&output.stderr)
                    );
                }
            }
        }
    }
}

#[test]
fn a_type_that_the_library_does_not_have_does_not_compile() {
    let ulong = (
        "ULONG_is_another_type",
        "ULONG must be an unsigned integer of 32 bits",
    );
    let hresult = (
        "HRESULT_is_another_type",
        "HRESULT must be a signed integer of 32 bits",
    );
    let handle = (
        "HANDLE_is_another_type",
        "HANDLE must have the size of a pointer",
    );
    let guid = ("GUID_is_another_type", "GUID must have 16 bytes");
    let iid = ("IID_is_another_type", "IID must have 16 bytes");
    let refiid = (
        "REFIID_is_another_type",
        "REFIID must be a reference or a pointer",
    );
    let long_guid =
        "typedef struct { unsigned long Data1; uint16_t Data2, Data3; uint8_t Data4[8]; }";
    let cases = [
        ("ULONG", "typedef unsigned long ULONG;", ulong),
        ("ULONG", "typedef int32_t ULONG;", ulong),
        ("ULONG", "typedef uint16_t ULONG;", ulong),
        ("HRESULT", "typedef long HRESULT;", hresult),
        ("HRESULT", "typedef uint32_t HRESULT;", hresult),
        ("HANDLE", "typedef int HANDLE;", handle),
        ("GUID", &format!("{long_guid} GUID;"), guid),
        ("IID", &format!("{long_guid} IID;"), iid),
        ("REFIID", "typedef GUID REFIID;", refiid),
    ];
    for compiler in [&GCC, &CLANG] {
        for mode in MODES {
            for (name, definition, assertion) in cases {
                rejected(
                    compiler,
                    mode,
                    &[],
                    &with_types(name, definition),
                    assertion,
                );
            }
        }
        // An alignment has no operator in C99.
        for mode in MODES.into_iter().filter(|mode| mode.1 != "-std=c99") {
            let guid_with = |attribute| {
                let fields = "uint32_t Data1; uint16_t Data2, Data3; uint8_t Data4[8];";
                let definition =
                    format!("typedef struct __attribute__(({attribute})) {{ {fields} }} GUID;");
                with_types("GUID", &definition)
            };
            rejected(compiler, mode, &[], &guid_with("aligned(16)"), guid);
            compiles_in(&[mode], compiler, &[], &guid_with("packed"));
        }
    }
    // On Windows strings are of the including file's WCHAR.
    let wchar = (
        "MAPISYNC_CHAR_is_another_type",
        "MAPISYNC_CHAR must have 16 bits",
    );
    for compiler in [&MINGW_64, &MINGW_32] {
        let with_call = |text: String| {
            text.replace(
                "#define STDMETHODCALLTYPE\n",
                "#define STDMETHODCALLTYPE __stdcall\n",
            )
        };
        compiles(compiler, &[], &with_call(with_types("", "") + USE));
        let text = with_call(with_types("WCHAR", "typedef uint32_t WCHAR;"));
        for mode in MODES {
            rejected(compiler, mode, &[], &text, wchar);
        }
    }
}

#[test]
fn an_iunknown_with_another_vtable_does_not_compile() {
    let methods =
        "virtual HRESULT QueryInterface(REFIID, void **) = 0; virtual ULONG AddRef() = 0;";
    let release = "virtual ULONG Release() = 0;";
    let assertion = ("", "IUnknown must have three virtual methods");
    let cpp = MODES
        .into_iter()
        .filter(|mode| mode.0 == Language::Cpp && mode.1 != "-DCINTERFACE");
    for mode in cpp {
        for compiler in [&GCC, &CLANG] {
            for more in [
                "virtual ~IUnknown() = default;",
                "virtual ULONG Another() = 0;",
                "ULONG count;",
            ] {
                let iunknown = format!("struct IUnknown {{ {methods} {release} {more} }};");
                let text = with_types("IUnknown", &iunknown);
                let flags = ["-Wno-non-virtual-dtor", "-Wno-delete-non-virtual-dtor"];
                rejected(compiler, mode, &flags, &text, assertion);
            }
            // A method without a vtable slot.
            let iunknown = format!("struct IUnknown {{ {methods} ULONG Release(); }};");
            let output = check(compiler, mode, &[], &with_types("IUnknown", &iunknown));
            let messages = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && messages.contains("override"),
                "{} {mode:?}:\n{messages}",
                compiler.c
            );
        }
    }
}

/// The assertion of the calling convention.
const CONVENTION: (&str, &str) = (
    "STDMETHODCALLTYPE_is_another_calling_convention",
    "STDMETHODCALLTYPE must be the calling convention of the library",
);

#[test]
fn a_calling_convention_that_the_library_does_not_use_does_not_compile() {
    let (x86_64, x86) = ("--target=x86_64-linux-gnu", "--target=i686-linux-gnu");
    let freestanding = "-ffreestanding";
    let alone = "#include \"mapisync.h\"\n";
    for mode in MODES {
        let supplied = |convention: &str| {
            let definition = format!("#define STDMETHODCALLTYPE __attribute__(({convention}))");
            with_types("STDMETHODCALLTYPE", &definition)
        };
        let defined = "-DSTDMETHODCALLTYPE=__attribute__((ms_abi))";
        let wrong = supplied("ms_abi");
        for compiler in [&GCC, &CLANG] {
            rejected(compiler, mode, &[], &wrong, CONVENTION);
            rejected(compiler, mode, &[defined], alone, CONVENTION);
            let right = check(compiler, mode, &[], &supplied("sysv_abi"));
            assert!(right.status.success(), "{} {mode:?}", compiler.c);
        }
        // Options that change the convention of every function.
        rejected(&GCC, mode, &["-mabi=ms"], alone, CONVENTION);
        rejected(
            &CLANG,
            mode,
            &[x86, freestanding, "-mrtd"],
            alone,
            CONVENTION,
        );

        let wrong = supplied("stdcall");
        rejected(&CLANG, mode, &[x86, freestanding], &wrong, CONVENTION);
        for right in [alone.to_owned(), supplied("cdecl")] {
            let right = check(&CLANG, mode, &[x86, freestanding], &right);
            assert!(right.status.success(), "{mode:?}");
        }
        // On Cygwin C has the convention of Windows.
        for target in [x86_64, "--target=x86_64-pc-windows-cygnus"] {
            let right = check(&CLANG, mode, &[target, freestanding], alone);
            let messages = String::from_utf8_lossy(&right.stderr);
            assert!(right.status.success(), "{target} {mode:?}:\n{messages}");
        }

        // For 32-bit Windows a convention must be given, and there is no other for 64-bit.
        let none = with_types("", "");
        rejected(&MINGW_32, mode, &[], &none, CONVENTION);
        if mode.1 != "-std=c99" {
            let msvc = ["--target=i686-pc-windows-msvc", freestanding];
            rejected(&CLANG, mode, &msvc, &none, CONVENTION);
        }
        let right = check(&MINGW_64, mode, &[], &none);
        assert!(right.status.success(), "{mode:?}");
    }
}

/// The folder of a Debian package's headers, if the package is installed.
fn headers(folder: &str, package: &str) -> Option<PathBuf> {
    let folder = Path::new("/usr/include").join(folder);
    if folder.exists() {
        return Some(folder);
    }
    common::skip(&format!(
        "{} is not there: install the Debian package {package}",
        folder.display()
    ));
    None
}

#[test]
fn wines_headers_do_not_compile_for_unix() {
    let Some(folder) = headers("wine/wine/windows", "libwine-dev") else {
        return;
    };
    let folder = folder.to_str().unwrap();
    let includes = "#include <windows.h>\n#include <unknwn.h>\n";
    let ours = "#include \"mapisync.h\"\n";
    // Wine's <winsock.h> needs the GNU variants of C.
    let modes = [
        (Language::C, "-std=gnu99"),
        (Language::C, "-std=gnu11"),
        (Language::Cpp, "-std=c++11"),
        (Language::Cpp, "-std=c++17"),
        (Language::Cpp, "-DCINTERFACE"),
    ];
    for compiler in [&GCC, &CLANG] {
        for mode in modes {
            let flags = ["-isystem", folder, "-w"];
            let text = format!("{includes}#define MAPISYNC_NO_COM_TYPES\n{ours}");
            rejected(compiler, mode, &flags, &text, CONVENTION);
            // winegcc defines it, and then the header includes them itself.
            if mode.1.ends_with("11") {
                let flags = ["-isystem", folder, "-w", "-D_WIN32"];
                rejected(compiler, mode, &flags, ours, CONVENTION);
            }
            // With types of its own the header needs none of Wine's.
            let flags = ["-D_WIN32", "-DMAPISYNC_STANDALONE"];
            let right = check(compiler, mode, &flags, ours);
            let messages = String::from_utf8_lossy(&right.stderr);
            assert!(right.status.success(), "{mode:?}:\n{messages}");
        }
    }
}

/// The options that put DirectX-Headers' types in place of the header's own.
fn directx() -> Option<[String; 4]> {
    let folder = headers("wsl/stubs", "directx-headers-dev")?;
    Some([
        "-isystem".into(),
        folder.to_str().unwrap().into(),
        "-include".into(),
        concat!(env!("CARGO_MANIFEST_DIR"), "/witness/directx.h").into(),
    ])
}

#[test]
fn it_compiles_with_directx_headers() {
    let Some(options) = directx() else { return };
    let flags: Vec<_> = options.iter().map(String::as_str).collect();
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &flags, &format!("#include \"mapisync.h\"\n{USE}"));
        // A host that takes the strings for WCHAR, which is wchar_t there.
        let text = "#include \"mapisync.h\"
            struct Host : IMAPISyncProgressCallback {
                HRESULT QueryInterface(REFIID, void **) override { return E_NOINTERFACE; }
                ULONG AddRef() override { return 2; }
                ULONG Release() override { return 1; }
                HRESULT Progress(const STRING *, ULONG, ULONG) override { return S_OK; }
                HRESULT Error(HRESULT, const STRING *) override { return S_OK; }
                HRESULT Done(HANDLE, HRESULT) override { return S_OK; }
            } host;\n";
        for (string, accepted) in [("WCHAR", false), ("MAPISYNC_CHAR", true)] {
            let text = text.replace("STRING", string);
            let output = check(compiler, (Language::Cpp, "-std=c++11"), &flags, &text);
            assert_eq!(output.status.success(), accepted, "{string}");
        }
    }
}

/// Builds a program or, with `-shared`, a library from the types of DirectX-Headers.
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
        .arg(manifest.join("witness"))
        .args(options)
        .args(more)
        .arg(manifest.join(source))
        .arg("-o")
        .arg(to)
        .arg("-ldl");
    compiler.ask(&mut command);
}

#[cfg(target_os = "linux")]
#[test]
fn a_host_and_a_store_with_directx_headers_do_full_runs() {
    let Some(options) = directx() else { return };
    let folder = tempfile::tempdir().unwrap();
    for compiler in [GCC, CLANG] {
        for (language, source) in [
            (Language::C, "witness/witness.c"),
            (Language::Cpp, "witness/witness.cpp"),
        ] {
            let name = format!("{language:?} by {} with DirectX-Headers", compiler.c);
            let library = folder.path().join(&name);
            let flags = ["-shared", "-fPIC", "-fvisibility=hidden"];
            build(&compiler, language, &options, &flags, source, &library);
            let witness = Witness::new(Build {
                name: name.leak(),
                path: library.to_str().unwrap().to_owned().leak(),
                cpp: language == Language::Cpp,
            });

            let ours = common::store(|request| {
                request.spawn(|job| {
                    job.progress(Some("Grüße 😀"), 1, 3)?;
                    job.error(HRESULT::MAPI_W_ERRORS_RETURNED, "Fehler")?;
                    job.position(2, 3)
                })
            });
            witness.drive(&ours, 0xC0, None, HRESULT::S_OK, 0);
            let hex = |text: &str| {
                let units = text.encode_utf16().map(|unit| format!("{unit:04X}"));
                units.collect::<Vec<_>>().join(" ")
            };
            let expected = [
                "callback counts 1, store 1".into(),
                format!("Progress({}, 1, 3)", hex("Grüße 😀")),
                format!("Error(0x00040380, {})", hex("Fehler")),
                "Progress(NULL, 2, 3)".into(),
                "Done(the slot's event, 0x00000000)".into(),
                "SynchronizeInBackground -> 0x00000000".into(),
                "callback counts 1, store 1".into(),
                "callback gone".into(),
                "callback released, left 0".into(),
            ];
            assert_eq!(witness.lines(), expected, "{}", witness.build.name);

            let theirs = witness.store(HRESULT::S_OK, HRESULT::S_FALSE, 0);
            let ear = Recorder::new();
            let run = SyncHost::new(ear.clone()).start(&theirs, SyncFlags::empty());
            assert_eq!(run.unwrap().wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
            let greeting = || Some("Grüße, 世界 😀".to_owned());
            let expected = [
                Call::Progress(greeting(), 1, 3),
                Call::Progress(None, 0xFFFF_FFFF, 0x8000_0000),
                Call::Progress(greeting(), 2, 3),
                Call::Progress(Some("\u{FFFD}x".into()), 3, 3),
                Call::Error(HRESULT::MAPI_W_PARTIAL_COMPLETION, Some(String::new())),
                Call::Error(HRESULT::MAPI_E_NETWORK_ERROR, None),
                Call::Done(HRESULT::S_FALSE),
            ];
            assert_eq!(ear.calls(), expected, "{}", witness.build.name);
            common::wait_until(|| common::count(&theirs) == 1);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_example_host_with_directx_headers_loads_a_store_and_runs_it() {
    let Some(options) = directx() else { return };
    let library = common::target_file(&common::library_file("provider_dll"));
    if !library.exists() {
        common::skip("the library is not there: `cargo build -p provider-dll` makes it");
        return;
    }
    for compiler in [GCC, CLANG] {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("host");
        let source = "../../examples/cpp_host/main.cpp";
        build(&compiler, Language::Cpp, &options, &[], source, &host);
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/mailbox");
        let output = common::run(&host)
            .arg(&library)
            .env("MAPISYNC_SERVER", sample)
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

#[test]
fn packing_set_by_others_does_not_reach_it() {
    let text = format!("#pragma pack(push, 1)\n#include \"mapisync.h\"\n#pragma pack(pop)\n{USE}");
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &text);
    }
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, &text);
    }
    // Without the header's own packing its assertion fails.
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("packed.h");
    fs::write(
        &source,
        C_HEADER.replace("#pragma pack(push, 8)", "#pragma pack(push, 1)"),
    )
    .unwrap();
    for compiler in [GCC, CLANG] {
        for language in ["c", "c++"] {
            let mut command = std::process::Command::new(compiler.cpp);
            let refused =
                compiler.run(command.args(["-fsyntax-only", "-x", language]).arg(&source));
            let messages = String::from_utf8_lossy(&refused.stderr);
            assert!(
                !refused.status.success()
                    && messages.contains("mapisync.h: MAPISIB has another layout"),
                "{messages}"
            );
        }
    }
}

#[test]
fn the_crate_hands_out_the_file_itself() {
    assert!(C_HEADER.is_ascii(), "no code page may matter");
    assert_eq!(
        C_HEADER,
        fs::read_to_string(format!("{HEADER}/mapisync.h")).unwrap()
    );
}

#[test]
fn c_and_cpp_have_the_same_comments_and_the_host_reads_what_it_must_keep() {
    let comments: Vec<_> = C_HEADER
        .split("/* Slot ")
        .skip(1)
        .map(|rest| rest.split_once("*/").unwrap().0)
        .collect();
    let (cpp, c) = comments.split_at(comments.len() / 2);
    assert_eq!((cpp.len(), cpp), (4, c));
    let words: Vec<_> = cpp[0]
        .split_whitespace()
        .filter(|word| *word != "*")
        .collect();
    assert!(
        words.join(" ").contains(
            "The host must keep its reference to the store until this call has returned, even if Done"
        ),
        "{words:?}"
    );
}

#[test]
fn its_flags_are_the_crates() {
    let ask: String = SyncFlags::all()
        .iter_names()
        .map(|(name, _)| format!("{name} = SYNC_{name}\n"))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("flags.h");
    fs::write(&source, format!("#include \"mapisync.h\"\n{ask}")).unwrap();
    let text = GCC.ask(GCC.command(Language::C).args(["-E", "-P"]).arg(&source));
    let found: Vec<_> = text
        .lines()
        .filter(|line| line.contains("((ULONG)0x"))
        .collect();
    let expected: Vec<_> = SyncFlags::all()
        .iter_names()
        .map(|(name, flag)| format!("{name} = ((ULONG)0x{:08X})", flag.bits()))
        .collect();
    assert_eq!(
        (found, expected.len()),
        (expected.iter().map(String::as_str).collect(), 9)
    );
    let header = fs::read_to_string(format!("{HEADER}/mapisync.h")).unwrap();
    assert_eq!(header.matches("#define SYNC_").count(), 9, "and no others");
}

#[test]
fn its_codes_are_the_crates() {
    let mut seen = 0;
    for line in C_HEADER.lines() {
        let Some((name, value)) = line
            .strip_prefix("#define ")
            .and_then(|line| line.split_once(" ((HRESULT)"))
        else {
            continue;
        };
        if name.contains('(') {
            continue; // SUCCEEDED and FAILED
        }
        let value = value.trim_end_matches(')');
        let bits = match value.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).unwrap(),
            None => value.parse().unwrap(),
        };
        let known = format!("{:?}", HRESULT::from_bits(bits));
        let mut names = known.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        assert!(names.any(|known| known == name), "{name} is {known}");
        seen += 1;
    }
    assert_eq!(seen, 15);
}
