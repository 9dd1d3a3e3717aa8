//! The event on Windows: a manual-reset event, which is signaled through a duplicate of its handle.
//!
//! The few functions of kernel32 are declared here, so that users of this crate need no other crate
//! for them. `raw-dylib` needs no import library. On x86 the imported names must be undecorated,
//! because kernel32 exports them that way.

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
    link(name = "kernel32", kind = "raw-dylib", import_name_type = "undecorated")
)]
#[cfg_attr(not(target_arch = "x86"), link(name = "kernel32", kind = "raw-dylib"))]
// SAFETY: the signatures are those of kernel32's documentation. The `safe` functions have a defined
// result for every number that a handle can be, keep no pointer, and write only to what they
// borrow.
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

impl AsRawHandle for DoneEvent {
    fn as_raw_handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

impl From<DoneEvent> for OwnedHandle {
    fn from(event: DoneEvent) -> OwnedHandle {
        event.0
    }
}

/// Signals the event when dropped.
pub(crate) struct Signal(OwnedHandle);

impl Drop for Signal {
    fn drop(&mut self) {
        SetEvent(self.0.as_handle());
    }
}

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    // SAFETY: according to the documentation, both pointers may be NULL, for no attributes and no
    // name. `HandleOrNull` requires NULL or an owned handle, which is what the function returns.
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
        // The timeout is rounded up, so that the wait is never shorter. One call can wait for 49
        // days, so a longer timeout takes several calls.
        let milliseconds = left.map_or(INFINITE, |left| {
            u32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(INFINITE).min(INFINITE - 1)
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
/// If `handle` is an open handle, the caller must own it and give up the ownership. `CloseHandle`
/// must be the right way to close it.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<OwnedHandle> {
    // Negative numbers are pseudo-handles: -1, which is also INVALID_HANDLE_VALUE, is the current
    // process, and -2 the current thread. They would pass the check below but have no owner.
    if (handle.addr() as isize) <= 0 {
        return None;
    }
    let mut flags = 0;
    if GetHandleInformation(handle, &mut flags) == 0 {
        return None;
    }
    // SAFETY: `from_raw_handle` requires an open handle that is owned and that `CloseHandle`
    // closes. `GetHandleInformation` has shown that it is open. The rest is this function's
    // contract.
    Some(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Returns the number of handles that this process has open. It tries every number that may be a
/// handle, because Wine's own counter always returns 0.
#[cfg(feature = "testing")]
pub(crate) fn open_handles() -> usize {
    let is_open = |number: &usize| {
        let mut flags = 0;
        GetHandleInformation(ptr::without_provenance_mut(*number), &mut flags) != 0
    };
    (4..0x4000).step_by(4).filter(is_open).count()
}

/// Returns a number that identifies the current thread. No other thread has it while this thread
/// runs or while its `JoinHandle` exists, which keeps the thread object.
///
/// `thread::current` would also distinguish threads. But it panics on a thread whose thread-locals
/// have been destroyed, and a destructor that runs there may drop or join a job.
pub(crate) fn thread_id() -> usize {
    GetCurrentThreadId() as usize
}

/// Keeps the module that contains this code loaded until the process ends.
///
/// A worker still runs code of the module after it has signaled the event. If the host unloaded the
/// module at that moment, the process would crash.
pub(crate) fn pin_module() -> io::Result<()> {
    let mut module = ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    // SAFETY: with FROM_ADDRESS, the second argument is an address within the module and not a
    // name. The address of a function in this module is one. `module` is valid for the write of the
    // result.
    let done = unsafe {
        GetModuleHandleExW(
            flags,
            pin_module as fn() -> io::Result<()> as *const c_void,
            &mut module,
        )
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
