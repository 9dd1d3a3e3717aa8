//! `PlainArgument`: the types that safe code may pass to a method of any object.

use crate::abi::{GUID, HRESULT, SyncFlags};

/// A type that safe code may pass to a method: an integer, an [`HRESULT`], a [`GUID`], or a type of
/// yours that consists of them.
///
/// The arguments of a plain `fn` of [`com_interface!`](crate::com_interface) must have such a type.
/// If an argument is a pointer, even behind an alias, the method must be an `unsafe fn`, because a
/// method may use the memory behind it.
///
/// ```
/// use mapisync::PlainArgument;
///
/// /// The flags of `IMAPIProp::SaveChanges`.
/// #[repr(transparent)]
/// #[derive(Clone, Copy)]
/// pub struct SaveFlags(pub u32);
///
/// // SAFETY: it is an integer, whose values are only flags.
/// unsafe impl PlainArgument for SaveFlags {}
/// ```
///
/// # Safety
///
/// - Every bit pattern of the type must be a value of it. A caller in another language may pass any.
/// - The type must not be a pointer or contain one. It must not be a handle whose use can damage
///   memory or violate another owner's rights.
#[diagnostic::on_unimplemented(
    message = "a plain `fn` of an interface cannot take a `{Self}`",
    label = "not a `PlainArgument`",
    note = "declare the method as `unsafe fn`: its caller must pass a valid `{Self}`",
    note = "or implement `PlainArgument`, if it is a type of yours that consists of integers"
)]
pub unsafe trait PlainArgument: Copy + 'static {}

macro_rules! plain {
    ($($type:ty)+) => {$(
        // SAFETY: the type consists of integers, in which every bit pattern is a value. It is
        // neither a pointer nor a handle.
        unsafe impl PlainArgument for $type {}
    )+};
}

plain! { u8 i8 u16 i16 u32 i32 u64 i64 usize isize HRESULT GUID SyncFlags }
