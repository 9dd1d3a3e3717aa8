//! Sources that must compile without a warning.

use crate::{Language, MINGW, MODES, OURS, UNIX, USE, check, compiles, with_types};
use mapisync::abi::C_HEADER;
use mapisync_interop_cpp::{CLANG, run};
use std::fs;

/// Windows' headers take a second to compile, so C11 stands for every C.
const WITH_WINDOWS: &[crate::Mode] = MODES.split_at(2).1;

#[test]
fn it_compiles_alone() {
    let source = format!("{OURS}{OURS}{USE}");
    compiles(&UNIX, &MODES, &[], &source);
    compiles(&MINGW, WITH_WINDOWS, &[], &source);
    compiles(&MINGW, &MODES, &["-DMAPISYNC_STANDALONE"], &source);
    for target in [
        "--target=x86_64-pc-windows-msvc",
        "--target=i686-pc-windows-msvc",
        "--target=aarch64-pc-windows-msvc",
        "--target=aarch64-apple-darwin",
    ] {
        let alone = ["-ffreestanding", "-Wno-stdlibcxx-not-found", "-DMAPISYNC_STANDALONE", target];
        compiles(&[&CLANG], &MODES, &alone, &source);
    }
}

#[test]
fn it_compiles_before_and_after_the_headers_of_windows() {
    let (windows, mapi) = ("#include <windows.h>\n", "#include <mapix.h>\n#include <mapispi.h>\n");
    for order in [[OURS, windows, mapi], [windows, OURS, mapi], [windows, mapi, OURS]] {
        compiles(&MINGW, WITH_WINDOWS, &[], &(order.concat() + USE));
    }
    let session = "#include <mapix.h>
        LPMAPISESSION session(MAPISIB *request);
        LPMAPISESSION session(MAPISIB *request) { LPUNKNOWN callback = request->punkCallBack; return callback ? request->psesSync : 0; }\n";
    compiles(&MINGW, WITH_WINDOWS, &[], &format!("{OURS}{session}"));
    let uuidof = "
        bool known(IUnknown *unknown);
        bool known(IUnknown *unknown) {
            IMAPISync *sync = nullptr;
            IMAPISyncProgressCallback *callback = nullptr;
            return SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&sync)))
                && SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&callback)))
                && IsEqualGUID(__uuidof(IMAPISync), IID_IMAPISync);
        }\n";
    // -Wpedantic rejects `__uuidof`, because it is not standard C++.
    let cpp = [(Language::Cpp, "-std=c++17")];
    compiles(&MINGW, &cpp, &["-Wno-pedantic"], &format!("{OURS}{uuidof}"));
}

#[test]
fn it_compiles_inside_extern_c_and_with_types_that_the_including_file_defines() {
    let begin = "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    let end = "#ifdef __cplusplus\n}\n#endif\n";
    compiles(&UNIX, &MODES, &[], &format!("{begin}{OURS}{end}{USE}"));
    compiles(&UNIX, &MODES, &[], &(with_types("", "") + USE));
    for refiid in ["#define REFIID const IID *", "#define REFIID const IID *const"] {
        compiles(&UNIX, &MODES, &[], &with_types("REFIID", refiid));
    }
}

#[test]
fn strings_are_utf_16_whatever_wchar_is() {
    let source = "
HRESULT show(IMAPISyncProgressCallback *callback);
HRESULT show(IMAPISyncProgressCallback *callback) {
    const TYPE string[] = {'x', 0};
#if defined(__cplusplus) && !defined(CINTERFACE)
    callback->Error(E_FAIL, string);
    return callback->Progress(string, 1, 2);
#else
    IMAPISyncProgressCallback_Error(callback, E_FAIL, string);
    return IMAPISyncProgressCallback_Progress(callback, string, 1, 2);
#endif
}\n";
    for head in [OURS.into(), with_types("", "")] {
        for mode in MODES {
            let (right, wrong) = match mode.0 {
                Language::C => ("uint16_t", "uint32_t"),
                Language::Cpp => ("char16_t", "wchar_t"),
            };
            let with = |name| format!("{head}{}", source.replace("TYPE", name));
            compiles(&UNIX, &[mode], &[], &with("MAPISYNC_CHAR"));
            compiles(&UNIX, &[mode], &[], &with(right));
            for compiler in UNIX {
                let (accepted, _) = check(compiler, mode, &[], &with(wrong));
                assert!(!accepted, "{} {mode:?} {wrong}", compiler.c);
            }
        }
    }
}

#[test]
fn the_including_files_packing_does_not_affect_it() {
    let source = format!("#pragma pack(push, 1)\n{OURS}#pragma pack(pop)\n{USE}");
    compiles(&UNIX, &MODES, &[], &source);
    compiles(&MINGW, WITH_WINDOWS, &[], &source);
    // Without the header's own packing, its assertion fails.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("packed.h");
    let packed = C_HEADER.replace("#pragma pack(push, 8)", "#pragma pack(push, 1)");
    fs::write(&file, packed).unwrap();
    for compiler in UNIX {
        for language in ["c", "c++"] {
            let mut command = std::process::Command::new(compiler.cpp);
            let refused = run(command.args(["-fsyntax-only", "-x", language]).arg(&file));
            let messages = String::from_utf8_lossy(&refused.stderr);
            let says = messages.contains("mapisync.h: MAPISIB has another layout");
            assert!(!refused.status.success() && says, "{messages}");
        }
    }
}
