//! The event under `loom`. A handle is an entry in a table, and the lowest free entry is used
//! first, as with descriptors. The model fails if a handle is closed twice, used after it is
//! closed, or never closed.

use super::Waited;
use crate::abi::HANDLE;
use crate::primitive::{Condvar, Mutex, MutexGuard};
use core::mem::ManuallyDrop;
use core::ptr;
use std::io;
use std::time::Duration;

loom::lazy_static! {
    static ref SYSTEM: System = System::default();
}

#[derive(Default)]
struct System {
    table: Mutex<Table>,
    signaled: Condvar,
}

#[derive(Default)]
struct Table {
    /// The event of each open handle. Handle n is entry n - 1, so that none is NULL.
    handles: Vec<Option<usize>>,
    /// Whether each event is signaled.
    events: Vec<bool>,
}

impl Table {
    fn open(&mut self, event: usize) -> Owned {
        let free = self.handles.iter().position(Option::is_none);
        let free = free.unwrap_or_else(|| {
            self.handles.push(None);
            self.handles.len() - 1
        });
        self.handles[free] = Some(event);
        Owned(free + 1)
    }

    fn event(&self, handle: &Owned) -> usize {
        self.handles[handle.0 - 1].expect("a closed handle is used")
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.handles.iter().all(Option::is_none), "a handle is still open");
        }
    }
}

fn table() -> MutexGuard<'static, Table> {
    SYSTEM.table.lock().unwrap()
}

#[derive(Debug)]
pub(super) struct Owned(usize);

impl Drop for Owned {
    fn drop(&mut self) {
        let closed = table().handles[self.0 - 1].take();
        assert!(closed.is_some(), "a handle is closed twice");
    }
}

/// Signals the event when dropped.
pub(crate) struct Signal(usize);

impl Drop for Signal {
    fn drop(&mut self) {
        table().events[self.0] = true;
        SYSTEM.signaled.notify_all();
    }
}

pub(super) fn pair() -> io::Result<(Owned, Signal)> {
    let mut table = table();
    table.events.push(false);
    let event = table.events.len() - 1;
    Ok((table.open(event), Signal(event)))
}

pub(super) fn duplicate(handle: &Owned) -> io::Result<Owned> {
    let mut table = table();
    let event = table.event(handle);
    Ok(table.open(event))
}

pub(super) fn wait(handle: &Owned, timeout: Option<Duration>) -> Waited {
    let table = table();
    let event = table.event(handle);
    let is_unsignaled = |table: &mut Table| !table.events[event];
    let waited =
        SYSTEM.signaled.wait_timeout_while(table, timeout.unwrap_or(Duration::MAX), is_unsignaled);
    Ok(waited.unwrap().0.events[event])
}

pub(super) fn as_raw(handle: &Owned) -> HANDLE {
    ptr::without_provenance_mut(handle.0)
}

pub(super) fn into_raw(handle: Owned) -> HANDLE {
    as_raw(&ManuallyDrop::new(handle))
}

/// # Safety
///
/// There are no requirements. The function is `unsafe` because those of the other platforms are.
pub(super) unsafe fn from_raw(handle: HANDLE) -> Option<Owned> {
    let index = handle.addr().checked_sub(1)?;
    table().handles.get(index).copied().flatten()?;
    Some(Owned(handle.addr()))
}

pub(crate) fn pin_module() -> io::Result<()> {
    Ok(())
}

/// Returns the same number on every thread of a model. Every drop of a job therefore counts as one
/// on the thread of the method. No model joins a job.
pub(crate) fn thread_id() -> usize {
    1
}
