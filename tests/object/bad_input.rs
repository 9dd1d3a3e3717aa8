//! Requests that a store of this crate refuses. The model of `tests/random_programs.rs` passes all
//! others: any size, address, flags, session, callback and string.

use crate::call;
use mapisync::HRESULT;
use mapisync::abi::MAPISIB;
use std::ptr;
use test_support::{garbage, request, store};

const SIZE: u32 = size_of::<MAPISIB>() as u32;

#[test]
fn a_request_that_cannot_be_answered_is_refused_without_a_call_of_the_store() {
    let sync = store(|_| panic!("the store is called"));
    let mut event_handle = garbage();
    let mut short = request(ptr::null_mut(), &mut event_handle);
    short.ulSize = SIZE - 1;
    let mut without_location = request(ptr::null_mut(), ptr::null_mut());
    for (psibpb, expected) in [
        (ptr::null_mut(), HRESULT::E_POINTER),
        (ptr::from_mut(&mut short), HRESULT::E_INVALIDARG),
        (ptr::from_mut(&mut without_location), HRESULT::E_INVALIDARG),
    ] {
        assert_eq!(call(&sync, psibpb), expected);
    }
    assert_eq!(event_handle, garbage(), "nothing is written");
}

/// `ulSize` occupies the last four bytes before unreadable memory.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot make memory unreadable")]
fn a_request_that_is_too_small_is_not_read_beyond_its_size() {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
    let page = rustix::param::page_size();
    let sync = store(|_| panic!("the store is called"));
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the mapping is new. Its second page becomes unreadable, and the test accesses only
    // the first. Both pages are unmapped after the last access.
    unsafe {
        let memory = mmap_anonymous(ptr::null_mut(), 2 * page, access, MapFlags::PRIVATE).unwrap();
        mprotect(memory.byte_add(page), page, MprotectFlags::empty()).unwrap();
        let edge = memory.byte_add(page - size_of::<u32>()).cast::<u32>();
        for size in [0, 4, SIZE - 1] {
            edge.write(size);
            assert_eq!(call(&sync, edge.cast()), HRESULT::E_INVALIDARG);
        }
        munmap(memory, 2 * page).unwrap();
    }
}
