//! The bytes that each method takes off the stack on 32-bit x86 Windows: by clang's assembly of classes in C++, and by
//! our own thunks as they were built for it.

#[path = "../../common/mod.rs"]
mod common;

use mapisync::abi::layout::{PointerWidth, STDCALL_BYTES};
use mapisync_interop_cpp::{CLANG, Language, MINGW_32, table};
use object::{Object, ObjectSection, ObjectSymbol};
use std::process::Command;
use std::{env, fs};

/// The interfaces, with their tables and the names of the exports that lead to our vtables of them.
const INTERFACES: [(&str, &str, &str); 2] = [
    ("IMAPISync", "IMAPISyncVtbl", "IMAPISYNC_VTABLE"),
    (
        "IMAPISyncProgressCallback",
        "IMAPISyncProgressCallbackVtbl",
        "IMAPISYNCPROGRESSCALLBACK_VTABLE",
    ),
];

/// What the method has to pop.
fn expected(interface: &str, method: &str) -> usize {
    let of = |name| {
        STDCALL_BYTES
            .iter()
            .find(|entry| entry.interface == name && entry.method == method)
    };
    of(interface)
        .or_else(|| of("IUnknown"))
        .unwrap_or_else(|| panic!("{interface}::{method} is not in the table"))
        .bytes
}

/// What a function pops by its `ret` instructions, which all have to agree.
fn popped(function: &str, name: &str) -> usize {
    let returns = function.lines().filter_map(|line| {
        let mut words = line
            .split_whitespace()
            .skip_while(|word| !matches!(*word, "ret" | "retl"));
        words.next().map(|_| words.next())
    });
    let mut bytes: Vec<_> = returns
        .map(
            |operand| match operand.map(|operand| operand.trim_start_matches('$')) {
                None => 0,
                Some(operand) => match operand.strip_prefix("0x") {
                    Some(digits) => usize::from_str_radix(digits, 16).unwrap(),
                    None => operand.parse().unwrap(),
                },
            },
        )
        .collect();
    bytes.dedup();
    assert_eq!(
        bytes.len(),
        1,
        "{name} does not return in one way:\n{function}"
    );
    bytes[0]
}

#[test]
fn clang_has_classes_pop_what_the_table_says() {
    let methods = |interface: &str, more: &str| {
        format!(
            "struct My{interface} final : {interface} {{
                HRESULT STDMETHODCALLTYPE QueryInterface(REFIID, void **) override {{ return E_NOINTERFACE; }}
                ULONG STDMETHODCALLTYPE AddRef() override {{ return 2; }}
                ULONG STDMETHODCALLTYPE Release() override {{ return 1; }}
                {more}
            }} the{interface};\n"
        )
    };
    let source = format!(
        "#include \"mapisync.h\"\n{}{}",
        methods(
            "IMAPISync",
            "HRESULT STDMETHODCALLTYPE SynchronizeInBackground(MAPISIB *request) override { return (HRESULT)request->ulFlags; }"
        ),
        methods(
            "IMAPISyncProgressCallback",
            "HRESULT STDMETHODCALLTYPE Progress(const MAPISYNC_CHAR *, ULONG index, ULONG max) override { return (HRESULT)(index + max); }
             HRESULT STDMETHODCALLTYPE Error(HRESULT code, const MAPISYNC_CHAR *) override { return code; }
             HRESULT STDMETHODCALLTYPE Done(HANDLE, HRESULT status) override { return status; }"
        )
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pops.cpp");
    fs::write(&file, source).unwrap();
    for level in ["-O0", "-O2"] {
        let mut command = CLANG.command(Language::Cpp);
        command.args([
            "--target=i686-pc-windows-msvc",
            "-ffreestanding",
            "-Wno-stdlibcxx-not-found",
        ]);
        command
            .args(["-DMAPISYNC_STANDALONE", level, "-S", "-o", "-"])
            .arg(&file);
        let assembly = CLANG.ask(&mut command);
        for (interface, vtable, _) in INTERFACES {
            let table = table(PointerWidth::Bits32, vtable);
            for field in table.fields {
                // Microsoft's mangling: ?Method@Class@@…
                let label = format!("\n\"?{}@My{interface}@@", field.name);
                let begin = assembly
                    .find(&label)
                    .unwrap_or_else(|| panic!("no {label} in:\n{assembly}"));
                let function = assembly[begin..].split("# -- End function").next().unwrap();
                assert_eq!(
                    popped(function, &label),
                    expected(interface, field.name),
                    "{level} {interface}::{}",
                    field.name
                );
            }
        }
    }
}

/// Our own: `.ci/run foreign` builds the example `thunks` for i686-pc-windows-gnu and says where the libraries are.
#[test]
fn our_thunks_pop_what_the_table_says() {
    let Some(libraries) = env::var_os("MAPISYNC_I686_THUNKS") else {
        common::left_out(
            "MAPISYNC_I686_THUNKS does not name the example `thunks` as built for i686-pc-windows-gnu",
        );
        return;
    };
    let libraries: Vec<_> = env::split_paths(&libraries).collect();
    assert!(!libraries.is_empty());
    for library in libraries {
        let bytes =
            fs::read(&library).unwrap_or_else(|error| panic!("{}: {error}", library.display()));
        let file = object::File::parse(&*bytes).unwrap();
        assert_eq!(file.architecture(), object::Architecture::I386);
        // Where functions begin, to know where one ends.
        let mut begins: Vec<_> = file.symbols().map(|symbol| symbol.address()).collect();
        begins.sort_unstable();

        for (interface, vtable, export) in INTERFACES {
            let table = table(PointerWidth::Bits32, vtable);
            let exports = file.exports().unwrap();
            let export = exports
                .iter()
                .find(|found| found.name() == export.as_bytes());
            let vtable = word(&file, export.expect("the export").address());
            for field in table.fields {
                let begin = word(&file, vtable + field.offset as u64);
                let end = begins
                    .iter()
                    .find(|address| **address > begin)
                    .expect("a symbol behind");
                let range = [
                    format!("--start-address={begin:#x}"),
                    format!("--stop-address={end:#x}"),
                ];
                let mut objdump = Command::new("i686-w64-mingw32-objdump");
                let function = MINGW_32.ask(
                    objdump
                        .args(["-d", "--no-show-raw-insn"])
                        .args(range)
                        .arg(&library),
                );
                let name = format!("{}: {interface}::{}", library.display(), field.name);
                assert_eq!(
                    popped(&function, &name),
                    expected(interface, field.name),
                    "{name}\n{function}"
                );
            }
        }
    }
}

/// The 32-bit word at an address.
fn word(file: &object::File<'_>, address: u64) -> u64 {
    let found = file
        .sections()
        .find_map(|section| section.data_range(address, 4).ok().flatten());
    let bytes = found.unwrap_or_else(|| panic!("nothing lies at {address:#x}"));
    u32::from_le_bytes(bytes.try_into().unwrap()).into()
}
