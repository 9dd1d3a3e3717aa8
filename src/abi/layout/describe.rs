//! The two macros that prove a layout at compile time.

use super::Layout;

/// A type whose layout is proven. [`vtable_layout!`](crate::vtable_layout) and
/// [`struct_layout!`](crate::struct_layout) implement this trait.
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

/// Proves at compile time that a vtable has exactly these methods, in this order.
///
/// Write the name of the struct, its base, and its methods in their documented order. The base is
/// the first field, written with its type. The layout of that type must be proven, too. The struct
/// then implements [the trait `Described`](crate::abi::layout::Described). Without a base, the list
/// starts at slot 0. Use that form if the base is a type of another crate, and list the methods of
/// the base as well.
///
/// It does not compile if
///
/// - a method is missing from the list, or the list has one too many;
/// - a method is not in the slot that its place in the list gives it, or is not as wide as a
///   pointer;
/// - the base has a different type or is not the first field;
/// - the struct has a different size or alignment than its slots.
///
/// The macro cannot check the list against the documentation, nor the arguments and the calling
/// convention of a method. The convention must be `extern "system"`.
///
/// ```
/// use mapisync::HRESULT;
/// use mapisync::abi::layout::Described;
/// use mapisync::abi::{IUnknown, IUnknownVtbl};
///
/// type Get = unsafe extern "system" fn(this: *mut IUnknown, value: *mut u32) -> HRESULT;
///
/// #[repr(C)]
/// struct IMAPIProgressVtbl {
///     base: IUnknownVtbl,
///     Progress: unsafe extern "system" fn(*mut IUnknown, value: u32, count: u32, total: u32) -> HRESULT,
///     GetFlags: Get,
///     GetMax: Get,
///     GetMin: Get,
///     SetLimits: unsafe extern "system" fn(*mut IUnknown, *mut u32, *mut u32, *mut u32) -> HRESULT,
/// }
///
/// mapisync::vtable_layout! {
///     IMAPIProgressVtbl { base: IUnknownVtbl, Progress, GetFlags, GetMax, GetMin, SetLimits }
/// }
/// assert_eq!(IMAPIProgressVtbl::LAYOUT.field("SetLimits").unwrap().slot, Some(7));
/// ```
///
/// This does not compile, because two methods are in the wrong order:
///
/// ```compile_fail
/// # use mapisync::HRESULT;
/// # use mapisync::abi::{IUnknown, IUnknownVtbl};
/// # #[repr(C)]
/// # struct IAdviceVtbl {
/// #     base: IUnknownVtbl,
/// #     Unadvise: unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT,
/// #     Advise: unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT,
/// # }
/// mapisync::vtable_layout! { IAdviceVtbl { base: IUnknownVtbl, Advise, Unadvise } }
/// ```
#[macro_export]
macro_rules! vtable_layout {
    ($vtable:path { $base:ident: $base_type:ty $(, $method:ident)* $(,)? }) => {
        $crate::vtable_layout_proof!(
            $vtable,
            <$base_type as $crate::abi::layout::Described>::LAYOUT.fields,
            { $base: $base_type } $($method)*
        );
    };
    ($vtable:path { $($method:ident),+ $(,)? }) => {
        $crate::vtable_layout_proof!($vtable, &[], {} $($method)*);
    };
}

