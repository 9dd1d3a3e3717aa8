//! The documented layouts of this crate's own types, and the assertion that this compiler agrees.

use super::private::slot_of;
use super::{Described, Field, Layout};
use crate::abi::*;

/// The width of a pointer. MAPI exists for both.
///
/// ```
/// use mapisync::abi::layout::PointerWidth;
/// assert_eq!(PointerWidth::HERE.bytes(), size_of::<usize>());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PointerWidth {
    /// 32 bits: x86.
    Bits32,
    /// 64 bits: x86-64 and ARM64.
    Bits64,
}

impl PointerWidth {
    /// The width on the target for which this is compiled.
    pub const HERE: PointerWidth = match size_of::<usize>() {
        4 => PointerWidth::Bits32,
        8 => PointerWidth::Bits64,
        _ => panic!("MAPI is laid out for 32- and 64-bit pointers only"),
    };

    /// Returns the width in bytes.
    ///
    /// ```
    /// assert_eq!(mapisync::abi::layout::PointerWidth::Bits32.bytes(), 4);
    /// ```
    pub const fn bytes(self) -> usize {
        match self {
            PointerWidth::Bits32 => 4,
            PointerWidth::Bits64 => 8,
        }
    }
}

/// Returns the documented layout of every struct and vtable in [`abi`](crate::abi), for pointers of
/// that width.
///
/// `MAPISIB` comes first, then `GUID`, the interfaces and the vtables. The layouts are the same on
/// every operating system and in either byte order. The crate does not compile on a target where a
/// type has a different layout.
///
/// ```
/// use mapisync::abi::layout::{PointerWidth, published};
///
/// let tables = published(PointerWidth::Bits32);
/// let sizes: Vec<_> = tables.iter().map(|table| (table.name, table.size)).collect();
/// assert_eq!(sizes[..3], [("MAPISIB", 20), ("GUID", 16), ("IUnknown", 4)]);
/// ```
///
/// Source: [MAPISIB](https://learn.microsoft.com/office/client-developer/outlook/mapi/mapisib) and
/// the pages of the interfaces.
pub const fn published(width: PointerWidth) -> &'static [Layout<'static>] {
    match width {
        PointerWidth::Bits32 => &BITS_32,
        PointerWidth::Bits64 => &BITS_64,
    }
}

static BITS_32: [Layout<'static>; 10] = Tables::<4>::with_mapisib(Layout {
    name: "MAPISIB",
    size: 20,
    align: 4,
    fields: &[
        field("ulSize", 0, 4),
        field("ulFlags", 4, 4),
        field("psesSync", 8, 4),
        field("punkCallBack", 12, 4),
        field("phSyncDoneEvent", 16, 4),
    ],
});

static BITS_64: [Layout<'static>; 10] = Tables::<8>::with_mapisib(Layout {
    name: "MAPISIB",
    size: 32,
    align: 8,
    fields: &[
        field("ulSize", 0, 4),
        field("ulFlags", 4, 4),
        field("psesSync", 8, 8),
        field("punkCallBack", 16, 8),
        field("phSyncDoneEvent", 24, 8),
    ],
});

/// The other layouts, which depend only on the width of a pointer, `P` bytes.
struct Tables<const P: usize>;

impl<const P: usize> Tables<P> {
    const GUID: &'static [Field<'static>] =
        &[field("Data1", 0, 4), field("Data2", 4, 2), field("Data3", 6, 2), field("Data4", 8, 8)];
    const INTERFACE: &'static [Field<'static>] = &[field("lpVtbl", 0, P)];
    const QUERY_INTERFACE: Field<'static> = slot_of("QueryInterface", 0, P);
    const ADD_REF: Field<'static> = slot_of("AddRef", 1, P);
    const RELEASE: Field<'static> = slot_of("Release", 2, P);
    const UNKNOWN: &'static [Field<'static>] =
        &[Self::QUERY_INTERFACE, Self::ADD_REF, Self::RELEASE];
    const SYNC: &'static [Field<'static>] = &[
        Self::QUERY_INTERFACE,
        Self::ADD_REF,
        Self::RELEASE,
        slot_of("SynchronizeInBackground", 3, P),
    ];
    const CALLBACK: &'static [Field<'static>] = &[
        Self::QUERY_INTERFACE,
        Self::ADD_REF,
        Self::RELEASE,
        slot_of("Progress", 3, P),
        slot_of("Error", 4, P),
        slot_of("Done", 5, P),
    ];

    const fn with_mapisib(mapisib: Layout<'static>) -> [Layout<'static>; 10] {
        [
            mapisib,
            table("GUID", 16, 4, Self::GUID),
            table("IUnknown", P, P, Self::INTERFACE),
            table("IMAPISession", P, P, Self::INTERFACE),
            table("IMAPISync", P, P, Self::INTERFACE),
            table("IMAPISyncProgressCallback", P, P, Self::INTERFACE),
            table("IUnknownVtbl", 3 * P, P, Self::UNKNOWN),
            table("IMAPISessionVtbl", 3 * P, P, Self::UNKNOWN),
            table("IMAPISyncVtbl", 4 * P, P, Self::SYNC),
            table("IMAPISyncProgressCallbackVtbl", 6 * P, P, Self::CALLBACK),
        ]
    }
}

