//! The bytes that each method removes from the stack on 32-bit x86 Windows: in clang's assembly of
//! classes in C++, and in our own thunks.
//!
//! A method that is declared `extern "C"` by mistake removes none, and the caller's stack pointer is
//! wrong from then on. On every other target the mistake has no effect.

use mapisync::abi::layout::{Layout, PointerWidth};
use mapisync_interop_cpp::{CLANG, Language, classes, in_header, succeed};
use object::{Object, ObjectSection, ObjectSymbol};
use std::process::Command;
use std::{env, fs};

/// The bytes of arguments, `this` included, of every method.
const BYTES: [(&str, usize); 7] = [
    ("QueryInterface", 12),
    ("AddRef", 4),
    ("Release", 4),
    ("SynchronizeInBackground", 8),
    ("Progress", 16),
    ("Error", 12),
    ("Done", 12),
];

fn expected(method: &str) -> usize {
    let found = BYTES.iter().find(|(name, _)| *name == method);
    found.unwrap_or_else(|| panic!("{method} is not in the table")).1
}

/// Returns the interfaces and their published vtables.
fn vtables() -> impl Iterator<Item = (&'static str, &'static Layout<'static>)> {
    let vtable = |table: &'static Layout<'static>| Some((table.name.strip_suffix("Vtbl")?, table));
    in_header(PointerWidth::Bits32).filter_map(vtable)
}

/// Asserts that every `ret` instruction of a function has the operand that its method needs.
fn assert_pops(function: &str, method: &str, what: &str) {
    let operand = |line: &str| {
        let mut words = line.split_whitespace().skip_while(|word| !word.starts_with("ret"));
        words.next()?;
        Some(words.next().map_or(0, |operand| match operand.trim_start_matches('$') {
            operand if operand.starts_with("0x") => {
                usize::from_str_radix(&operand[2..], 16).unwrap()
            }
            operand => operand.parse().unwrap(),
        }))
    };
    let operands: Vec<_> = function.lines().filter_map(operand).collect();
    let right = operands.iter().all(|operand| *operand == expected(method));
    assert!(!operands.is_empty() && right, "{what} {method} {operands:?}:\n{function}");
}

#[test]
fn clangs_methods_remove_the_bytes_in_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pops.cpp");
    fs::write(&file, classes()).unwrap();
    for level in ["-O0", "-O2"] {
        let mut command = CLANG.command(Language::Cpp);
        command.args(["--target=i686-pc-windows-msvc", "-ffreestanding", "-DMAPISYNC_STANDALONE"]);
        command.args(["-Wno-stdlibcxx-not-found", level, "-S", "-o", "-"]);
        let assembly = succeed(command.arg(&file));
        for (interface, vtable) in vtables() {
            for method in vtable.fields {
                // Microsoft's mangling: ?Method@Class@@…
                let label = format!("\n\"?{}@My{interface}@@", method.name);
                let (_, rest) = assembly.split_once(&label).expect("the method's label");
                let function = rest.split("# -- End function").next().unwrap();
                assert_pops(function, method.name, level);
            }
        }
    }
}

/// `.ci/run foreign` builds the example `thunks` for i686-pc-windows-gnu and passes the paths of
/// the libraries.
#[test]
fn our_thunks_remove_the_bytes_in_the_table() {
    let Some(libraries) = env::var_os("MAPISYNC_I686_THUNKS") else {
        let example = "the example `thunks` as built for i686-pc-windows-gnu";
        test_support::skip(&format!("MAPISYNC_I686_THUNKS does not name {example}"));
        return;
    };
    let libraries: Vec<_> = env::split_paths(&libraries).collect();
    assert!(!libraries.is_empty());
    for library in libraries {
        let path = library.display().to_string();
        let bytes = fs::read(&library).unwrap_or_else(|error| panic!("{path}: {error}"));
        let file = object::File::parse(&*bytes).unwrap();
        assert_eq!(file.architecture(), object::Architecture::I386);
        let exports = file.exports().unwrap();
        // Both vtables begin with the methods of IUnknown.
        for (interface, vtable) in vtables().filter(|(name, _)| *name != "IUnknown") {
            let name = format!("{}_VTABLE", interface.to_uppercase());
            let export = exports.iter().find(|export| export.name() == name.as_bytes());
            let slots = word(&file, export.expect("the vtable is exported").address());
            for method in vtable.fields {
                let begin = word(&file, slots + method.offset as u64);
                // A function ends at the next symbol.
                let later = file.symbols().map(|symbol| symbol.address());
                let end = later.filter(|address| *address > begin).min().unwrap();
                let mut objdump = Command::new("i686-w64-mingw32-objdump");
                objdump.args(["-d", "--no-show-raw-insn"]).arg(&library);
                objdump.arg(format!("--start-address={begin:#x}"));
                objdump.arg(format!("--stop-address={end:#x}"));
                assert_pops(&succeed(&mut objdump), method.name, &path);
            }
        }
    }
}

/// Returns the 32-bit word at an address.
fn word(file: &object::File<'_>, address: u64) -> u64 {
    let mut sections = file.sections();
    let found = sections.find_map(|section| section.data_range(address, 4).ok().flatten());
    let bytes = found.unwrap_or_else(|| panic!("there is no section at {address:#x}"));
    u32::from_le_bytes(bytes.try_into().unwrap()).into()
}
