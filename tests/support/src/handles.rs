//! The handles that this process has open.

#[cfg(windows)]
use std::ptr;
#[cfg(any(windows, target_os = "linux"))]
use std::{thread, time::Duration};

/// Returns the number of descriptors that this process has open, plus one for the listing itself.
#[cfg(target_os = "linux")]
pub fn open_handles() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Returns the number of handles that this process has open. It tries every number that may be a
/// handle, because Wine's own counter always returns 0.
#[cfg(windows)]
pub fn open_handles() -> usize {
    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetHandleInformation(handle: mapisync::abi::HANDLE, flags: *mut u32) -> i32;
    }
    let is_open = |number: &usize| {
        let mut flags = 0;
        // SAFETY: the documentation says that the call fails for an invalid handle.
        unsafe { GetHandleInformation(ptr::without_provenance_mut(*number), &mut flags) != 0 }
    };
    (4..0x2000).step_by(4).filter(is_open).count()
}

/// Returns the number of handles that stay open. A thread that has signaled its end still needs a
/// moment to close its handles.
#[cfg(any(windows, target_os = "linux"))]
pub fn remaining_handles() -> usize {
    let count = |_| {
        thread::sleep(Duration::from_millis(2));
        open_handles()
    };
    (0..10).map(count).min().unwrap()
}
