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

use mapisync::abi::layout::{Described, Field, Layout, PointerWidth};
use mapisync::{GUID, Interface};
use mapisync_interop_cpp::{Language, MINGW_32, MINGW_64, assertions, constant, succeed};
use session::IMAPISession;
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
    let short = if name == "IMAPISupport" { "IMAPISup" } else { name };
    Declared { name, iid_name: format!("IID_{short}"), iid: I::IID, vtable: I::Vtbl::LAYOUT }
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
fn program(width: PointerWidth) -> String {
    let mut source = String::from("#define INITGUID\n");
    for interface in interfaces() {
        source += &format!("#define USES_{}\n", interface.iid_name);
    }
    for header in ["windows", "objidl", "mapix", "mapispi", "mapiguid"] {
        source += &format!("#include <{header}.h>\n");
    }
    for Declared { name, vtable, .. } in interfaces() {
        assert_eq!(vtable.name, format!("{name}Vtbl"));
        // The layout is that of the host, where a slot has another size.
        let bytes = width.bytes();
        let slot = |field: &Field<'static>| Field {
            offset: field.slot.unwrap() * bytes,
            size: bytes,
            ..*field
        };
        let fields: Vec<_> = vtable.fields.iter().map(slot).collect();
        source += &assertions(&Layout {
            name: vtable.name,
            size: fields.len() * bytes,
            align: bytes,
            fields: &fields,
        });
    }
    let is_64 = usize::from(width == PointerWidth::Bits64);
    for (name, sizes, fields) in mapi::layouts::STRUCTS {
        for (field, offsets) in *fields {
            let condition = format!("offsetof({name}, {field}) == {}", offsets[is_64]);
            source += &format!("ASSERT({condition});\n");
        }
        source += &format!("ASSERT(sizeof({name}) == {});\n", sizes[is_64]);
    }
    source + &format!("ASSERT(sizeof(union _PV) == {});\n", mapi::layouts::VALUE[is_64])
}

#[test]
fn every_slot_every_field_and_every_iid_is_that_of_the_header() {
    let counts: Vec<_> = interfaces().iter().map(|own| own.vtable.fields.len()).collect();
    assert_eq!(counts, [14, 27, 22, 14, 14, 27, 19, 30, 22, 7, 10, 44, 8, 9]);
    for (width, compiler) in [(PointerWidth::Bits32, MINGW_32), (PointerWidth::Bits64, MINGW_64)] {
        let folder = tempfile::tempdir().unwrap();
        let [source, object] = ["slots.c", "slots.o"].map(|name| folder.path().join(name));
        fs::write(&source, program(width)).unwrap();
        let mut command = compiler.command(Language::C);
        succeed(command.arg("-c").arg(&source).arg("-o").arg(&object));
        let object = fs::read(&object).unwrap();
        let file = object::File::parse(&*object).unwrap();
        for Declared { iid_name, iid, .. } in interfaces() {
            let found = constant(&file, &iid_name);
            assert_eq!(found, iid.to_bytes_le(), "{iid_name} by {}", compiler.c);
        }
    }
}
