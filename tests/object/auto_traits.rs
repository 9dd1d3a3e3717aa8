//! A table of the auto traits: which types may leave their thread. It holds if this compiles.

#![allow(dead_code)] // the table names types that no code creates

use crate::com_interface::{ICounter, INamedCounter, IStepCounter};
use mapisync::abi::{IMAPISession, IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::{
    CancelHandle, Canceled, Class, ComObject, ComPtr, ComRef, DoneEvent, Error, GUID, HRESULT,
    InnerObject, JobHandle, MapiSync, MapiSyncProgressCallback, ProgressBar, Result, RunFuture,
    SyncFlags, SyncHost, SyncJob, SyncRequest, SyncRun, Track,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, const_assert_eq};
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A payload that is not `Clone`, `UnwindSafe` or `RefUnwindSafe`.
struct Payload(Box<dyn Fn() + Send + Sync>);

impl Class for Payload {
    type Interfaces = (IUnknown,);
}

// Pointers: free-threaded interfaces only. A user's interface is one if it says so.
assert_impl_all!(ComPtr<IMAPISync>: Send, Sync, Clone, Debug);
assert_impl_all!(ComPtr<IMAPISyncProgressCallback>: Send, Sync);
assert_impl_all!(ComPtr<IMAPISession>: Send, Sync);
assert_not_impl_any!(ComPtr<IUnknown>: Send, Sync);
assert_impl_all!(ComRef<'static, IMAPISync>: Send, Sync, Clone, Copy, Debug);
assert_not_impl_any!(ComRef<'static, IUnknown>: Send, Sync);
assert_not_impl_any!(ComRef<'static, ICounter>: Send, Sync);
assert_impl_all!(ComPtr<IStepCounter>: Send, Sync);
assert_not_impl_any!(ComPtr<ICounter>: Send, Sync);
assert_not_impl_any!(ComPtr<INamedCounter>: Send, Sync);

// The C structs hold raw pointers, so they are neither `Send` nor `Sync`. The interfaces are not
// `Clone`.
assert_not_impl_any!(IUnknown: Send, Sync, Clone);
assert_not_impl_any!(IMAPISync: Send, Sync, Clone);
assert_not_impl_any!(IMAPISyncProgressCallback: Send, Sync, Clone);
assert_not_impl_any!(MAPISIB: Send, Sync);

// Objects: `Class` requires `Send + Sync` payloads.
assert_impl_all!(InnerObject<Payload>: Send, Sync);
assert_impl_all!(ComObject<Payload>: Send, Sync, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ComPtr<IMAPISync>: UnwindSafe, RefUnwindSafe);

// A request belongs to one call on one thread. A job may move to any thread.
assert_not_impl_any!(SyncRequest<'static>: Send, Sync, Clone);
assert_impl_all!(SyncJob: Send, Sync, Debug);
assert_not_impl_any!(SyncJob: Clone);
assert_impl_all!(ProgressBar<'static>: Send, Sync, Debug);
assert_impl_all!(Track<'static, std::ops::Range<u32>>: Send, Sync, Debug, std::iter::FusedIterator);
assert_impl_all!(JobHandle: Send, Sync, Debug);
assert_impl_all!(CancelHandle: Send, Sync, Clone, Debug);
assert_impl_all!(SyncHost: Send, Sync, Debug);
assert_impl_all!(SyncRun: Send, Sync, Debug);
assert_impl_all!(RunFuture: Send, Sync, Unpin, Debug, Future<Output = Result<HRESULT>>);
assert_impl_all!(Canceled: Send, Sync, Unpin, Debug, Future<Output = Error>);
assert_impl_all!(DoneEvent: Send, Sync, Debug);
assert_impl_all!(Error: Send, Sync, std::error::Error);

// Any thread may call an implementation of the traits.
assert_impl_all!(dyn MapiSync: Send, Sync);
assert_impl_all!(dyn MapiSyncProgressCallback: Send, Sync);

// Values.
assert_impl_all!(GUID: Send, Sync, Copy, Eq, Ord, Hash, Default, std::str::FromStr);
assert_impl_all!(HRESULT: Send, Sync, Copy, Eq, Ord, Hash, std::fmt::LowerHex, std::fmt::UpperHex);
assert_impl_all!(SyncFlags: Send, Sync, Copy, Eq, Hash, Debug);

// The representation in C.
const POINTER: usize = size_of::<*mut IMAPISync>();
const_assert_eq!(size_of::<ComPtr<IMAPISync>>(), POINTER);
const_assert_eq!(size_of::<Option<ComPtr<IMAPISync>>>(), POINTER);
const_assert_eq!(size_of::<Option<ComRef<'static, IMAPISync>>>(), POINTER);