/// The proof of [`vtable_layout!`](crate::vtable_layout). It is not part of the public API.
#[doc(hidden)]
#[macro_export]
macro_rules! vtable_layout_proof {
    ($vtable:path, $inherited:expr, { $($base:ident: $base_type:ty)? } $($method:ident)*) => {
        const _: () = {
            // These names cannot collide with names in the user's types.
            use $crate::abi::layout::private as mapisync_;
            const MAPISYNC_INHERITED_: &[mapisync_::Field<'static>] = $inherited;
            const MAPISYNC_METHODS_: &[&str] = &[$(mapisync_::plain(mapisync_::stringify!($method))),*];
            const MAPISYNC_SLOTS_: usize = MAPISYNC_INHERITED_.len() + MAPISYNC_METHODS_.len();
            const MAPISYNC_FIELDS_: [mapisync_::Field<'static>; MAPISYNC_SLOTS_] =
                mapisync_::slots(MAPISYNC_INHERITED_, MAPISYNC_METHODS_);

            // This compiles only if the list has every field exactly once.
            fn _every_method_is_listed() -> $vtable {
                $vtable { $($base: mapisync_::any(),)? $($method: mapisync_::any(),)* }
            }

            let pointer = mapisync_::size_of::<usize>();
            $(
                fn _base_is_of_its_type(vtable: &$vtable) -> *const $base_type {
                    &raw const vtable.$base
                }
                mapisync_::assert!(
                    mapisync_::are_slots(MAPISYNC_INHERITED_)
                        && mapisync_::size_of::<$base_type>() == MAPISYNC_INHERITED_.len() * pointer,
                    "{}", mapisync_::concat!(mapisync_::stringify!($base_type), " is not a vtable")
                );
                mapisync_::assert!(
                    mapisync_::offset_of!($vtable, $base) == 0,
                    "{}", mapisync_::concat!(
                        mapisync_::stringify!($vtable), ".", mapisync_::stringify!($base), " is not first"
                    )
                );
            )?
            let slot = MAPISYNC_INHERITED_.len();
            $(
                mapisync_::assert!(
                    mapisync_::part_size(|vtable: &$vtable| &raw const vtable.$method) == pointer,
                    "{}", mapisync_::concat!(
                        mapisync_::stringify!($vtable), ".", mapisync_::stringify!($method), " is not as wide as a slot"
                    )
                );
                mapisync_::assert!(
                    mapisync_::offset_of!($vtable, $method) == slot * pointer,
                    "{}", mapisync_::concat!(
                        mapisync_::stringify!($vtable), ".", mapisync_::stringify!($method),
                        " is not in the slot that its place in the list gives it"
                    )
                );
                let slot = slot + 1;
            )*
            mapisync_::assert!(
                mapisync_::size_of::<$vtable>() == slot * pointer && mapisync_::align_of::<$vtable>() == pointer,
                "{}", mapisync_::concat!(
                    mapisync_::stringify!($vtable), " has more than the slots of its list, or another alignment"
                )
            );

            impl mapisync_::Described for $vtable {
                const LAYOUT: mapisync_::Layout<'static> = mapisync_::Layout {
                    name: mapisync_::plain(mapisync_::stringify!($vtable)),
                    size: mapisync_::size_of::<$vtable>(),
                    align: mapisync_::align_of::<$vtable>(),
                    fields: &MAPISYNC_FIELDS_,
                };
            }
        };
    };
}

/// Proves at compile time that a struct has exactly these fields, of these types, in this order, at
/// the offsets that C gives them.
///
/// Write the name of the struct and its documented fields. The struct then implements
/// [the trait `Described`](crate::abi::layout::Described).
///
/// It does not compile if
///
/// - a field is missing from the list, or the list has one too many;
/// - a field has a different type;
/// - a field is not where C's natural packing puts it: at the next multiple of its alignment;
/// - the size or alignment is not that of natural packing, which rounds the size up to the largest
///   alignment.
///
/// Do not use it for a union: a list of some of its fields would compile.
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
/// This does not compile, because a field is wider than documented:
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
            // These names cannot collide with names in the user's types.
            use $crate::abi::layout::private as mapisync_;
            const MAPISYNC_NAMES_: &[&str] = &[$(mapisync_::plain(mapisync_::stringify!($field))),+];
            const MAPISYNC_PARTS_: [(usize, usize); MAPISYNC_NAMES_.len()] = [$((
                // The closure compiles only if the field has this type.
                mapisync_::part_size::<$struct, $type>(|value| &raw const value.$field),
                mapisync_::align_of::<$type>(),
            )),+];
            const MAPISYNC_FIELDS_: [mapisync_::Field<'static>; MAPISYNC_NAMES_.len()] =
                mapisync_::natural(MAPISYNC_NAMES_, MAPISYNC_PARTS_);

            // This compiles only if the list has every field exactly once.
            fn _every_field_is_listed() -> $struct {
                $struct { $($field: mapisync_::any(),)+ }
            }

            let index = 0;
            $(
                mapisync_::assert!(
                    mapisync_::offset_of!($struct, $field) == MAPISYNC_FIELDS_[index].offset,
                    "{}", mapisync_::concat!(
                        mapisync_::stringify!($struct), ".", mapisync_::stringify!($field),
                        " is not at the offset that its place in the list gives it"
                    )
                );
                let index = index + 1;
            )+
            let (size, align) = mapisync_::extent(MAPISYNC_PARTS_);
            mapisync_::assert!(
                index == MAPISYNC_NAMES_.len()
                    && mapisync_::size_of::<$struct>() == size
                    && mapisync_::align_of::<$struct>() == align,
                "{}", mapisync_::concat!(
                    mapisync_::stringify!($struct), " has more than the fields of its list, or another alignment"
                )
            );

            impl mapisync_::Described for $struct {
                const LAYOUT: mapisync_::Layout<'static> = mapisync_::Layout {
                    name: mapisync_::plain(mapisync_::stringify!($struct)),
                    size: mapisync_::size_of::<$struct>(),
                    align: mapisync_::align_of::<$struct>(),
                    fields: &MAPISYNC_FIELDS_,
                };
            }
        };
    };
}
