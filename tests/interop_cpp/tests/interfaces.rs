//! Every interface of `mapisync::abi` is in the header, the published tables, the oracle's classes,
//! and the tables of identifiers and stack bytes. This test calls no compiler. `tests/oracle.rs`
//! and `tests/stack.rs` compare these entries with what compilers generate.

use mapisync::abi::C_HEADER;
use mapisync::abi::layout::{Field, PointerWidth, published};
use mapisync_interop_cpp::{CLASSES, DECLARED_BY_MAPIX, GUIDS, STDCALL_BYTES, declared, table};

#[test]
fn every_interface_of_abi_is_in_the_header_the_tables_and_the_oracle() {
    let interfaces = declared();
    let inherited = table(PointerWidth::HERE, "IUnknownVtbl").fields;
    let mut missing = Vec::new();
    for interface in &interfaces {
        let mut need = |place: &str, what: String, is_there: bool| {
            if !is_there {
                missing.push(format!("{place} lacks {what}"));
            }
        };
        let (vtable, iid) = (format!("{interface}Vtbl"), format!("IID_{interface}"));

        // The published tables, and the methods that they have.
        let mut methods: Vec<Field<'_>> = Vec::new();
        for width in [PointerWidth::Bits32, PointerWidth::Bits64] {
            for name in [interface, &vtable] {
                let found = published(width).iter().find(|table| table.name == name);
                let place = format!("layout::published({width:?})");
                need(&place, name.clone(), found.is_some());
                if name == &vtable {
                    methods.extend(found.map_or(&[][..], |table| table.fields));
                }
            }
        }
        let is_unknown = interface == "IUnknown";
        let own = methods.iter().map(|method| method.name).filter(|method| {
            is_unknown || inherited.iter().all(|inherited| inherited.name != *method)
        });

        // The tables of the identifiers and of the stack.
        let guid = GUIDS.iter().find(|guid| guid.name == iid);
        need("GUIDS", iid.clone(), guid.is_some());
        for method in own {
            let popped = STDCALL_BYTES
                .iter()
                .any(|entry| entry.interface == interface && entry.method == method);
            need("STDCALL_BYTES", format!("{interface}::{method}"), popped);
        }

        // The header. The interface is a class in C++, a struct with macros in C.
        let mut in_header =
            |code: String| need("mapisync.h", code.clone(), C_HEADER.contains(&code));
        in_header(format!("static const IID {iid} = "));
        if DECLARED_BY_MAPIX.contains(&interface.as_str()) {
            in_header(format!("struct {interface};"));
            continue;
        }
        if let Some(guid) = guid {
            in_header(format!(
                "MAPISYNC_INTERFACE_(\"{}\") {interface} ",
                guid.guid
            ));
        }
        in_header(format!("typedef struct {vtable} {{"));
        in_header(format!("const {vtable} *lpVtbl;"));
        for method in &methods {
            in_header(format!("#define {interface}_{}(This", method.name));
        }

        // The oracle asks clang about the vtables of these classes.
        let class = CLASSES.iter().any(|class| class.interface == interface);
        need("CLASSES", interface.clone(), class);
    }
    missing.sort();
    missing.dedup(); // the two widths have the same methods
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_entry_belongs_to_an_interface_of_abi() {
    let interfaces = declared();
    let known = |name: &str| assert!(interfaces.contains(name), "{name} is not in src/abi");
    GUIDS
        .iter()
        .for_each(|guid| known(guid.name.strip_prefix("IID_").unwrap()));
    CLASSES.iter().for_each(|class| known(class.interface));
    DECLARED_BY_MAPIX.into_iter().for_each(known);
    for entry in STDCALL_BYTES {
        known(entry.interface);
        let vtable = table(PointerWidth::HERE, &format!("{}Vtbl", entry.interface));
        assert!(vtable.field(entry.method).is_some(), "{entry:?}");
    }
}
