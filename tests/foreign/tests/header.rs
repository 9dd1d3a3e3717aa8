//! `mapisync.h` compiles without a warning wherever it is promised to, alone and beside the headers of Windows, and
//! says what the crate says.

use mapisync::HRESULT;
use mapisync::abi::{C_HEADER, SyncFlags};
use mapisync_foreign::{CLANG, Compiler, GCC, HEADER, Language, MINGW_32, MINGW_64};
use std::fs;

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

/// Compiles the text in both languages, C++ in its oldest standard too, and with the interfaces as structs.
fn compiles(compiler: &Compiler, flags: &[&str], text: &str) {
    let folder = tempfile::tempdir().unwrap();
    for (language, extension, more) in [
        (Language::C, "c", None),
        (Language::Cpp, "cpp", None),
        (Language::Cpp, "cpp", Some("-std=c++11")),
        (Language::Cpp, "cpp", Some("-DCINTERFACE")),
    ] {
        let source = folder.path().join("use").with_extension(extension);
        fs::write(&source, text).unwrap();
        let mut command = compiler.command(language);
        command
            .args(["-fsyntax-only"])
            .args(flags)
            .args(more)
            .arg(&source);
        compiler.ask(&mut command);
    }
}

#[test]
fn it_compiles_alone() {
    let text = format!("#include \"mapisync.h\"\n#include \"mapisync.h\"\n{USE}");
    for compiler in [&GCC, &CLANG, &MINGW_64, &MINGW_32] {
        compiles(compiler, &[], &text);
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
fn it_compiles_beside_the_headers_of_windows_before_and_after_them() {
    let beside = ["windows.h", "mapix.h", "mapispi.h"];
    for compiler in [&MINGW_64, &MINGW_32] {
        for other in beside {
            let (first, ours) = (format!("#include <{other}>\n"), "#include \"mapisync.h\"\n");
            compiles(compiler, &[], &format!("{first}{ours}{USE}"));
            compiles(compiler, &[], &format!("{ours}{first}{USE}"));
        }
    }
}

#[test]
fn what_mapix_defines_is_the_session_that_the_header_means() {
    let text = "#include \"mapisync.h\"\n#include <mapix.h>
        LPMAPISESSION session(MAPISIB *request);
        LPMAPISESSION session(MAPISIB *request) { LPUNKNOWN callback = request->punkCallBack; return callback ? request->psesSync : 0; }\n";
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles(compiler, &[], text);
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

#[test]
fn another_headers_types_do() {
    // As winelib's or DirectX's headers define them on Linux.
    let text = format!(
        "#include <stdint.h>
        typedef uint32_t ULONG; typedef int32_t LONG, HRESULT; typedef void *HANDLE; typedef uint16_t WCHAR;
        typedef struct _GUID {{ uint32_t Data1; uint16_t Data2, Data3; uint8_t Data4[8]; }} GUID, IID;
        #define S_OK 0\n#define E_FAIL ((HRESULT)0x80004005)\n#define STDMETHODCALLTYPE
        #ifdef __cplusplus\ntypedef const GUID &REFIID;\n#else\ntypedef const GUID *REFIID;\n#endif
        #if defined(__cplusplus) && !defined(CINTERFACE)
        struct IUnknown {{
            virtual HRESULT QueryInterface(REFIID, void **) = 0; virtual ULONG AddRef() = 0; virtual ULONG Release() = 0;
        }};
        #else
        typedef struct IUnknown {{ const void *lpVtbl; }} IUnknown;
        #endif
        #define MAPISYNC_NO_COM_TYPES\n#include \"mapisync.h\"\n{USE}"
    );
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &text);
    }
}

#[test]
fn packing_set_by_others_does_not_reach_it() {
    let text = format!("#pragma pack(push, 1)\n#include \"mapisync.h\"\n#pragma pack(pop)\n{USE}");
    for compiler in [&GCC, &CLANG, &MINGW_64, &MINGW_32] {
        compiles(compiler, &[], &text);
    }
    // The header's own assertion is what would tell.
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
                    && messages.contains("MAPISIB is laid out in another way"),
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
