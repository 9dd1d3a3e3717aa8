//! Sources that must not compile: types and a calling convention that the library does not have.

use crate::{Language, MINGW, MODES, OURS, UNIX, USE, check, compiles, headers, rejected};
use crate::{Mode, with_types};
use mapisync_interop_cpp::{CLANG, GCC, MINGW_32, MINGW_64};

const GUID: (&str, &str) = ("GUID_is_another_type", "GUID must have 16 bytes");

#[test]
fn a_type_that_the_library_does_not_use_does_not_compile() {
    let long_guid =
        "typedef struct { unsigned long Data1; uint16_t Data2, Data3; uint8_t Data4[8]; }";
    let (guid, iid) = (format!("{long_guid} GUID;"), format!("{long_guid} IID;"));
    let unsigned = "be an unsigned integer of 32 bits";
    let signed = "be a signed integer of 32 bits";
    for (name, definition, must) in [
        ("ULONG", "typedef unsigned long ULONG;", unsigned),
        ("ULONG", "typedef int32_t ULONG;", unsigned),
        ("ULONG", "typedef uint16_t ULONG;", unsigned),
        ("HRESULT", "typedef long HRESULT;", signed),
        ("HRESULT", "typedef uint32_t HRESULT;", signed),
        ("HANDLE", "typedef int HANDLE;", "have the size of a pointer"),
        ("GUID", &guid, "have 16 bytes"),
        ("IID", &iid, "have 16 bytes"),
        ("REFIID", "typedef GUID REFIID;", "be a reference or a pointer"),
    ] {
        let assertion = (format!("{name}_is_another_type"), format!("{name} must {must}"));
        let assertion = (&*assertion.0, &*assertion.1);
        rejected(&UNIX, &MODES, &[], &with_types(name, definition), assertion);
    }
    let guid_with = |attribute| {
        let fields = "uint32_t Data1; uint16_t Data2, Data3; uint8_t Data4[8];";
        let attribute = format!("__attribute__(({attribute}))");
        with_types("GUID", &format!("typedef struct {attribute} {{ {fields} }} GUID;"))
    };
    // C99 has no operator for an alignment.
    let with_alignof = &MODES[1..];
    rejected(&UNIX, with_alignof, &[], &guid_with("aligned(16)"), GUID);
    compiles(&UNIX, with_alignof, &[], &guid_with("packed"));

    // On Windows, strings consist of the including file's WCHAR.
    let with_call = |source: String| {
        let stdcall = "#define STDMETHODCALLTYPE __stdcall\n";
        source.replace("#define STDMETHODCALLTYPE\n", stdcall)
    };
    compiles(&MINGW, &MODES, &[], &with_call(with_types("", "") + USE));
    let source = with_call(with_types("WCHAR", "typedef uint32_t WCHAR;"));
    let wchar = ("MAPISYNC_CHAR_is_another_type", "MAPISYNC_CHAR must have 16 bits");
    rejected(&MINGW, &MODES, &[], &source, wchar);
}

#[test]
fn an_iunknown_with_another_vtable_does_not_compile() {
    let methods =
        "virtual HRESULT QueryInterface(REFIID, void **) = 0; virtual ULONG AddRef() = 0;";
    let classes = [(Language::Cpp, "-std=c++11"), (Language::Cpp, "-std=c++17")];
    for more in ["virtual ~IUnknown() = default;", "virtual ULONG Another() = 0;", "ULONG count;"] {
        let release = "virtual ULONG Release() = 0;";
        let iunknown = format!("struct IUnknown {{ {methods} {release} {more} }};");
        let flags = ["-Wno-non-virtual-dtor", "-Wno-delete-non-virtual-dtor"];
        let assertion = ("", "IUnknown must have three virtual methods");
        rejected(&UNIX, &classes, &flags, &with_types("IUnknown", &iunknown), assertion);
    }
    // A method without a vtable slot.
    let iunknown = format!("struct IUnknown {{ {methods} ULONG Release(); }};");
    for compiler in UNIX {
        let source = with_types("IUnknown", &iunknown);
        let (accepted, messages) = check(compiler, classes[0], &[], &source);
        assert!(!accepted && messages.contains("override"), "{messages}");
    }
}

/// The static assertion of the calling convention.
const CONVENTION: (&str, &str) = (
    "STDMETHODCALLTYPE_is_another_calling_convention",
    "STDMETHODCALLTYPE must be the calling convention of the library",
);

#[test]
fn a_calling_convention_that_the_library_does_not_use_does_not_compile() {
    let supplied = |convention: &str| {
        let definition = format!("#define STDMETHODCALLTYPE __attribute__(({convention}))");
        with_types("STDMETHODCALLTYPE", &definition)
    };
    let defined = "-DSTDMETHODCALLTYPE=__attribute__((ms_abi))";
    rejected(&UNIX, &MODES, &[], &supplied("ms_abi"), CONVENTION);
    rejected(&UNIX, &MODES, &[defined], OURS, CONVENTION);
    compiles(&UNIX, &MODES, &[], &supplied("sysv_abi"));

    let x86 = ["--target=i686-linux-gnu", "-ffreestanding"];
    rejected(&[&CLANG], &MODES, &x86, &supplied("stdcall"), CONVENTION);
    compiles(&[&CLANG], &MODES, &x86, &supplied("cdecl"));
    compiles(&[&CLANG], &MODES, &x86, OURS);
    // Options that change the convention of every function.
    rejected(&[&GCC], &MODES, &["-mabi=ms"], OURS, CONVENTION);
    rejected(&[&CLANG], &MODES, &[x86[0], x86[1], "-mrtd"], OURS, CONVENTION);
    // On Cygwin, C has the convention of Windows.
    for target in ["--target=x86_64-linux-gnu", "--target=x86_64-pc-windows-cygnus"] {
        compiles(&[&CLANG], &MODES, &[target, "-ffreestanding"], OURS);
    }

    // 32-bit Windows needs an explicit convention. 64-bit Windows has only one.
    let none = with_types("", "");
    rejected(&[&MINGW_32], &MODES, &[], &none, CONVENTION);
    let msvc = ["--target=i686-pc-windows-msvc", "-ffreestanding"];
    rejected(&[&CLANG], &MODES[1..], &msvc, &none, CONVENTION);
    compiles(&[&MINGW_64], &MODES, &[], &none);
}

#[test]
fn wines_headers_do_not_compile_for_unix() {
    let Some(folder) = headers("wine/wine/windows", "libwine-dev") else {
        return;
    };
    let wine = ["-isystem", folder.to_str().unwrap(), "-w"];
    // Wine's <winsock.h> needs the GNU variants of C.
    let modes: [Mode; 5] = [
        (Language::C, "-std=gnu99"),
        (Language::C, "-std=gnu11"),
        (Language::Cpp, "-std=c++11"),
        (Language::Cpp, "-std=c++17"),
        (Language::Cpp, "-DCINTERFACE"),
    ];
    let includes = "#include <windows.h>\n#include <unknwn.h>\n#define MAPISYNC_NO_COM_TYPES\n";
    rejected(&UNIX, &modes, &wine, &format!("{includes}{OURS}"), CONVENTION);
    // winegcc defines `_WIN32`, and then the header includes Wine's headers itself.
    let winegcc = [wine[0], wine[1], wine[2], "-D_WIN32"];
    rejected(&UNIX, &modes[1..3], &winegcc, OURS, CONVENTION);
    // With its own types, the header needs none of Wine's headers.
    compiles(&UNIX, &modes, &["-D_WIN32", "-DMAPISYNC_STANDALONE"], OURS);
}