const fn table(
    name: &'static str,
    size: usize,
    align: usize,
    fields: &'static [Field<'static>],
) -> Layout<'static> {
    Layout { name, size, align, fields }
}

const fn field(name: &'static str, offset: usize, size: usize) -> Field<'static> {
    Field { name, offset, size, slot: None }
}

crate::struct_layout! {
    MAPISIB {
        ulSize: u32,
        ulFlags: u32,
        psesSync: *mut IMAPISession,
        punkCallBack: *mut IUnknown,
        phSyncDoneEvent: *mut HANDLE,
    }
}
crate::struct_layout! { GUID { Data1: u32, Data2: u16, Data3: u16, Data4: [u8; 8] } }
crate::struct_layout! { IUnknown { lpVtbl: *const IUnknownVtbl } }
crate::struct_layout! { IMAPISession { lpVtbl: *const IMAPISessionVtbl } }
crate::struct_layout! { IMAPISync { lpVtbl: *const IMAPISyncVtbl } }
crate::struct_layout! { IMAPISyncProgressCallback { lpVtbl: *const IMAPISyncProgressCallbackVtbl } }
crate::vtable_layout! { IUnknownVtbl { QueryInterface, AddRef, Release } }
crate::vtable_layout! { IMAPISessionVtbl { base: IUnknownVtbl } }
crate::vtable_layout! { IMAPISyncVtbl { base: IUnknownVtbl, SynchronizeInBackground } }
crate::vtable_layout! { IMAPISyncProgressCallbackVtbl { base: IUnknownVtbl, Progress, Error, Done } }

/// The layouts that this compiler gave the types, in the order of [`published`].
#[allow(dead_code)] // used only in constants, which Rust 1.85 does not count
const MEASURED: [Layout<'static>; 10] = [
    MAPISIB::LAYOUT,
    GUID::LAYOUT,
    IUnknown::LAYOUT,
    IMAPISession::LAYOUT,
    IMAPISync::LAYOUT,
    IMAPISyncProgressCallback::LAYOUT,
    IUnknownVtbl::LAYOUT,
    IMAPISessionVtbl::LAYOUT,
    IMAPISyncVtbl::LAYOUT,
    IMAPISyncProgressCallbackVtbl::LAYOUT,
];

/// Compares the published layouts with this compiler's. The message is only a name, because a panic
/// in a constant can't format anything else.
const _: () = {
    let published = published(PointerWidth::HERE);
    assert!(published.len() == MEASURED.len());
    let mut index = 0;
    while index < published.len() {
        let (published, measured) = (&published[index], &MEASURED[index]);
        let type_matches = same(published.name, measured.name)
            && published.size == measured.size
            && published.align == measured.align
            && published.fields.len() == measured.fields.len();
        assert!(type_matches, "{}", published.name);
        let mut index_of_field = 0;
        while index_of_field < published.fields.len() {
            let published = &published.fields[index_of_field];
            let measured = &measured.fields[index_of_field];
            let field_matches = same(published.name, measured.name)
                && published.offset == measured.offset
                && published.size == measured.size;
            assert!(field_matches, "{}", published.name);
            index_of_field += 1;
        }
        index += 1;
    }
    assert!(size_of::<HRESULT>() == 4 && align_of::<HRESULT>() == 4);
    assert!(size_of::<SyncFlags>() == 4 && align_of::<SyncFlags>() == 4);
    assert!(size_of::<HANDLE>() == size_of::<usize>());
};

#[allow(dead_code)] // used only in constants, which Rust 1.85 does not count
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}
