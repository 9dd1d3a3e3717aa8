//! Invalid and unusual arguments: how stores and callbacks of this crate treat careless, old, newer
//! and hostile callers.

use crate::{call, synchronize, synchronize_alone};
use mapisync::abi::{HANDLE, IMAPISync, MAPISIB};
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{ComPtr, DoneEvent, HRESULT, SyncFlags};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use test_support::{TIMEOUT, bare_object, event, garbage, outlook, request, store};

const SIZE: u32 = size_of::<MAPISIB>() as u32;

/// Creates a store that counts its calls and does nothing else.
fn idle() -> (ComPtr<IMAPISync>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let sync = store(move |_| {
        counted.fetch_add(1, SeqCst);
        Ok(())
    });
    (sync, calls)
}

/// Waits for the event of a run without a callback.
fn wait(event_handle: HANDLE) {
    // SAFETY: without a callback, the caller owns the handle.
    let event: DoneEvent = unsafe { event(event_handle) }.unwrap();
    event.wait(Some(TIMEOUT)).unwrap();
}

#[test]
fn a_null_request_is_e_pointer() {
    let (sync, calls) = idle();
    assert_eq!(call(&sync, ptr::null_mut()), HRESULT::E_POINTER);
    assert_eq!(calls.load(SeqCst), 0);
}

#[test]
fn only_a_request_that_is_large_enough_is_accepted() {
    let (sync, calls) = idle();
    for size in (0..=SIZE + 1).chain([SIZE + 4, 4096, u32::MAX]) {
        let before = calls.load(SeqCst);
        let mut event_handle = garbage();
        let mut request = request(ptr::null_mut(), &mut event_handle);
        request.ulSize = size;
        let (code, called) = (call(&sync, &mut request), calls.load(SeqCst) - before);
        if size < SIZE {
            let unchanged = (HRESULT::E_INVALIDARG, 0, garbage());
            assert_eq!((code, called, event_handle), unchanged, "ulSize {size}");
        } else {
            assert_eq!((code, called), (HRESULT::S_OK, 1), "ulSize {size}");
            wait(event_handle);
        }
    }
}

