//! A library that exports the vtables of a store and a callback, so that `tests/stack.rs` can find
//! our thunks by their vtable slots.

use mapisync::ImplementedBy;
use mapisync::abi::{
    IMAPISync, IMAPISyncProgressCallback, IMAPISyncProgressCallbackVtbl, IMAPISyncVtbl,
};
use test_support::Both;

/// Slots 0 to 3.
#[unsafe(no_mangle)]
pub static IMAPISYNC_VTABLE: &IMAPISyncVtbl = <IMAPISync as ImplementedBy<Both, 1>>::VTABLE;

/// Slots 0 to 5.
#[unsafe(no_mangle)]
pub static IMAPISYNCPROGRESSCALLBACK_VTABLE: &IMAPISyncProgressCallbackVtbl =
    <IMAPISyncProgressCallback as ImplementedBy<Both, 0>>::VTABLE;
