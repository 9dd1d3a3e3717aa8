//! Layouts as data, and two macros that prove a layout at compile time.
//!
//! A wrong vtable slot or offset shows only as a crash, and often in another process. This module
//! is for readers who want to see the numbers, and for authors who lay out their own interfaces:
//!
//! - [`published()`] returns the documented layouts of this crate's types, for 32-bit and for
//!   64-bit pointers. The crate asserts that the compiler's layouts are the same.
//! - [`vtable_layout!`](crate::vtable_layout) and [`struct_layout!`](crate::struct_layout) prove
//!   the layout of your own type at compile time. They also implement [`Described`] for it, whose
//!   constant is the layout as a table.
//! - [`Layout::differences`] compares any two tables.
//!
//! ```
//! use mapisync::abi::MAPISIB;
//! use mapisync::abi::layout::{Described, PointerWidth, published};
//!
//! let documented = &published(PointerWidth::HERE)[0];
//! assert_eq!(documented.differences(&MAPISIB::LAYOUT).count(), 0);
//!
//! let elsewhere = &published(PointerWidth::Bits32)[0];
//! let difference = elsewhere.differences(&published(PointerWidth::Bits64)[0]).nth(2).unwrap();
//! assert_eq!(difference.to_string(), "MAPISIB.psesSync, at offset 8: size 8 instead of 4");
//! ```

mod compare;
mod describe;
#[doc(hidden)]
pub mod private;
mod published;

pub use compare::{Change, Difference};
pub use describe::Described;
pub use published::{PointerWidth, published};

use core::fmt;

/// The layout of a struct or a vtable. All sizes and offsets are in bytes.
///
/// A vtable is flat, as in C: the slots of its base come first.
///
/// ```
/// use mapisync::abi::IMAPISyncVtbl;
/// use mapisync::abi::layout::{Described, Layout};
///
/// const LAYOUT: Layout = IMAPISyncVtbl::LAYOUT;
/// assert_eq!(LAYOUT.field("SynchronizeInBackground").unwrap().slot, Some(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout<'a> {
    /// The type's name.
    pub name: &'a str,
    /// The size of the type.
    pub size: usize,
    /// The alignment of the type.
    pub align: usize,
    /// The fields, in the order of their declaration.
    pub fields: &'a [Field<'a>],
}

/// A field of a struct, or a vtable slot.
///
/// ```
/// use mapisync::abi::layout::Field;
/// let slot = Field { name: "Release", offset: 16, size: 8, slot: Some(2) };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field<'a> {
    /// The field's or the method's name.
    pub name: &'a str,
    /// The distance in bytes from the start of the struct or vtable.
    pub offset: usize,
    /// The size in bytes.
    pub size: usize,
    /// The number of the vtable slot, if this is a method.
    pub slot: Option<usize>,
}

impl<'a> Layout<'a> {
    /// Returns the first field of that name.
    ///
    /// ```
    /// use mapisync::abi::MAPISIB;
    /// use mapisync::abi::layout::Described;
    /// assert_eq!(MAPISIB::LAYOUT.field("ulFlags").unwrap().offset, 4);
    /// ```
    pub fn field(&self, name: &str) -> Option<&'a Field<'a>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn is_vtable(&self) -> bool {
        self.fields.iter().any(|field| field.slot.is_some())
    }
}

impl fmt::Display for Layout<'_> {
    /// Prints a table: the name and size, a heading, and a line for each field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size, align) = (self.name, self.size, self.align);
        writeln!(f, "{name}: {size} bytes, aligned to {align}")?;
        let slots = self.is_vtable();
        write!(f, "  offset  size{}  name", if slots { "  slot" } else { "" })?;
        for Field { name, offset, size, slot } in self.fields {
            write!(f, "\n  {offset:6}  {size:4}")?;
            match slot {
                Some(slot) => write!(f, "  {slot:4}")?,
                None if slots => write!(f, "      ")?,
                None => {}
            }
            write!(f, "  {name}")?;
        }
        Ok(())
    }
}
