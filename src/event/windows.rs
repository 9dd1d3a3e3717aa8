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
    AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, HandleOrNull, IntoRawHandle, OwnedHandle,
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
// SAFETY: the signatures are those of kernel32's documentation. The `safe` ones have a defined answer for every number that a
// handle can be, keep nothing, and write to what they borrow alone.
unsafe extern "system" {
    fn CreateEventW(
        attributes: *const c_void,
        manual: i32,
        initial: i32,
        name: *const u16,
    ) -> HandleOrNull;
    safe fn SetEvent(event: BorrowedHandle<'_>) -> i32;
    safe fn WaitForSingleObject(handle: BorrowedHandle<'_>, milliseconds: u32) -> u32;
    safe fn GetCurrentThreadId() -> u32;
    safe fn GetHandleInformation(handle: HANDLE, flags: &mut u32) -> i32;
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
        SetEvent(self.0.as_handle());
    }
}

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    // SAFETY: no attributes and no name, which the documentation allows; what it returns is NULL or a new handle.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    let theirs = OwnedHandle::try_from(event).map_err(|_| io::Error::last_os_error())?;
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
        match WaitForSingleObject(handle.as_handle(), milliseconds) {
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
/// If `handle` is an open handle, the caller owns it and gives it up, and closing it takes no more than `CloseHandle`.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<OwnedHandle> {
    // Negative numbers are pseudo-handles, -1 (INVALID_HANDLE_VALUE as well) for the process and -2 for the thread. They
    // would pass the check below, and nobody owns them.
    if (handle.addr() as isize) <= 0 {
        return None;
    }
    let mut flags = 0;
    if GetHandleInformation(handle, &mut flags) == 0 {
        return None;
    }
    // SAFETY: it is open, the caller gives it up, and `CloseHandle` is all that it takes to close it, says the caller.
    Some(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// A number of the running thread. No other thread has it while this one runs, nor while its `JoinHandle` exists, which keeps the
/// thread object.
///
/// `thread::current` would tell threads apart, too, but it panics on a thread whose thread-locals are destroyed. Destructors
/// that run there may drop or join a job.
pub(crate) fn thread_id() -> usize {
    GetCurrentThreadId() as usize
}

/// Keeps the module that this code was linked into loaded for the rest of the process.
///
/// A worker goes on running the library's code after it has signalled; a host that unloads the library at the event
/// would take the ground from under it.
pub(crate) fn pin_module() -> io::Result<()> {
    let mut module = ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    // SAFETY: the address of a function of this module, which is not taken for a name with FROM_ADDRESS, and a place for
    // the result.
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
