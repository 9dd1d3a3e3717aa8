//! Layouts as data: what is documented, what this compiler makes of it, and how the two differ.
//!
//! A wrong slot or offset shows nowhere but in a crash inside somebody else's process. This module is for those who
//! want to see the numbers, and for those who lay interfaces of their own:
//!
//! - [`published()`] has the tables of this crate's types for 32- and for 64-bit pointers, [`GUIDS`] the identifiers as
//!   they lie in memory, and [`STDCALL_BYTES`] what each method takes off the stack on 32-bit x86 Windows;
//! - [`measured()`] has the tables as this compiler laid them, which the crate asserts to be the published ones;
//! - [`vtable_layout!`](crate::vtable_layout) and [`struct_layout!`](crate::struct_layout) prove a layout of your own
//!   while it compiles, and make a table of it;
//! - [`Layout::differences`] compares any two tables, wherever they come from.
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
mod guids;
#[doc(hidden)]
pub mod private;
mod published;
mod stack;

pub use compare::{Change, Difference};
pub use describe::Described;
pub use guids::{GUIDS, GuidBytes};
pub use published::{PointerWidth, measured, published};
pub use stack::{STDCALL_BYTES, StackBytes};

use core::fmt;

/// A struct's or a vtable's table. All numbers are bytes.
///
/// A vtable is shown flat, its base's slots first, as C declares it.
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
    /// The size of the whole.
    pub size: usize,
    /// The alignment of the whole.
    pub align: usize,
    /// The fields in their order.
    pub fields: &'a [Field<'a>],
}

/// A field of a struct, or a slot of a vtable.
///
/// ```
/// use mapisync::abi::layout::Field;
/// let slot = Field { name: "Release", offset: 16, size: 8, slot: Some(2) };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field<'a> {
    /// The field's or the method's name.
    pub name: &'a str,
    /// Where it begins, in bytes from the start of the whole.
    pub offset: usize,
    /// How many bytes it takes.
    pub size: usize,
    /// The number of the slot, for a method.
    pub slot: Option<usize>,
}

impl<'a> Layout<'a> {
    /// The first field of that name.
    ///
    /// ```
    /// use mapisync::abi::MAPISIB;
    /// use mapisync::abi::layout::Described;
    /// assert_eq!(MAPISIB::LAYOUT.field("ulFlags").unwrap().offset, 4);
    /// ```
    pub fn field(&self, name: &str) -> Option<&'a Field<'a>> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether this is the table of a vtable, that is, whether its fields have slots.
    ///
    /// ```
    /// use mapisync::abi::{IUnknownVtbl, MAPISIB};
    /// use mapisync::abi::layout::Described;
    /// assert!(IUnknownVtbl::LAYOUT.is_vtable() && !MAPISIB::LAYOUT.is_vtable());
    /// ```
    pub fn is_vtable(&self) -> bool {
        self.fields.iter().any(|field| field.slot.is_some())
    }
}

impl fmt::Display for Layout<'_> {
    /// The table as a person reads it: a line of heading, then one for each field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, size, align) = (self.name, self.size, self.align);
        writeln!(f, "{name}: {size} bytes, aligned to {align}")?;
        let slots = self.is_vtable();
        write!(
            f,
            "  offset  size{}  name",
            if slots { "  slot" } else { "" }
        )?;
        for Field {
            name,
            offset,
            size,
            slot,
        } in self.fields
        {
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
