//! Sources that must not compile: types and a calling convention that the library does not have.

use crate::{Language, MODES, USE, check, compiles, compiles_in, headers, rejected, with_types};
use mapisync_interop_cpp::{CLANG, GCC, MINGW_32, MINGW_64};

#[test]
fn a_type_that_the_library_does_not_use_does_not_compile() {
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
        // C99 has no operator for an alignment.
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
    // On Windows, strings consist of the including file's WCHAR.
    let wchar = (
        "MAPISYNC_CHAR_is_another_type",
        "MAPISYNC_CHAR must have 16 bits",
    );
    for compiler in [&MINGW_64, &MINGW_32] {
        let with_call = |source: String| {
            source.replace(
                "#define STDMETHODCALLTYPE\n",
                "#define STDMETHODCALLTYPE __stdcall\n",
            )
        };
        compiles(compiler, &[], &with_call(with_types("", "") + USE));
        let source = with_call(with_types("WCHAR", "typedef uint32_t WCHAR;"));
        for mode in MODES {
            rejected(compiler, mode, &[], &source, wchar);
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
                let source = with_types("IUnknown", &iunknown);
                let flags = ["-Wno-non-virtual-dtor", "-Wno-delete-non-virtual-dtor"];
                rejected(compiler, mode, &flags, &source, assertion);
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

/// The static assertion of the calling convention.
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
        // On Cygwin, C has the convention of Windows.
        for target in [x86_64, "--target=x86_64-pc-windows-cygnus"] {
            let right = check(&CLANG, mode, &[target, freestanding], alone);
            let messages = String::from_utf8_lossy(&right.stderr);
            assert!(right.status.success(), "{target} {mode:?}:\n{messages}");
        }

        // 32-bit Windows needs an explicit convention. 64-bit Windows has only one.
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
            let source = format!("{includes}#define MAPISYNC_NO_COM_TYPES\n{ours}");
            rejected(compiler, mode, &flags, &source, CONVENTION);
            // winegcc defines `_WIN32`, and then the header includes Wine's headers itself.
            if mode.1.ends_with("11") {
                let flags = ["-isystem", folder, "-w", "-D_WIN32"];
                rejected(compiler, mode, &flags, ours, CONVENTION);
            }
            // With its own types, the header needs none of Wine's headers.
            let flags = ["-D_WIN32", "-DMAPISYNC_STANDALONE"];
            let right = check(compiler, mode, &flags, ours);
            let messages = String::from_utf8_lossy(&right.stderr);
            assert!(right.status.success(), "{mode:?}:\n{messages}");
        }
    }
}
