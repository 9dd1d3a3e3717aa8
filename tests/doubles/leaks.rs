//! No script leaves an allocation or a handle behind.

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
use crate::{LONG, run_without_callback};
use crate::{alone, start};
use mapisync::HRESULT;
use mapisync::testing::ScriptedProvider;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
use std::{thread, time::Duration};

/// Every script whose call returns.
pub fn scripts() -> Vec<ScriptedProvider> {
    let new = || ScriptedProvider::new().step("Receiving", 0, 1);
    vec![
        new(),
        new().fail(HRESULT::E_FAIL, "message"),
        new().refuse(HRESULT::S_FALSE),
        new().done_twice(),
        new().never_done(),
        new().null_event(),
        new().never_signaled(),
        new().never_signaled().done_twice(),
        new().never_signaled().never_done(),
        new().null_event().never_done(),
    ]
}

/// Counts the allocations of each thread that are alive.
struct Counting;

thread_local!(static ALIVE: Cell<isize> = const { Cell::new(0) });

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALIVE.with(|alive| alive.set(alive.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.with(|alive| alive.set(alive.get() - 1));
        // SAFETY: the caller keeps the contract of `dealloc`, which is the system's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations that `code` leaves alive, on this thread.
pub fn left(code: impl FnOnce()) -> isize {
    let before = ALIVE.get();
    code();
    ALIVE.get() - before
}

#[test]
fn no_script_leaves_an_allocation() {
    let _alone = alone();
    for n in 0..scripts().len() {
        // With an early Done everything happens on this thread.
        let one = || {
            let (store, dialog) = (scripts().swap_remove(n).done_early(), Arc::default());
            drop(start(&store, &dialog));
        };
        one(); // the first run of a thread allocates for good
        assert_eq!(left(one), 0, "{:?}", scripts()[n]);
    }
}

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
#[test]
fn no_script_leaves_a_handle_open() {
    let _alone = alone();
    let all = || {
        for store in scripts() {
            let dialog = Arc::default();
            let _run = start(&store, &dialog);
            assert!(store.wait_ended(LONG));
            drop(run_without_callback(&store));
        }
    };
    all(); // the first runs open handles that are kept
    let before = settled_handles();
    for _ in 0..20 {
        all();
    }
    assert_eq!(settled_handles(), before);
}

/// The number of open handles, after threads that are ending have ended.
#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
fn settled_handles() -> usize {
    let count = |_| {
        thread::sleep(Duration::from_millis(2));
        open_handles()
    };
    (0..20).map(count).min().unwrap()
}

#[cfg(all(target_os = "linux", not(miri)))]
fn open_handles() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Asks for each number that may be a handle, because Wine does not count them.
#[cfg(all(windows, not(miri)))]
fn open_handles() -> usize {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetHandleInformation(handle: mapisync::abi::HANDLE, flags: *mut u32) -> i32;
    }
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the function is documented to fail for a number that is no handle.
        unsafe { GetHandleInformation(std::ptr::without_provenance_mut(*number), &mut flags) != 0 }
    };
    (4..0x2000).step_by(4).filter(is_open).count()
}
