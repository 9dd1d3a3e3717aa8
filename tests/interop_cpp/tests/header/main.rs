//! `mapisync.h` compiles without a warning alone, with Windows' headers and with DirectX-Headers.
//! It does not compile with types or a calling convention that the library does not have. Its flags
//! and codes are the crate's.

mod compiles;
mod contents;
#[cfg(target_os = "linux")]
mod directx;
mod rejects;

use mapisync_interop_cpp::{CLANG, Compiler, GCC, Language, MINGW_32, MINGW_64, run};
use std::fs;
use std::path::{Path, PathBuf};

const UNIX: [&Compiler; 2] = [&GCC, &CLANG];
const MINGW: [&Compiler; 2] = [&MINGW_64, &MINGW_32];
const OURS: &str = "#include \"mapisync.h\"\n";

/// A source that uses everything in the header.
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

/// A language and an option: the standards that the header supports, and structs for the interfaces
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

/// Compiles a source in one mode. Returns whether the compiler accepted it, and its messages.
fn check(
    compiler: &Compiler,
    (language, option): Mode,
    flags: &[&str],
    source: &str,
) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("use");
    fs::write(&file, source).unwrap();
    let mut command = compiler.command(language);
    command.args(["-fsyntax-only", option, "-x"]);
    command.arg(if language == Language::C { "c" } else { "c++" });
    let output = run(command.args(flags).arg(&file));
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Asserts that a source compiles without a warning in these modes.
fn compiles(compilers: &[&Compiler], modes: &[Mode], flags: &[&str], source: &str) {
    for compiler in compilers {
        for &mode in modes {
            let (accepted, messages) = check(compiler, mode, flags, source);
            assert!(accepted, "{} {mode:?} {flags:?}:\n{messages}\n{source}", compiler.c);
        }
    }
}

/// Asserts that the header's static assertion `name`, with `message`, rejects a source.
fn rejected(
    compilers: &[&Compiler],
    modes: &[Mode],
    flags: &[&str],
    source: &str,
    (name, message): (&str, &str),
) {
    for compiler in compilers {
        for &mode in modes {
            let (accepted, messages) = check(compiler, mode, flags, source);
            // Before C11 the name is the message.
            let expected = match mode.1 {
                "-std=c99" | "-std=gnu99" => format!("mapisync_{name}_"),
                _ => format!("mapisync.h: {message}"),
            };
            let is_right = !accepted && messages.contains(&expected);
            let name = compiler.c;
            assert!(is_right, "{name} {mode:?} {flags:?} did not say `{expected}`:\n{messages}");
        }
    }
}

/// Valid definitions of the types and macros that the including file must define, with their names.
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
    ("codes", "#define S_OK 0\n#define E_FAIL ((HRESULT)0x80004005)"),
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

/// Returns a source with these types and the header. The type `name` has another definition.
fn with_types(name: &str, definition: &str) -> String {
    let mut source = String::from("#include <stdint.h>\n#include <stddef.h>\n");
    for (each, usual) in TYPES {
        source += if each == name { definition } else { usual };
        source += "\n";
    }
    source + "#define MAPISYNC_NO_COM_TYPES\n" + OURS
}

/// Returns the folder of a Debian package's headers, if the package is installed.
fn headers(folder: &str, package: &str) -> Option<PathBuf> {
    let folder = Path::new("/usr/include").join(folder);
    if folder.exists() {
        return Some(folder);
    }
    test_support::skip(&format!("{folder:?} is missing: install the Debian package {package}"));
    None
}
