//! The layout that the documentation states, asserted while the crate compiles.
//!
//! Nothing here exists at run time: a target on which one of these does not hold does not build.

use super::*;
use core::mem::{align_of, offset_of, size_of};

/// A pointer's size, and with it a vtable slot's.
#[allow(dead_code)] // used in constants only, which Rust 1.85 does not count
const P: usize = size_of::<usize>();

macro_rules! layout {
    ($type:ident, size $size:expr, align $align:expr $(, $field:ident at $offset:expr)+) => {
        const _: () = {
            assert!(size_of::<$type>() == $size, concat!(stringify!($type), ": the size differs"));
            assert!(align_of::<$type>() == $align, concat!(stringify!($type), ": the alignment differs"));
            $(assert!(
                offset_of!($type, $field) == $offset,
                concat!(stringify!($type), ".", stringify!($field), ": the offset differs")
            );)+
        };
    };
}

const _: () = assert!(
    P == 4 || P == 8,
    "MAPI is laid out for 32- and 64-bit pointers only"
);

#[cfg(target_pointer_width = "64")]
layout!(MAPISIB, size 32, align 8, ulSize at 0, ulFlags at 4, psesSync at 8, punkCallBack at 16, phSyncDoneEvent at 24);
#[cfg(target_pointer_width = "32")]
layout!(MAPISIB, size 20, align 4, ulSize at 0, ulFlags at 4, psesSync at 8, punkCallBack at 12, phSyncDoneEvent at 16);

layout!(GUID, size 16, align 4, Data1 at 0, Data2 at 4, Data3 at 6, Data4 at 8);
const _: () = assert!(size_of::<HRESULT>() == 4 && align_of::<HRESULT>() == 4);
const _: () = assert!(size_of::<SyncFlags>() == 4 && align_of::<SyncFlags>() == 4);
const _: () = assert!(size_of::<HANDLE>() == P && align_of::<HANDLE>() == P);

layout!(IUnknown, size P, align P, lpVtbl at 0);
layout!(IMAPISync, size P, align P, lpVtbl at 0);
layout!(IMAPISyncProgressCallback, size P, align P, lpVtbl at 0);
layout!(IMAPISession, size P, align P, lpVtbl at 0);

layout!(IUnknownVtbl, size 3 * P, align P, QueryInterface at 0, AddRef at P, Release at 2 * P);
layout!(IMAPISyncVtbl, size 4 * P, align P, base at 0, SynchronizeInBackground at 3 * P);
layout!(IMAPISyncProgressCallbackVtbl, size 6 * P, align P, base at 0, Progress at 3 * P, Error at 4 * P, Done at 5 * P);
layout!(IMAPISessionVtbl, size 3 * P, align P, base at 0);