/// `ulSize` occupies the last four bytes before unreadable memory.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot make memory unreadable")]
fn a_request_that_is_too_small_is_not_read_beyond_its_size() {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
    let page = rustix::param::page_size();
    let (sync, _) = idle();
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

#[test]
fn a_null_event_handle_location_is_e_invalidarg() {
    let (sync, calls) = idle();
    // SAFETY: the store is one of this crate.
    let outlook = unsafe { outlook().without_event_location() };
    let outcome = outlook.run(&sync);
    outcome.assert_refused(HRESULT::E_INVALIDARG).assert_no_leaks();
    assert_eq!((calls.load(SeqCst), outcome.calls().len()), (0, 0));
}

#[test]
fn without_a_callback_reports_are_discarded_and_the_event_is_signaled() {
    let (sender, canceled) = mpsc::channel();
    let sync = store(move |request| {
        assert!(request.callback().is_none());
        let sender = sender.clone();
        request.spawn(move |job| {
            job.progress(Some("discarded"), 1, 2)?;
            job.position(2, 2)?;
            job.error(HRESULT::MAPI_E_NOT_FOUND, "discarded");
            assert!(format!("{job:?}").contains("callback: None"));
            sender.send(job.is_canceled()).unwrap();
            Ok(())
        })
    });
    outlook().without_callback().run(&sync).assert_ok();
    assert_eq!(canceled.try_recv(), Ok(false), "the worker reached its end");
}

#[test]
fn every_way_to_start_fails_if_the_callback_lacks_the_interface() {
    type Method = fn(mapisync::SyncRequest<'_>) -> mapisync::Result<()>;
    let ways: [(&str, Method); 4] = [
        ("start", |request| request.start().map(drop)),
        ("spawn", |request| request.spawn(|job| job.position(0, 0))),
        ("spawn_with_handle", |request| request.spawn_with_handle(|_| Ok(())).map(drop)),
        ("a method that starts nothing", |_| Ok(())),
    ];
    for (name, method) in ways {
        let callback = bare_object();
        let (code, event_handle) = synchronize(&store(method), Some(&callback));
        let refused = (HRESULT::E_NOINTERFACE, ptr::null_mut());
        assert_eq!((code, event_handle), refused, "{name}");
        assert_eq!(reference_count(&callback), 1, "{name}");
    }
}

#[test]
fn the_session_is_borrowed_or_none_and_all_flags_pass() {
    for bits in [0, 0x0000_0082, 0x2200_02C3, 0x8000_0004, u32::MAX] {
        let flags = SyncFlags::from_bits_retain(bits);
        let sync = store(move |request| {
            assert!(request.session().is_none());
            assert_eq!(request.flags(), flags);
            Ok(())
        });
        outlook().flags(flags).without_callback().run(&sync).assert_ok();
    }
    let session = bare_object();
    let address = session.as_raw().addr();
    let sync = store(move |request| {
        let session = request.session().unwrap();
        assert_eq!(session.as_raw().addr(), address);
        let kept = session.to_ptr();
        request.spawn(move |_| {
            drop(kept); // on the worker's thread
            Ok(())
        })
    });
    let mut event_handle = garbage();
    let mut request = request(ptr::null_mut(), &mut event_handle);
    request.psesSync = session.as_raw().cast();
    assert_eq!(call(&sync, &mut request), HRESULT::S_OK);
    wait(event_handle);
    assert_eq!(reference_count(&session), 1);
}

#[test]
fn strings_may_be_null_have_unpaired_surrogates_or_lie_at_odd_addresses() {
    const UNITS: [u16; 7] = [b'<' as u16, 0xDC00, 0xD83D, 0xDE00, 0xD800, b'>' as u16, 0];
    let readable = Some("<\u{FFFD}😀\u{FFFD}>".to_string());
    // The array has one additional unit, so that the string fits at an odd address.
    let mut memory = [0_u16; UNITS.len() + 1];
    let even = memory.as_mut_ptr();
    for (string, expected) in
        [(ptr::null_mut(), None), (even, readable.clone()), (even.wrapping_byte_add(1), readable)]
    {
        let recorder = Recorder::new();
        let callback = recorder.object();
        // SAFETY: the callback is alive. The string is NULL, or lies within the array and ends with
        // a NUL.
        let codes = unsafe {
            if !string.is_null() {
                string.cast::<[u16; UNITS.len()]>().write_unaligned(UNITS);
            }
            let (vtbl, this) = (&*callback.vtbl(), callback.as_raw());
            [(vtbl.Progress)(this, string, 1, 2), (vtbl.Error)(this, HRESULT::E_FAIL, string)]
        };
        assert_eq!(codes, [HRESULT::S_OK; 2]);
        let calls =
            [Call::Progress(expected.clone(), 1, 2), Call::Error(HRESULT::E_FAIL, expected)];
        assert_eq!(recorder.calls(), calls);
    }
}

#[test]
fn the_request_and_the_event_handle_location_may_have_odd_addresses() {
    let recorder = Recorder::new();
    let sync = store(|request| {
        assert_eq!(request.flags(), SyncFlags::DOWNLOAD_CONTENTS);
        request.start()?.finish(Ok(HRESULT::S_FALSE));
        Ok(())
    });
    let shifts = align_of::<MAPISIB>();
    for shift in 0..shifts {
        let callback = recorder.object();
        let (mut handle_bytes, mut request_bytes) = ([0xA5_u8; 24], [0_u8; 64]);
        let location = handle_bytes.as_mut_ptr().wrapping_add(shift).cast::<HANDLE>();
        let psibpb = request_bytes.as_mut_ptr().wrapping_add(shift).cast::<MAPISIB>();
        // SAFETY: both pointers lie within the arrays with enough room, and every access is
        // unaligned.
        let handle = unsafe {
            psibpb.write_unaligned(request(callback.as_raw().cast(), location));
            assert_eq!(call(&sync, psibpb), HRESULT::S_OK);
            location.read_unaligned()
        };
        assert!(!handle.is_null() && handle.addr() != usize::MAX);
        assert_eq!(handle_bytes[shift + size_of::<usize>()], 0xA5, "the next byte");
        assert_eq!(reference_count(&callback), 1);
    }
    let calls = recorder.calls();
    assert_eq!(calls, vec![Call::done(HRESULT::S_FALSE); shifts]);
    assert!(calls.iter().all(|call| call.has_event()));
}

#[test]
fn the_event_handle_is_null_if_no_run_was_started() {
    let sync = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
    let refused = (HRESULT::MAPI_E_BUSY, ptr::null_mut());
    let recorder = Recorder::new();
    let callback = recorder.object();
    assert_eq!(synchronize(&sync, Some(&callback)), refused);
    assert_eq!((recorder.calls().len(), reference_count(&callback)), (0, 1));
    assert_eq!(synchronize_alone(&sync), refused);
}
