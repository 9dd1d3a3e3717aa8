//! Proving a layout while it compiles: the two macros, and what they expand to.

use super::Layout;

/// A type whose layout has been proven by [`vtable_layout!`](crate::vtable_layout) or
/// [`struct_layout!`](crate::struct_layout), which implement it.
///
/// ```
/// use mapisync::abi::IUnknownVtbl;
/// use mapisync::abi::layout::Described;
/// println!("{}", IUnknownVtbl::LAYOUT);
/// assert_eq!(IUnknownVtbl::LAYOUT.fields[2].name, "Release");
/// ```
#[diagnostic::on_unimplemented(
    message = "the layout of `{Self}` has not been proven",
    note = "write `mapisync::vtable_layout! {{ {Self} {{ base: …, Method, … }} }}`, or `struct_layout!` for a struct"
)]
pub trait Described {
    /// The layout that this compiler gave the type.
    const LAYOUT: Layout<'static>;
}

/// Proves while it compiles that a vtable has exactly these methods, in this order.
///
/// Write the struct's name, its base (the first field and its type, which has been proven in the same way) and the
/// methods in their documented order. It does not compile if a method is missing, if there is one too many, if one is
/// out of place or not as wide as a slot, if the base is another type or not first, or if the whole has another size.
/// The struct implements [the trait `Described`](crate::abi::layout::Described) then. Without a base, the list starts at slot 0.
///
/// What it can't know: the documentation (the list is yours), the methods' arguments, and their calling convention.
/// The latter has to be `extern "system"`.
///
/// ```
/// use mapisync::HRESULT;
/// use mapisync::abi::layout::Described;
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
///
/// #[repr(C)]
/// struct IMAPIStatusVtbl {
///     base: IUnknownVtbl,
///     ValidateState: unsafe extern "system" fn(this: *mut IUnknown, ui: usize, flags: u32) -> HRESULT,
///     SettingsDialog: unsafe extern "system" fn(this: *mut IUnknown, ui: usize, flags: u32) -> HRESULT,
/// }
///
/// mapisync::vtable_layout! {
///     IMAPIStatusVtbl { base: IUnknownVtbl, ValidateState, SettingsDialog }
/// }
/// assert_eq!(IMAPIStatusVtbl::LAYOUT.field("SettingsDialog").unwrap().slot, Some(4));
/// ```
///
/// With two methods the wrong way round it says so:
///
/// ```compile_fail
/// # use mapisync::HRESULT;
/// # use mapisync::abi::{IUnknown, IUnknownVtbl};
/// # #[repr(C)]
/// # struct IMAPIStatusVtbl {
/// #     base: IUnknownVtbl,
/// #     ValidateState: unsafe extern "system" fn(this: *mut IUnknown, ui: usize, flags: u32) -> HRESULT,
/// #     SettingsDialog: unsafe extern "system" fn(this: *mut IUnknown, ui: usize, flags: u32) -> HRESULT,
/// # }
/// mapisync::vtable_layout! {
///     IMAPIStatusVtbl { base: IUnknownVtbl, SettingsDialog, ValidateState }
/// }
/// ```
#[macro_export]
macro_rules! vtable_layout {
    ($vtable:path { $base:ident: $base_type:ty $(, $method:ident)* $(,)? }) => {
        $crate::vtable_layout!(
            @prove $vtable,
            <$base_type as $crate::abi::layout::Described>::LAYOUT.fields,
            { $base: $base_type } $($method)*
        );
    };
    ($vtable:path { $($method:ident),+ $(,)? }) => {
        $crate::vtable_layout!(@prove $vtable, &[], {} $($method)*);
    };
    (@prove $vtable:path, $inherited:expr, { $($base:ident: $base_type:ty)? } $($method:ident)*) => {
        const _: () = {
            use ::core::mem::{align_of, offset_of, size_of};

            // The list has every field once: a value with other fields does not compile.
            #[allow(dead_code)]
            fn every_method_is_listed() -> $vtable {
                $vtable {
                    $($base: $crate::abi::layout::private::any(),)?
                    $($method: $crate::abi::layout::private::any(),)*
                }
            }

            // The base is of that type.
            $(#[allow(dead_code)]
            fn base_is_of_its_type(vtable: &$vtable) -> *const $base_type {
                &raw const vtable.$base
            }
            ::core::assert!(
                offset_of!($vtable, $base) == 0,
                ::core::concat!(::core::stringify!($vtable), ".", ::core::stringify!($base), " is not first")
            );)?

            const POINTER: usize = size_of::<usize>();
            const INHERITED: &[$crate::abi::layout::Field<'static>] = $inherited;
            const OWN: &[&str] = &[$(::core::stringify!($method)),*];
            const FIELDS: [$crate::abi::layout::Field<'static>; INHERITED.len() + OWN.len()] =
                $crate::abi::layout::private::slots(INHERITED, OWN);
            $(::core::assert!(
                size_of::<$base_type>() == INHERITED.len() * POINTER,
                ::core::concat!(::core::stringify!($base_type), " is not a vtable")
            );)?
            #[allow(unused_mut, unused_assignments)]
            let mut slot = INHERITED.len();
            $(
                ::core::assert!(
                    $crate::abi::layout::private::part_size(|vtable: &$vtable| &raw const vtable.$method) == POINTER,
                    ::core::concat!(
                        ::core::stringify!($vtable), ".", ::core::stringify!($method), " is not as wide as a slot"
                    )
                );
                ::core::assert!(
                    offset_of!($vtable, $method) == slot * POINTER,
                    ::core::concat!(
                        ::core::stringify!($vtable), ".", ::core::stringify!($method),
                        " is not in the slot that its place in the list gives it"
                    )
                );
                slot += 1;
            )*
            ::core::assert!(
                size_of::<$vtable>() == slot * POINTER && align_of::<$vtable>() == POINTER,
                ::core::concat!(::core::stringify!($vtable), " has more than the slots of its list, or another alignment")
            );

            impl $crate::abi::layout::Described for $vtable {
                const LAYOUT: $crate::abi::layout::Layout<'static> = $crate::abi::layout::Layout {
                    name: ::core::stringify!($vtable),
                    size: size_of::<$vtable>(),
                    align: align_of::<$vtable>(),
                    fields: &FIELDS,
                };
            }
        };
    };
}

/// Proves while it compiles that a struct has exactly these fields, of these types, in this order, where C puts them.
///
/// Write the struct's name, and its fields as they are documented. It does not compile if a field is missing, if there
/// is one too many, if one has another type, or if one does not lie where C's natural packing puts it: each at the next
/// multiple of its alignment, the whole rounded up to the largest. The struct implements
/// [the trait `Described`](crate::abi::layout::Described) then.
///
/// ```
/// use mapisync::abi::layout::Described;
/// use mapisync::GUID;
///
/// #[repr(C)]
/// struct MAPINAMEID {
///     lpguid: *mut GUID,
///     ulKind: u32,
///     Kind: *mut u16, // a union of a LONG and a pointer
/// }
///
/// mapisync::struct_layout! {
///     MAPINAMEID { lpguid: *mut GUID, ulKind: u32, Kind: *mut u16 }
/// }
/// assert_eq!(MAPINAMEID::LAYOUT.field("Kind").unwrap().offset, 2 * size_of::<usize>());
/// ```
///
/// A field that is wider than documented does not compile:
///
/// ```compile_fail
/// # use mapisync::GUID;
/// # #[repr(C)]
/// # struct MAPINAMEID { lpguid: *mut GUID, ulKind: u64, Kind: *mut u16 }
/// mapisync::struct_layout! {
///     MAPINAMEID { lpguid: *mut GUID, ulKind: u32, Kind: *mut u16 }
/// }
/// ```
#[macro_export]
macro_rules! struct_layout {
    ($struct:path { $($field:ident: $type:ty),+ $(,)? }) => {
        const _: () = {
            use ::core::mem::{align_of, offset_of, size_of};

            // The list has every field once: a value with other fields does not compile.
            #[allow(dead_code)]
            fn every_field_is_listed() -> $struct {
                $struct { $($field: $crate::abi::layout::private::any(),)+ }
            }

            const NAMES: &[&str] = &[$(::core::stringify!($field)),+];
            const PARTS: [(usize, usize); NAMES.len()] = [$((
                // The type here is the declared one, or the closure does not compile.
                $crate::abi::layout::private::part_size::<$struct, $type>(|value| &raw const value.$field),
                align_of::<$type>(),
            )),+];
            const FIELDS: [$crate::abi::layout::Field<'static>; NAMES.len()] =
                $crate::abi::layout::private::natural(NAMES, PARTS);

            let mut index = 0;
            $(
                ::core::assert!(
                    offset_of!($struct, $field) == FIELDS[index].offset,
                    ::core::concat!(
                        ::core::stringify!($struct), ".", ::core::stringify!($field),
                        " is not at the offset that its place in the list gives it"
                    )
                );
                index += 1;
            )+
            let (size, align) = $crate::abi::layout::private::extent(PARTS);
            ::core::assert!(
                size_of::<$struct>() == size && align_of::<$struct>() == align && index == NAMES.len(),
                ::core::concat!(::core::stringify!($struct), " has more than the fields of its list, or another alignment")
            );

            impl $crate::abi::layout::Described for $struct {
                const LAYOUT: $crate::abi::layout::Layout<'static> = $crate::abi::layout::Layout {
                    name: ::core::stringify!($struct),
                    size: size_of::<$struct>(),
                    align: align_of::<$struct>(),
                    fields: &FIELDS,
                };
            }
        };
    };
}

/// What the macros expand to.
#[doc(hidden)]
#[allow(missing_docs)]
pub mod private {
    use super::super::Field;

    /// The size of what the function points to: a field, named by a closure.
    pub const fn part_size<S, F>(_: fn(&S) -> *const F) -> usize {
        size_of::<F>()
    }

    /// A field of a value that is type-checked and never made.
    pub fn any<T>() -> T {
        unreachable!()
    }

    /// The slots of a vtable: its base's, then its own.
    pub const fn slots<const N: usize>(
        inherited: &[Field<'static>],
        own: &[&'static str],
    ) -> [Field<'static>; N] {
        let mut fields = [EMPTY; N];
        let mut slot = 0;
        while slot < N {
            fields[slot] = match slot < inherited.len() {
                true => inherited[slot],
                false => slot_of(own[slot - inherited.len()], slot, size_of::<usize>()),
            };
            slot += 1;
        }
        fields
    }

    /// A method in its slot, for pointers of `width` bytes.
    pub const fn slot_of(name: &'static str, slot: usize, width: usize) -> Field<'static> {
        Field {
            name,
            offset: slot * width,
            size: width,
            slot: Some(slot),
        }
    }

    /// Fields of the given sizes and alignments where C's natural packing puts them.
    pub const fn natural<const N: usize>(
        names: &[&'static str],
        parts: [(usize, usize); N],
    ) -> [Field<'static>; N] {
        let mut fields = [EMPTY; N];
        let (mut index, mut end) = (0, 0_usize);
        while index < N {
            let (size, align) = parts[index];
            let offset = end.next_multiple_of(align);
            fields[index] = Field {
                name: names[index],
                offset,
                size,
                slot: None,
            };
            end = offset + size;
            index += 1;
        }
        fields
    }

    /// The size and alignment of a struct of such fields.
    pub const fn extent<const N: usize>(parts: [(usize, usize); N]) -> (usize, usize) {
        let (mut index, mut end, mut widest) = (0, 0_usize, 1);
        while index < N {
            let (size, align) = parts[index];
            end = end.next_multiple_of(align) + size;
            if align > widest {
                widest = align;
            }
            index += 1;
        }
        (end.next_multiple_of(widest), widest)
    }

    const EMPTY: Field<'static> = Field {
        name: "",
        offset: 0,
        size: 0,
        slot: None,
    };
}
