//! The interfaces and structures of the examples `own_interface`, `conform` and `wrapped_store`,
//! compared slot by slot and field by field with those of mingw's `mapidefs.h`, `mapix.h`,
//! `mapispi.h` and `objidl.h` in C, for 64-bit and for 32-bit Windows.
//!
//! The order of a vtable is wrong on both sides of a test in Rust if it was declared wrong. Only
//! another declaration can show that.

// The examples are modules here, so their declarations are compared, not copies of them.
#[allow(dead_code, unused_imports)]
#[path = "../../../examples/wrapped_store/src/mapi/mod.rs"]
mod mapi;
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
use session::IMAPISession;
use std::fmt::Write;
use std::fs;

/// An interface of an example.
struct Declared {
    name: &'static str,
    /// The name of the IID in the header.
    iid_name: String,
    iid: GUID,
    vtable: Layout<'static>,
}

fn declared<I: Interface<Vtbl: Described>>(name: &'static str) -> Declared {
    // mapiguid.h shortens this name.
    let short = if name == "IMAPISupport" {
        "IMAPISup"
    } else {
        name
    };
    Declared {
        name,
        iid_name: format!("IID_{short}"),
        iid: I::IID,
        vtable: I::Vtbl::LAYOUT,
    }
}

fn interfaces() -> Vec<Declared> {
    vec![
        declared::<own_interface::IMAPIProp>("IMAPIProp"),
        declared::<own_interface::IMsgStore>("IMsgStore"),
        declared::<IMAPISession>("IMAPISession"),
        declared::<mapi::IMAPIProp>("IMAPIProp"),
        declared::<mapi::IProfSect>("IProfSect"),
        declared::<mapi::IMsgStore>("IMsgStore"),
        declared::<mapi::IMAPIContainer>("IMAPIContainer"),
        declared::<mapi::IMAPIFolder>("IMAPIFolder"),
        declared::<mapi::IMessage>("IMessage"),
        declared::<mapi::IMSProvider>("IMSProvider"),
        declared::<mapi::IMSLogon>("IMSLogon"),
        declared::<mapi::IMAPISupport>("IMAPISupport"),
        declared::<mapi::IProviderAdmin>("IProviderAdmin"),
        declared::<mapi::IMalloc>("IMalloc"),
    ]
}

/// Returns a program in C that compiles if every method is in the header's slot, every field is at
/// the header's offset, and the header has no other slot. It defines the identifiers.
fn program(width: usize) -> String {
    let mut source = String::from("#define INITGUID\n");
    for interface in interfaces() {
        writeln!(source, "#define USES_{}", interface.iid_name).unwrap();
    }
    source += "#include <stddef.h>\n#include <windows.h>\n#include <objidl.h>\n#include <mapix.h>\n\
               #include <mapispi.h>\n#include <mapiguid.h>\n";
    let mut check = |condition: String, what: String| {
        writeln!(source, "_Static_assert({condition}, \"{what}\");").unwrap();
    };
    for Declared { name, vtable, .. } in interfaces() {
        assert_eq!(vtable.name, format!("{name}Vtbl"));
        for method in vtable.fields {
            let (method, slot) = (method.name, method.slot.unwrap());
            let condition = format!("offsetof({name}Vtbl, {method}) == {slot} * sizeof(void *)");
            check(condition, format!("{name}.{method}"));
        }
        let slots = vtable.fields.len();
        let condition = format!("sizeof({name}Vtbl) == {slots} * sizeof(void *)");
        check(condition, format!("{name}: {slots} slots"));
    }
    for (name, sizes, fields) in mapi::layouts::STRUCTS {
        for (field, offsets) in *fields {
            let condition = format!("offsetof({name}, {field}) == {}", offsets[width]);
            check(condition, format!("{name}.{field}"));
        }
        let condition = format!("sizeof({name}) == {}", sizes[width]);
        check(condition, format!("size of {name}"));
    }
    let condition = format!("sizeof(union _PV) == {}", mapi::layouts::VALUE[width]);
    check(condition, "size of the union".into());
    source
}

/// Compiles the program and returns the object file.
fn compiled(compiler: &Compiler, width: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [source, object] = ["slots.c", "slots.o"].map(|name| folder.path().join(name));
    fs::write(&source, program(width)).unwrap();
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
fn every_slot_every_field_and_every_iid_is_that_of_the_header() {
    let counts = interfaces();
    let counts: Vec<_> = counts.iter().map(|own| own.vtable.fields.len()).collect();
    assert_eq!(
        counts,
        [14, 27, 22, 14, 14, 27, 19, 30, 22, 7, 10, 44, 8, 9]
    );
    for (width, compiler) in [&MINGW_32, &MINGW_64].into_iter().enumerate() {
        let object = compiled(compiler, width);
        let file = object::File::parse(&*object).unwrap();
        for Declared { iid_name, iid, .. } in interfaces() {
            let is_it = |found: &str| found.trim_start_matches('_') == iid_name;
            let constant = file
                .symbols()
                .find(|symbol| symbol.name().is_ok_and(is_it))
                .unwrap();
            let section = file
                .section_by_index(constant.section_index().unwrap())
                .unwrap();
            let offset = usize::try_from(constant.address() - section.address()).unwrap();
            let bytes = &section.data().unwrap()[offset..offset + 16];
            assert_eq!(bytes, iid.to_bytes_le(), "{iid_name} by {}", compiler.c);
        }
    }
}
