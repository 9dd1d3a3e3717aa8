//! The comparison of two layouts.

use super::{Field, Layout};
use core::fmt;

/// A difference between an expected layout and the one that was found. `Display` prints it on one
/// line.
///
/// ```
/// use mapisync::abi::layout::{Change, Field, Layout};
///
/// let field = |name, offset| Field { name, offset, size: 4, slot: None };
/// let expected = [field("ulSize", 0), field("ulFlags", 4)];
/// let found = [field("ulSize", 0), field("ulFlags", 8)];
/// let [expected, found] = [&expected, &found]
///     .map(|fields| Layout { name: "MAPISIB", size: 12, align: 4, fields });
///
/// let differences: Vec<_> = expected.differences(&found).collect();
/// assert_eq!(differences.len(), 1);
/// assert_eq!(differences[0].change, Change::Offset { field: expected.fields[1], found: 8 });
/// assert_eq!(differences[0].to_string(), "MAPISIB.ulFlags: at offset 8 instead of 4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Difference<'a> {
    /// The name of the expected layout.
    pub layout: &'a str,
    /// The kind of difference.
    pub change: Change<'a>,
}

/// The kind of a [`Difference`].
///
/// ```
/// use mapisync::abi::layout::Change;
/// let change = Change::Size { expected: 32, found: 40 };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // the names `expected` and `found` suffice
pub enum Change<'a> {
    /// The type has a different size.
    Size { expected: usize, found: usize },
    /// The type has a different alignment.
    Align { expected: usize, found: usize },
    /// An expected field is missing.
    Missing(Field<'a>),
    /// There is a field that was not expected.
    Extra(Field<'a>),
    /// A field has a different offset. `field` is the expected one.
    Offset { field: Field<'a>, found: usize },
    /// A field has a different size. `field` is the expected one.
    FieldSize { field: Field<'a>, found: usize },
    /// A method has a different vtable slot, or only one of the two layouts has a slot for it.
    Slot { field: Field<'a>, found: Option<usize> },
}

impl<'a> Layout<'a> {
    /// Returns every difference of `found` from this layout.
    ///
    /// Differences of the type come first, then those of each expected field, then the fields that
    /// were not expected. Fields are matched by name. If several fields have the same name, the
    /// first is compared with the first, the second with the second, and so on. The names of the
    /// layouts are not compared.
    ///
    /// ```
    /// use mapisync::abi::layout::{Described, PointerWidth, published};
    /// use mapisync::abi::{IMAPISyncVtbl, IUnknownVtbl};
    ///
    /// let differences: Vec<String> = IUnknownVtbl::LAYOUT
    ///     .differences(&IMAPISyncVtbl::LAYOUT)
    ///     .map(|difference| difference.to_string())
    ///     .collect();
    /// let (small, large) = (size_of::<IUnknownVtbl>(), size_of::<IMAPISyncVtbl>());
    /// assert_eq!(differences[0], format!("IUnknownVtbl: {large} bytes instead of {small}"));
    /// assert_eq!(
    ///     differences[1],
    ///     format!(
    ///         "IUnknownVtbl.SynchronizeInBackground: at offset {small}, in slot 3, where nothing should be"
    ///     )
    /// );
    /// assert_eq!(differences.len(), 2);
    /// ```
    pub fn differences<'b>(
        &'b self,
        found: &'b Layout<'b>,
    ) -> impl Iterator<Item = Difference<'b>> {
        let type_changes = [
            unequal(self.size, found.size)
                .map(|(expected, found)| Change::Size { expected, found }),
            unequal(self.align, found.align)
                .map(|(expected, found)| Change::Align { expected, found }),
        ];
        let expected_fields = (0..self.fields.len()).flat_map(|index| {
            let expected = self.fields[index];
            match matching(self.fields, index, found.fields) {
                None => [Some(Change::Missing(expected)), None, None],
                Some(found) => changes(expected, found),
            }
        });
        let extra = (0..found.fields.len())
            .filter(|&index| matching(found.fields, index, self.fields).is_none())
            .map(|index| Some(Change::Extra(found.fields[index])));
        let all = type_changes.into_iter().chain(expected_fields).chain(extra);
        all.flatten().map(|change| Difference { layout: self.name, change })
    }
}

/// Returns the field of `others` that has the name of `fields[index]` and as many fields of that
/// name before it.
fn matching<'a>(fields: &[Field<'_>], index: usize, others: &[Field<'a>]) -> Option<Field<'a>> {
    let name = fields[index].name;
    let before = fields[..index].iter().filter(|field| field.name == name).count();
    others.iter().filter(|field| field.name == name).nth(before).copied()
}

fn changes<'a>(field: Field<'a>, found: Field<'_>) -> [Option<Change<'a>>; 3] {
    [
        unequal(field.offset, found.offset).map(|(_, found)| Change::Offset { field, found }),
        unequal(field.size, found.size).map(|(_, found)| Change::FieldSize { field, found }),
        unequal(field.slot, found.slot).map(|(_, found)| Change::Slot { field, found }),
    ]
}

fn unequal<T: PartialEq>(expected: T, found: T) -> Option<(T, T)> {
    (expected != found).then_some((expected, found))
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.layout)?;
        match self.change {
            Change::Size { expected, found } => {
                write!(f, ": {found} bytes instead of {expected}")
            }
            Change::Align { expected, found } => {
                write!(f, ": aligned to {found} instead of {expected}")
            }
            Change::Missing(field) => {
                write!(f, ".{}: missing, expected at {}", field.name, Place(field))
            }
            Change::Extra(field) => {
                let place = Place(field);
                write!(f, ".{}: at {place}, where nothing should be", field.name)
            }
            Change::Offset { field, found } => {
                let Field { name, offset, .. } = field;
                write!(f, ".{name}: at offset {found} instead of {offset}")
            }
            Change::FieldSize { field, found } => {
                let (name, place, size) = (field.name, field.offset, field.size);
                write!(f, ".{name}, at offset {place}: size {found} instead of {size}")
            }
            Change::Slot { field, found } => {
                let (name, place, slot) = (field.name, field.offset, Slot(field.slot));
                let found = Slot(found);
                write!(f, ".{name}, at offset {place}: in {found} instead of {slot}")
            }
        }
    }
}

struct Place<'a>(Field<'a>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}", self.0.offset)?;
        match self.0.slot {
            Some(slot) => write!(f, ", in slot {slot}"),
            None => Ok(()),
        }
    }
}

struct Slot(Option<usize>);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(slot) => write!(f, "slot {slot}"),
            None => f.write_str("no slot"),
        }
    }
}
