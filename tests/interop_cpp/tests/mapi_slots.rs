//! The interfaces of the examples `own_interface` and `conform`, compared slot by slot with those of
//! mingw's `mapidefs.h` and `mapix.h` in C, for 64-bit and for 32-bit Windows.
//!
//! The order of a vtable is wrong on both sides of a test in Rust if it was declared wrong. Only
//! another declaration can show that.

// The examples are modules here, so their declarations are compared, not copies of them.
#[allow(dead_code)]
#[path = "../../../examples/own_interface.rs"]
mod own_interface;
#[allow(dead_code)]
#[path = "../../../examples/conform/session.rs"]
mod session;

use mapisync::abi::layout::{Described, Layout};
use mapisync::{GUID, Interface};
use mapisync_interop_cpp::{Compiler, Language, MINGW_32, MINGW_64};
use object::{Object, ObjectSection, ObjectSymbol};
use own_interface::{IMAPIProp, IMsgStore};
use session::IMAPISession;
use std::fmt::Write;
use std::fs;

/// Returns the name, the IID and the layout of the vtable.
fn declared<I: Interface<Vtbl: Described>>(
    name: &'static str,
) -> (&'static str, GUID, Layout<'static>) {
    (name, I::IID, I::Vtbl::LAYOUT)
}

fn interfaces() -> [(&'static str, GUID, Layout<'static>); 3] {
    [
        declared::<IMAPIProp>("IMAPIProp"),
        declared::<IMsgStore>("IMsgStore"),
        declared::<IMAPISession>("IMAPISession"),
    ]
}

/// Returns a program in C that compiles if every method is in the header's slot and the header has
/// no other slot. It defines the identifiers.
fn program() -> String {
    let mut source = String::from("#define INITGUID\n");
    for (name, ..) in interfaces() {
        writeln!(source, "#define USES_IID_{name}").unwrap();
    }
    source +=
        "#include <stddef.h>\n#include <windows.h>\n#include <mapix.h>\n#include <mapiguid.h>\n";
    for (name, _, vtable) in interfaces() {
        assert_eq!(vtable.name, format!("{name}Vtbl"));
        for method in vtable.fields {
            let (method, slot) = (method.name, method.slot.unwrap());
            writeln!(
                source,
                "_Static_assert(offsetof({name}Vtbl, {method}) == {slot} * sizeof(void *), \"{name}.{method}\");"
            )
            .unwrap();
        }
        let slots = vtable.fields.len();
        writeln!(
            source,
            "_Static_assert(sizeof({name}Vtbl) == {slots} * sizeof(void *), \"{name}: {slots} slots\");"
        )
        .unwrap();
    }
    source
}

/// Compiles the program and returns the object file.
fn compiled(compiler: &Compiler) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [source, object] = ["slots.c", "slots.o"].map(|name| folder.path().join(name));
    fs::write(&source, program()).unwrap();
    compiler.ask(
        compiler
            .command(Language::C)
            .arg("-c")
            .arg(&source)
            .arg("-o")
            .arg(&object),
    );
    fs::read(&object).unwrap()
}

#[test]
fn every_slot_and_every_iid_is_that_of_the_header() {
    assert_eq!(
        interfaces().map(|(.., vtable)| vtable.fields.len()),
        [3 + 11, 3 + 11 + 13, 3 + 19]
    );
    for compiler in [&MINGW_64, &MINGW_32] {
        let object = compiled(compiler);
        let file = object::File::parse(&*object).unwrap();
        for (name, iid, _) in interfaces() {
            let symbol = format!("IID_{name}");
            let is_it = |found: &str| found.trim_start_matches('_') == symbol;
            let constant = file
                .symbols()
                .find(|symbol| symbol.name().is_ok_and(is_it))
                .unwrap();
            let section = file
                .section_by_index(constant.section_index().unwrap())
                .unwrap();
            let offset = usize::try_from(constant.address() - section.address()).unwrap();
            let bytes = &section.data().unwrap()[offset..offset + 16];
            assert_eq!(bytes, iid.to_bytes_le(), "{symbol} by {}", compiler.c);
        }
    }
}
