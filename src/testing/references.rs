//! The references that a run owns, and the counts of their objects before and after it.

use super::{Counts, reference_count};
use crate::abi::IMAPISyncProgressCallback;
use crate::object::{ComPtr, Interface};
use alloc::vec::Vec;
use core::mem;

/// A reference to an object of the test, and the count before the run.
pub(super) struct Counted<I: Interface> {
    pub(super) pointer: ComPtr<I>,
    before: u32,
}

impl<I: Interface> Counted<I> {
    pub(super) fn new(pointer: &ComPtr<I>) -> Counted<I> {
        Counted {
            before: reference_count(pointer),
            pointer: pointer.clone(),
        }
    }

    /// The counts, without the reference that is owned here.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            before: self.before,
            after: reference_count(&self.pointer).saturating_sub(1),
        }
    }
}

/// The references to the callback object: Outlook's, and spare ones. They keep the object alive if a
/// store releases too many, so that the run can report it.
pub(super) struct CallbackReferences(Vec<ComPtr<IMAPISyncProgressCallback>>);

impl CallbackReferences {
    const ALL: u32 = 8;

    pub(super) fn new(callback: ComPtr<IMAPISyncProgressCallback>) -> CallbackReferences {
        CallbackReferences(
            (0..CallbackReferences::ALL)
                .map(|_| callback.clone())
                .collect(),
        )
    }

    pub(super) fn pointer(&self) -> &ComPtr<IMAPISyncProgressCallback> {
        &self.0[0]
    }

    /// The counts, without the spare references.
    pub(super) fn counts(&self) -> Counts {
        let spare = CallbackReferences::ALL - 1;
        Counts {
            before: 1,
            after: reference_count(self.pointer()).saturating_sub(spare),
        }
    }
}

impl Drop for CallbackReferences {
    fn drop(&mut self) {
        // The store has released these references, so they must not be released again.
        let missing = CallbackReferences::ALL.saturating_sub(reference_count(self.pointer()));
        self.0.drain(..missing as usize).for_each(mem::forget);
    }
}
