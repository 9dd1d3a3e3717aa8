//! The layouts of the structures for 32-bit and for 64-bit pointers.
//!
//! Every build asserts that those of its own target are the compiler's. A test of this repository
//! compares the whole table with mingw's headers.

use super::{ADRENTRY, ADRLIST, ENTRYID, FILETIME, MAPIERROR, MAPIUID, PropertyValue, SBinary};
use super::{
    SBinaryArray, SPropProblem, SPropProblemArray, SPropTagArray, SPropValue, SRow, SRowSet,
};
use mapisync::abi::layout::{Described, Field, Layout};

/// A value for 32-bit pointers, and one for 64-bit pointers.
pub type ForWidths = [usize; 2];

/// The name of a structure, its sizes, and the offsets of its fields, in bytes.
pub type StructLayout = (&'static str, ForWidths, &'static [(&'static str, ForWidths)]);

/// The index in [`ForWidths`] of this target.
pub const HERE: usize = (size_of::<usize>() == 8) as usize;

/// The sizes of the union of all values, `union _PV`.
pub const VALUE: ForWidths = [8, 16];

const _: () = assert!(size_of::<PropertyValue>() == VALUE[HERE]);

macro_rules! layouts {
    ($($struct:ident $size:tt { $($field:ident $offset:tt),* })*) => {
        /// The structures.
        pub const STRUCTS: &[StructLayout] = &[
            $((stringify!($struct), $size, &[$((stringify!($field), $offset)),*])),*
        ];

        $(const _: () = assert!(agrees(&$struct::LAYOUT, $size[HERE], &[$($offset[HERE]),*]));)*
    };
}

layouts! {
    ENTRYID [5, 5] { abFlags [0, 0], ab [4, 4] }
    MAPIUID [16, 16] { ab [0, 0] }
    FILETIME [8, 8] { dwLowDateTime [0, 0], dwHighDateTime [4, 4] }
    SBinary [8, 16] { cb [0, 0], lpb [4, 8] }
    SBinaryArray [8, 16] { cValues [0, 0], lpbin [4, 8] }
    SPropValue [16, 24] { ulPropTag [0, 0], dwAlignPad [4, 4], Value [8, 8] }
    SPropTagArray [8, 8] { cValues [0, 0], aulPropTag [4, 4] }
    SPropProblem [12, 12] { ulIndex [0, 0], ulPropTag [4, 4], scode [8, 8] }
    SPropProblemArray [16, 16] { cProblem [0, 0], aProblem [4, 4] }
    ADRENTRY [12, 16] { ulReserved1 [0, 0], cValues [4, 4], rgPropVals [8, 8] }
    ADRLIST [16, 24] { cEntries [0, 0], aEntries [4, 8] }
    SRow [12, 16] { ulAdrEntryPad [0, 0], cValues [4, 4], lpProps [8, 8] }
    SRowSet [16, 24] { cRows [0, 0], aRow [4, 8] }
    MAPIERROR [20, 32] {
        ulVersion [0, 0], lpszError [4, 8], lpszComponent [8, 16], ulLowLevelError [12, 24], ulContext [16, 28]
    }
}

/// Returns whether a layout has this size and these offsets.
#[allow(dead_code)] // used only in constants, which Rust 1.85 does not count
const fn agrees(layout: &Layout<'_>, size: usize, offsets: &[usize]) -> bool {
    let fields: &[Field<'_>] = layout.fields;
    let mut index = 0;
    while index < fields.len() && index < offsets.len() {
        if fields[index].offset != offsets[index] {
            return false;
        }
        index += 1;
    }
    layout.size == size && fields.len() == offsets.len()
}
