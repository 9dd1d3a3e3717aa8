//! `ProgressValue`: the integers that a report accepts.

/// An integer that [`SyncJob::progress`](crate::SyncJob::progress) accepts as a position or as a
/// maximum. Every primitive integer is one, such as the `usize` of a length.
///
/// The host receives a `u32`. A larger value becomes `u32::MAX`, and a negative value becomes 0. To
/// scale larger values instead, use [`SyncJob::bar`](crate::SyncJob::bar).
///
/// A literal above `i32::MAX` needs a suffix, such as `0xFFFF_FFFF_u32`.
///
/// ```
/// # use mapisync::{Result, SyncJob};
/// fn receive(job: &SyncJob, mails: &[String], bytes: u64) -> Result<()> {
///     job.progress(Some("Receiving Inbox"), 0, mails.len())?;
///     job.progress(Some("Receiving an attachment"), 0, bytes)
/// }
/// ```
///
/// No other crate can implement this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a primitive integer, as a position or a maximum must be"
)]
pub trait ProgressValue: Copy + sealed::ToU32 {}

mod sealed {
    /// Converts an integer to the nearest `u32`.
    pub trait ToU32 {
        fn to_u32(self) -> u32;
    }
}

macro_rules! progress_values {
    ($($integer:ty),+) => {$(
        impl ProgressValue for $integer {}

        impl sealed::ToU32 for $integer {
            #[inline]
            fn to_u32(self) -> u32 {
                nearest(self)
            }
        }
    )+};
}

progress_values!(u8, u16, u32, u64, u128, usize);
// An integer literal whose type nothing else determines is an `i32`.
progress_values!(i8, i16, i32, i64, i128, isize);

#[inline]
fn nearest<T: Copy + Default + PartialOrd + TryInto<u32>>(value: T) -> u32 {
    let zero = T::default();
    value.try_into().unwrap_or(if value < zero { 0 } else { u32::MAX })
}
