//! Sources that must compile without a warning.

use crate::{Language, MODES, USE, check, compiles, compiles_with_windows, with_types};
use mapisync::abi::C_HEADER;
use mapisync_interop_cpp::{CLANG, GCC, MINGW_32, MINGW_64};
use std::fs;

#[test]
fn it_compiles_alone() {
    let source = format!("#include \"mapisync.h\"\n#include \"mapisync.h\"\n{USE}");
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &source);
    }
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, &source);
        compiles(compiler, &["-DMAPISYNC_STANDALONE"], &source);
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
            &source,
        );
    }
}

#[test]
fn it_compiles_inside_extern_c() {
    let source = format!(
        "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n#include \"mapisync.h\"
        #ifdef __cplusplus\n}}\n#endif\n{USE}"
    );
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &source);
    }
}

#[test]
fn it_compiles_before_and_after_the_headers_of_windows() {
    let windows = ["windows.h", "mapix.h", "mapispi.h"];
    for compiler in [&MINGW_64, &MINGW_32] {
        for other in windows {
            let (first, ours) = (format!("#include <{other}>\n"), "#include \"mapisync.h\"\n");
            compiles_with_windows(compiler, &format!("{first}{ours}{USE}"));
            compiles_with_windows(compiler, &format!("{ours}{first}{USE}"));
        }
    }
}

#[test]
fn the_session_is_the_one_that_mapix_defines() {
    let source = "#include \"mapisync.h\"\n#include <mapix.h>
        LPMAPISESSION session(MAPISIB *request);
        LPMAPISESSION session(MAPISIB *request) { LPUNKNOWN callback = request->punkCallBack; return callback ? request->psesSync : 0; }\n";
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, source);
    }
}

#[test]
fn uuidof_knows_the_interfaces() {
    let source = "#include \"mapisync.h\"
        bool known(IUnknown *unknown);
        bool known(IUnknown *unknown) {
            IMAPISync *sync = nullptr;
            IMAPISyncProgressCallback *callback = nullptr;
            return SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&sync)))
                && SUCCEEDED(unknown->QueryInterface(IID_PPV_ARGS(&callback)))
                && IsEqualGUID(__uuidof(IMAPISync), IID_IMAPISync);
        }\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("uuidof.cpp");
    fs::write(&file, source).unwrap();
    for compiler in [&MINGW_64, &MINGW_32] {
        // -Wpedantic rejects `__uuidof`, because it is not standard C++.
        let mut command = compiler.command(Language::Cpp);
        compiler.ask(command.args(["-Wno-pedantic", "-fsyntax-only"]).arg(&file));
    }
}

#[test]
fn it_compiles_with_types_that_the_including_file_defines() {
    let source = with_types("", "") + USE;
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &source);
    }
    for definition in [
        "#define REFIID const IID *",
        "#define REFIID const IID *const",
    ] {
        let source = with_types("REFIID", definition);
        for compiler in [&GCC, &CLANG] {
            compiles(compiler, &[], &source);
        }
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
    for head in ["#include \"mapisync.h\"\n".into(), with_types("", "")] {
        for compiler in [&GCC, &CLANG] {
            for mode in MODES {
                let (right, wrong) = match mode.0 {
                    Language::C => ("uint16_t", "uint32_t"),
                    Language::Cpp => ("char16_t", "wchar_t"),
                };
                for (name, accepted) in [("MAPISYNC_CHAR", true), (right, true), (wrong, false)] {
                    let source = format!("{head}{}", source.replace("TYPE", name));
                    let output = check(compiler, mode, &[], &source);
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
fn the_including_files_packing_does_not_affect_it() {
    let source =
        format!("#pragma pack(push, 1)\n#include \"mapisync.h\"\n#pragma pack(pop)\n{USE}");
    for compiler in [&GCC, &CLANG] {
        compiles(compiler, &[], &source);
    }
    for compiler in [&MINGW_64, &MINGW_32] {
        compiles_with_windows(compiler, &source);
    }
    // Without the header's own packing, its assertion fails.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("packed.h");
    fs::write(
        &file,
        C_HEADER.replace("#pragma pack(push, 8)", "#pragma pack(push, 1)"),
    )
    .unwrap();
    for compiler in [GCC, CLANG] {
        for language in ["c", "c++"] {
            let mut command = std::process::Command::new(compiler.cpp);
            let refused = compiler.run(command.args(["-fsyntax-only", "-x", language]).arg(&file));
            let messages = String::from_utf8_lossy(&refused.stderr);
            assert!(
                !refused.status.success()
                    && messages.contains("mapisync.h: MAPISIB has another layout"),
                "{messages}"
            );
        }
    }
}
