//! A manual-reset event, signalled through a duplicate of its handle.
//!
//! The few functions needed are declared here rather than taken from a crate, so that no user of this crate gets one
//! along. `raw-dylib` needs no import library; on x86 the names must be looked up undecorated, as kernel32 exports them.

use super::{DoneEvent, Waited, left};
use crate::abi::HANDLE;
use core::ffi::c_void;
use core::ptr;
use std::io;
use std::os::windows::io::{
    AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, IntoRawHandle, OwnedHandle,
};
use std::time::{Duration, Instant};

const WAIT_OBJECT_0: u32 = 0;
const WAIT_TIMEOUT: u32 = 258;
const INFINITE: u32 = u32::MAX;
const GET_MODULE_HANDLE_EX_FLAG_PIN: u32 = 1;
const GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS: u32 = 4;

#[cfg_attr(
    target_arch = "x86",
    link(
        name = "kernel32",
        kind = "raw-dylib",
        import_name_type = "undecorated"
    )
)]
#[cfg_attr(not(target_arch = "x86"), link(name = "kernel32", kind = "raw-dylib"))]
unsafe extern "system" {
    fn CreateEventW(
        attributes: *const c_void,
        manual: i32,
        initial: i32,
        name: *const u16,
    ) -> HANDLE;
    fn SetEvent(event: HANDLE) -> i32;
    fn WaitForSingleObject(handle: HANDLE, milliseconds: u32) -> u32;
    fn GetHandleInformation(handle: HANDLE, flags: *mut u32) -> i32;
    fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut HANDLE) -> i32;
}

pub(super) type Owned = OwnedHandle;

impl AsHandle for DoneEvent {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.0.as_handle()
    }
}

/// What makes the event occur, by being dropped.
pub(crate) struct Signal(OwnedHandle);

impl Drop for Signal {
    fn drop(&mut self) {
        // SAFETY: the handle is this signal's own and open; it stays so until after this call.
        unsafe { SetEvent(self.0.as_raw_handle()) };
    }
}

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    // SAFETY: no attributes and no name, which the documentation allows.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new handle that nobody else knows.
    let theirs = unsafe { OwnedHandle::from_raw_handle(event) };
    let ours = theirs.try_clone()?;
    Ok((theirs, Signal(ours)))
}

pub(super) fn duplicate(handle: &OwnedHandle) -> io::Result<OwnedHandle> {
    handle.try_clone()
}

pub(super) fn wait(handle: &OwnedHandle, timeout: Option<Duration>) -> Waited {
    let started = Instant::now();
    loop {
        let left = left(timeout, started);
        // Rounded up, so that the wait is never shorter than asked for. A time longer than one call can express, 49
        // days, is waited for in pieces.
        let milliseconds = left.map_or(INFINITE, |left| {
            u32::try_from(left.as_nanos().div_ceil(1_000_000))
                .unwrap_or(INFINITE)
                .min(INFINITE - 1)
        });
        // SAFETY: the handle is open, and stays so while it is borrowed.
        match unsafe { WaitForSingleObject(handle.as_raw_handle(), milliseconds) } {
            WAIT_OBJECT_0 => return Ok(true),
            WAIT_TIMEOUT if left.is_some_and(|left| left.is_zero()) => return Ok(false),
            WAIT_TIMEOUT => {}
            _ => return Err(io::Error::last_os_error()),
        }
    }
}

pub(super) fn as_raw(handle: &OwnedHandle) -> HANDLE {
    handle.as_raw_handle()
}

pub(super) fn into_raw(handle: OwnedHandle) -> HANDLE {
    handle.into_raw_handle()
}

/// # Safety
///
/// If `handle` is an open handle, the caller owns it and gives it up.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<OwnedHandle> {
    // Negative numbers are pseudo-handles, -1 (INVALID_HANDLE_VALUE as well) for the process and -2 for the thread. They
    // would pass the check below, and nobody owns them.
    if (handle.addr() as isize) <= 0 {
        return None;
    }
    let mut flags = 0;
    // SAFETY: the call is documented to fail for what is no handle, and writes to `flags` alone.
    if unsafe { GetHandleInformation(handle, &mut flags) } == 0 {
        return None;
    }
    // SAFETY: it is open, and the caller gives it up.
    Some(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Keeps the module that this code was linked into loaded for the rest of the process.
///
/// A worker goes on running the library's code after it has signalled; a host that unloads the library at the event
/// would take the ground from under it.
pub(crate) fn pin_module() -> io::Result<()> {
    let mut module = ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    // SAFETY: the address of a function of this module, and a place for the result.
    let done = unsafe {
        GetModuleHandleExW(
            flags,
            pin_module as fn() -> io::Result<()> as *const c_void,
            &mut module,
        )
    };
    if done == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
