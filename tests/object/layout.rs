//! `abi::layout` as users see it: the comparison of tables, and the macros on users' types.

use mapisync::abi::layout::{Described, Field, Layout, PointerWidth, published};

/// Returns fields of four bytes: `ulFlags@4`, or `Release#1` for the method in slot 1.
fn fields(list: &'static str) -> Vec<Field<'static>> {
    let field = |word: &'static str| {
        let (name, number) = word.split_once(['@', '#']).unwrap();
        let number: usize = number.parse().unwrap();
        let is_slot = word.contains('#');
        Field {
            name,
            offset: if is_slot { 4 * number } else { number },
            size: 4,
            slot: is_slot.then_some(number),
        }
    };
    list.split_whitespace().map(field).collect()
}

/// Returns the differences of a layout from that of the expected fields, one a line.
fn differences(expected: &[Field<'_>], size: usize, align: usize, found: &[Field<'_>]) -> String {
    let layout = |name, size, align, fields| Layout { name, size, align, fields };
    let (expected, found) = (layout("T", 8, 4, expected), layout("U", size, align, found));
    let differences = expected.differences(&found);
    differences.map(|difference| format!("{difference}\n")).collect()
}

#[test]
fn every_difference_is_reported_by_name_and_offset() {
    for (expected, found, reported) in [
        ("ulSize@0 ulFlags@4", "ulSize@0 ulFlags@4", ""),
        (
            "ulSize@0 ulFlags@4",
            "ulSize@4 ulFlags@0",
            "T.ulSize: at offset 4 instead of 0\nT.ulFlags: at offset 0 instead of 4\n",
        ),
        (
            "ulSize@0 ulFlags@4",
            "ulSize@0 flags@4",
            "T.ulFlags: missing, expected at offset 4\n\
             T.flags: at offset 4, where nothing should be\n",
        ),
        (
            "AddRef#0 Release#1",
            "Release#0 AddRef#1",
            "T.AddRef: at offset 4 instead of 0\n\
             T.AddRef, at offset 0: in slot 1 instead of slot 0\n\
             T.Release: at offset 0 instead of 4\n\
             T.Release, at offset 4: in slot 0 instead of slot 1\n",
        ),
        (
            "AddRef#0 Release#1",
            "AddRef#0 Release@4",
            "T.Release, at offset 4: in no slot instead of slot 1\n",
        ),
        (
            "AddRef#0 Release#1",
            "AddRef#0 Release#1 Release#2",
            "T.Release: at offset 8, in slot 2, where nothing should be\n",
        ),
        ("AddRef#0", "", "T.AddRef: missing, expected at offset 0, in slot 0\n"),
    ] {
        assert_eq!(differences(&fields(expected), 8, 4, &fields(found)), reported);
    }
    let mut found = fields("ulSize@0");
    found[0].size = 8;
    let reported = "T: 12 bytes instead of 8\nT: aligned to 1 instead of 4\n\
                    T.ulSize, at offset 0: size 8 instead of 4\n";
    assert_eq!(differences(&fields("ulSize@0"), 12, 1, &found), reported);
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
    let pointer = size_of::<usize>();
    let places = |layout: Layout<'static>| {
        let fields = layout.fields.iter();
        fields.map(|field| (field.name, field.offset, field.size)).collect::<Vec<_>>()
    };
    let assert_slots = |layout: Layout<'static>, names: &[&'static str]| {
        let name = |slot: usize| (names[slot], slot * pointer, pointer);
        assert_eq!(places(layout), (0..names.len()).map(name).collect::<Vec<_>>());
        let mut fields = layout.fields.iter().enumerate();
        assert!(fields.all(|(slot, field)| field.slot == Some(slot)));
        assert_eq!(layout.size, names.len() * pointer);
    };
    assert_slots(user::RootVtbl::LAYOUT, &["first", "reserved"]);
    let further = ["QueryInterface", "AddRef", "Release", "GetLastError", "last"];
    assert_slots(user::DerivedVtbl::LAYOUT, &further[..4]);
    assert_slots(user::FurtherVtbl::LAYOUT, &further);

    assert_eq!(places(user::Raw::LAYOUT), [("type", 0, 4)]);
    let mixed = user::Mixed::LAYOUT;
    assert_eq!((user::Raw::LAYOUT.name, mixed.name), ("Raw", "Mixed<'static>"));
    let expected = [
        ("byte", 0, 1),
        ("word", 2, 2),
        ("long", 4, 4),
        ("pointer", 8, pointer),
        ("tail", 8 + pointer, 1),
    ];
    assert_eq!(places(mixed), expected);
    assert_eq!((mixed.size, mixed.align), (8 + 2 * pointer, pointer));
}

#[test]
fn display_prints_a_table() {
    let [mapisib, .., sync, _] = published(PointerWidth::Bits64) else { panic!("ten tables") };
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
