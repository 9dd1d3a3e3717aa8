//! The bytes that each method removes from the stack on 32-bit x86 Windows: in clang's assembly of
//! classes in C++, and in our own thunks.

use mapisync::abi::layout::{Layout, PointerWidth};
use mapisync_interop_cpp::{CLANG, CLASSES, Language, MINGW_32, STDCALL_BYTES, classes, table};
use object::{Object, ObjectSection, ObjectSymbol};
use std::process::Command;
use std::{env, fs};

/// The published vtable of an interface.
fn vtable(interface: &str) -> &'static Layout<'static> {
    table(PointerWidth::Bits32, &format!("{interface}Vtbl"))
}

/// Returns the number of bytes that the method must remove.
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

/// Returns the number of bytes that a function removes. All its `ret` instructions must have the
/// same operand.
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
        "the ret instructions of {name} differ:\n{function}"
    );
    bytes[0]
}

#[test]
fn clangs_methods_remove_the_bytes_in_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pops.cpp");
    fs::write(&file, classes()).unwrap();
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
        for interface in CLASSES.map(|class| class.interface) {
            for field in vtable(interface).fields {
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

/// `.ci/run foreign` builds the example `thunks` for i686-pc-windows-gnu and passes the paths of
/// the libraries.
#[test]
fn our_thunks_remove_the_bytes_in_the_table() {
    let Some(libraries) = env::var_os("MAPISYNC_I686_THUNKS") else {
        test_support::skip(
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
        // A function ends at the next symbol.
        let mut begins: Vec<_> = file.symbols().map(|symbol| symbol.address()).collect();
        begins.sort_unstable();

        // Both vtables begin with the methods of IUnknown.
        let interfaces = CLASSES.map(|class| class.interface);
        for interface in interfaces.into_iter().filter(|name| *name != "IUnknown") {
            let name = format!("{}_VTABLE", interface.to_uppercase());
            let exports = file.exports().unwrap();
            let export = exports
                .iter()
                .find(|export| export.name() == name.as_bytes());
            let export = export.unwrap_or_else(|| panic!("{} has no {name}", library.display()));
            let slots = word(&file, export.address());
            for field in vtable(interface).fields {
                let begin = word(&file, slots + field.offset as u64);
                let end = begins
                    .iter()
                    .find(|address| **address > begin)
                    .expect("a symbol after the function");
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

/// Returns the 32-bit word at an address.
fn word(file: &object::File<'_>, address: u64) -> u64 {
    let found = file
        .sections()
        .find_map(|section| section.data_range(address, 4).ok().flatten());
    let bytes = found.unwrap_or_else(|| panic!("there is no section at {address:#x}"));
    u32::from_le_bytes(bytes.try_into().unwrap()).into()
}
