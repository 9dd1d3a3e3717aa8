//! `abi::layout` as users see it: the comparison of tables, the macros on users' types, and the
//! example `layout`.

use mapisync::abi::layout::{Change, Described, Field, Layout, PointerWidth, published};
use serde_json::Value;

/// The layout of an eight-byte struct or 32-bit vtable with these fields.
fn table<'a>(fields: &'a [Field<'a>]) -> Layout<'a> {
    Layout {
        name: "MAPISIB",
        size: 8,
        align: 4,
        fields,
    }
}

const fn field(name: &str, offset: usize) -> Field<'_> {
    Field {
        name,
        offset,
        size: 4,
        slot: None,
    }
}

const fn method(name: &str, slot: usize) -> Field<'_> {
    Field {
        name,
        offset: 4 * slot,
        size: 4,
        slot: Some(slot),
    }
}

#[test]
fn every_difference_is_reported_by_name_and_offset() {
    let fields = [field("ulSize", 0), field("ulFlags", 4)];
    let methods = [method("AddRef", 0), method("Release", 1)];
    let (fields, methods) = (table(&fields), table(&methods));
    let same = fields.fields.to_vec();
    let cases: [(Layout<'_>, usize, usize, Vec<Field<'_>>, &str); 9] = [
        (fields, 8, 4, same.clone(), ""),
        (
            fields,
            12,
            4,
            same.clone(),
            "MAPISIB: 12 bytes instead of 8\n",
        ),
        (fields, 8, 1, same, "MAPISIB: aligned to 1 instead of 4\n"),
        (
            fields,
            8,
            4,
            vec![field("ulSize", 4), field("ulFlags", 0)],
            "MAPISIB.ulSize: at offset 4 instead of 0\nMAPISIB.ulFlags: at offset 0 instead of 4\n",
        ),
        (
            fields,
            8,
            4,
            vec![
                field("ulSize", 0),
                Field {
                    size: 8,
                    ..field("ulFlags", 8)
                },
            ],
            "MAPISIB.ulFlags: at offset 8 instead of 4\nMAPISIB.ulFlags, at offset 4: size 8 instead of 4\n",
        ),
        (
            fields,
            8,
            4,
            vec![field("ulSize", 0), field("flags", 4)],
            "MAPISIB.ulFlags: missing, expected at offset 4\nMAPISIB.flags: at offset 4, where nothing should be\n",
        ),
        (
            methods,
            8,
            4,
            vec![method("Release", 0), method("AddRef", 1)],
            "MAPISIB.AddRef: at offset 4 instead of 0\nMAPISIB.AddRef, at offset 0: in slot 1 instead of slot 0\n\
             MAPISIB.Release: at offset 0 instead of 4\nMAPISIB.Release, at offset 4: in slot 0 instead of slot 1\n",
        ),
        (
            methods,
            8,
            4,
            vec![method("AddRef", 0), field("Release", 4)],
            "MAPISIB.Release, at offset 4: in no slot instead of slot 1\n",
        ),
        (
            methods,
            8,
            4,
            vec![
                method("AddRef", 0),
                method("Release", 1),
                method("Release", 2),
            ],
            "MAPISIB.Release: at offset 8, in slot 2, where nothing should be\n",
        ),
    ];
    for (expected, size, align, fields, differences) in cases {
        let found = Layout {
            name: "another name",
            size,
            align,
            fields: &fields,
        };
        let reported: String = expected
            .differences(&found)
            .map(|difference| format!("{difference}\n"))
            .collect();
        assert_eq!(reported, differences);
    }
    let nothing = table(&[]);
    let missing: Vec<_> = methods
        .differences(&nothing)
        .map(|difference| difference.change)
        .collect();
    assert_eq!(
        missing,
        [
            Change::Missing(method("AddRef", 0)),
            Change::Missing(method("Release", 1))
        ]
    );
}

