#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! tour

extern crate alloc;

pub mod abi;
#[cfg(feature = "std")]
mod calls;
mod error;
#[cfg(feature = "std")]
mod event;
#[cfg(feature = "std")]
mod host;
mod object;
#[cfg(feature = "std")]
mod provider;
#[cfg(feature = "std")]
mod text;

pub use abi::{GUID, HRESULT, SyncFlags};
pub use error::{Error, Result};
#[cfg(feature = "std")]
pub use event::DoneEvent;
#[cfg(feature = "std")]
pub use host::{MapiSyncProgressCallback, SyncHost, SyncRun};
pub use object::{
    Class, ComObject, ComPtr, ComRef, FreeThreaded, Implements, Interface, InterfaceList, Seat,
};
#[cfg(feature = "std")]
pub use provider::{JobHandle, MapiSync, SyncJob, SyncRequest};
#[cfg(feature = "std")]
pub use widestring::{U16CStr, U16CString};