fn layout(arguments: &[&str]) -> String {
    let output = test_support::run(&test_support::example("layout"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[cfg_attr(miri, ignore = "Miri cannot start a program")]
fn the_example_prints_the_tables_of_this_target() {
    let printed = layout(&[]);
    let (target, tables) = printed.split_once('\n').unwrap();
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    assert!(target.starts_with(&format!("{arch} {os}, ")), "{target}");
    let expected = published(PointerWidth::HERE).iter();
    assert_eq!(
        tables,
        expected
            .map(|table| format!("\n{table}\n"))
            .collect::<String>()
    );
}

#[test]
#[cfg_attr(miri, ignore = "Miri cannot start a program")]
fn the_example_rejects_other_arguments() {
    for arguments in [&["--all"][..], &["--json", "--json"]] {
        let output = test_support::run(&test_support::example("layout"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: "));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri cannot start a program")]
fn the_example_prints_the_tables_as_json() {
    let all: Value = serde_json::from_str(&layout(&["--json"])).unwrap();
    assert_eq!(all["target"]["pointer_bytes"], size_of::<usize>());
    assert_eq!(
        all["target"]["endian"],
        if cfg!(target_endian = "little") {
            "little"
        } else {
            "big"
        }
    );

    let (layouts, tables) = (
        all["layouts"].as_array().unwrap(),
        published(PointerWidth::HERE),
    );
    assert_eq!(layouts.len(), tables.len());
    for (printed, table) in layouts.iter().zip(tables) {
        let number = |value: &Value| value.as_u64().map(|number| number as usize);
        assert_eq!(printed["name"], table.name);
        assert_eq!(
            (number(&printed["size"]), number(&printed["align"])),
            (Some(table.size), Some(table.align))
        );
        let fields = printed["fields"].as_array().unwrap();
        assert_eq!(fields.len(), table.fields.len());
        for (printed, field) in fields.iter().zip(table.fields) {
            assert_eq!(printed["name"], field.name);
            assert_eq!(number(&printed["offset"]), Some(field.offset));
            assert_eq!(number(&printed["size"]), Some(field.size));
            assert_eq!(number(&printed["slot"]), field.slot);
        }
    }
}

/// Users' types, in a module of their own, of several visibilities and shapes.
mod user {
    use mapisync::HRESULT;
    use mapisync::abi::{IUnknown, IUnknownVtbl};

    pub type Method = unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT;

    #[repr(C)]
    pub struct RootVtbl {
        pub first: Method,
        /// A reserved slot without a method.
        pub(crate) reserved: *const (),
    }

    #[repr(C)]
    #[allow(non_snake_case)]
    pub struct DerivedVtbl {
        pub parent: IUnknownVtbl,
        pub GetLastError: Option<Method>,
    }

    #[repr(C)]
    pub struct FurtherVtbl {
        pub base__: DerivedVtbl,
        pub last: Method,
    }

    #[repr(C)]
    pub struct Raw {
        pub r#type: u32,
    }

    pub const MAPISYNC: usize = 3;

    #[repr(C)]
    pub struct Mixed<'a> {
        pub byte: u8,
        pub word: u16,
        pub long: u32,
        pub pointer: &'a [u8; MAPISYNC],
        pub tail: u8,
    }
}

mapisync::vtable_layout! { user::RootVtbl { first, reserved } }
mapisync::vtable_layout! { user::DerivedVtbl { parent: mapisync::abi::IUnknownVtbl, GetLastError, } }
mapisync::vtable_layout! { user::FurtherVtbl { base__: user::DerivedVtbl, last } }
mapisync::struct_layout! { user::Mixed<'static> { byte: u8, word: u16, long: u32, pointer: &'static [u8; 3], tail: u8, } }

mapisync::struct_layout! { user::Raw { r#type: u32 } }

#[test]
fn the_macros_make_tables_of_users_types() {
    assert_eq!(user::Raw::LAYOUT.fields[0].name, "type");
    assert_eq!(
        (user::Raw::LAYOUT.name, user::Mixed::LAYOUT.name),
        ("Raw", "Mixed<'static>")
    );
    let slots = |fields: &[mapisync::abi::layout::Field<'static>]| {
        fields
            .iter()
            .map(|field| (field.name, field.slot.unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        slots(user::RootVtbl::LAYOUT.fields),
        [("first", 0), ("reserved", 1)]
    );
    let unknown = [("QueryInterface", 0), ("AddRef", 1), ("Release", 2)];
    let further = slots(user::FurtherVtbl::LAYOUT.fields);
    assert_eq!(
        (&further[..3], &further[3..]),
        (&unknown[..], &[("GetLastError", 3), ("last", 4)][..])
    );
    assert_eq!(user::FurtherVtbl::LAYOUT.size, 5 * size_of::<usize>());
    for (index, field) in user::FurtherVtbl::LAYOUT.fields.iter().enumerate() {
        assert_eq!(
            (field.offset, field.size),
            (index * size_of::<usize>(), size_of::<usize>())
        );
    }

    let pointer = size_of::<usize>();
    let mixed = user::Mixed::LAYOUT;
    let places: Vec<_> = mixed
        .fields
        .iter()
        .map(|field| (field.name, field.offset, field.size))
        .collect();
    assert_eq!(
        places,
        [
            ("byte", 0, 1),
            ("word", 2, 2),
            ("long", 4, 4),
            ("pointer", 8, pointer),
            ("tail", 8 + pointer, 1)
        ]
    );
    assert_eq!((mixed.size, mixed.align), (8 + 2 * pointer, pointer));
}

#[test]
fn display_prints_a_table() {
    let [mapisib, .., sync, _] = published(PointerWidth::Bits64) else {
        panic!("ten tables")
    };
    assert_eq!(
        mapisib.to_string(),
        "MAPISIB: 32 bytes, aligned to 8\n\
         \x20 offset  size  name\n\
         \x20      0     4  ulSize\n\
         \x20      4     4  ulFlags\n\
         \x20      8     8  psesSync\n\
         \x20     16     8  punkCallBack\n\
         \x20     24     8  phSyncDoneEvent"
    );
    assert_eq!(
        sync.to_string(),
        "IMAPISyncVtbl: 32 bytes, aligned to 8\n\
         \x20 offset  size  slot  name\n\
         \x20      0     8     0  QueryInterface\n\
         \x20      8     8     1  AddRef\n\
         \x20     16     8     2  Release\n\
         \x20     24     8     3  SynchronizeInBackground"
    );
}
