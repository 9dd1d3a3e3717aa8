//! Invalid and unusual arguments: how stores of this crate treat careless, old, newer and hostile
//! callers.

use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::testing::{Call, Recorder, reference_count};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::ffi::c_void;
use std::mem;
use std::panic::panic_any;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use test_support::{
    TIMEOUT, bare_object, event, garbage, misbehaving_object, outlook, request, store,
};

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

/// Calls the store as Outlook does.
fn synchronize(sync: &ComPtr<IMAPISync>, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: every test passes NULL or memory that is readable for `ulSize` bytes, at least for
    // 4 and at most for those of `MAPISIB`. Its pointers are NULL or valid.
    unsafe { sync.synchronize_in_background(psibpb) }
}

#[test]
fn a_null_request_is_e_pointer() {
    let (sync, calls) = idle();
    assert_eq!(synchronize(&sync, ptr::null_mut()), HRESULT::E_POINTER);
    assert_eq!(calls.load(SeqCst), 0);
}

#[test]
fn a_request_that_is_too_small_fails_and_the_event_handle_stays_unchanged() {
    let (sync, calls) = idle();
    for size in 0..SIZE {
        let mut event_handle = garbage();
        let mut request = MAPISIB {
            ulSize: size,
            ..request(ptr::null_mut(), &mut event_handle)
        };
        assert_eq!(
            synchronize(&sync, &mut request),
            HRESULT::E_INVALIDARG,
            "ulSize {size}"
        );
        assert_eq!((event_handle, calls.load(SeqCst)), (garbage(), 0));
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
    // SAFETY: the mapping is new. Its second page becomes unreadable, and the test accesses only
    // the first. Both pages are unmapped after the last access.
    unsafe {
        let memory = mmap_anonymous(
            ptr::null_mut(),
            2 * page,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
        .unwrap();
        mprotect(memory.byte_add(page), page, MprotectFlags::empty()).unwrap();
        let edge = memory.byte_add(page - size_of::<u32>()).cast::<u32>();
        for size in [0, 4, SIZE - 1] {
            edge.write(size);
            assert_eq!(synchronize(&sync, edge.cast()), HRESULT::E_INVALIDARG);
        }
        munmap(memory, 2 * page).unwrap();
    }
}

#[test]
fn a_request_of_a_later_version_is_accepted() {
    let (sync, calls) = idle();
    for (n, size) in [SIZE, SIZE + 1, SIZE + 4, 4096, u32::MAX]
        .into_iter()
        .enumerate()
    {
        let mut event_handle = garbage();
        let mut request = MAPISIB {
            ulSize: size,
            ..request(ptr::null_mut(), &mut event_handle)
        };
        assert_eq!(synchronize(&sync, &mut request), HRESULT::S_OK);
        assert_eq!(calls.load(SeqCst), n + 1);
        event(event_handle).unwrap().wait(Some(TIMEOUT)).unwrap();
    }
}

#[test]
fn a_null_event_handle_location_is_e_invalidarg() {
    let (sync, calls) = idle();
    // SAFETY: the store is one of this crate.
    let outlook = unsafe { outlook().without_event_location() };
    let outcome = outlook.run(&sync);
    outcome
        .assert_refused(HRESULT::E_INVALIDARG)
        .assert_no_leaks();
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
        ("spawn_with_handle", |request| {
            request.spawn_with_handle(|_| Ok(())).map(drop)
        }),
        ("a method that starts nothing", |_| Ok(())),
    ];
    for (name, method) in ways {
        let (sync, callback) = (store(method), bare_object());
        let mut event_handle = garbage();
        let code = synchronize(&sync, &mut request(callback.as_raw(), &mut event_handle));
        assert_eq!(code, HRESULT::E_NOINTERFACE, "{name}");
        assert!(event_handle.is_null(), "{name}: the event handle is NULL");
        assert_eq!(
            reference_count(&callback),
            1,
            "{name}: the count is unchanged"
        );
    }
}

#[test]
fn the_start_fails_with_the_code_of_the_callbacks_query_interface() {
    for (code, out, expected) in [
        (HRESULT::E_ACCESSDENIED, garbage(), HRESULT::E_ACCESSDENIED),
        (HRESULT::MAPI_E_BUSY, ptr::null_mut(), HRESULT::MAPI_E_BUSY),
        (HRESULT::S_OK, ptr::null_mut(), HRESULT::E_NOINTERFACE),
    ] {
        let (sync, calls) = idle();
        let callback = misbehaving_object(code, out);
        let mut event_handle = garbage();
        let code = synchronize(&sync, &mut request(callback.as_raw(), &mut event_handle));
        assert_eq!(
            (code, event_handle.is_null(), calls.load(SeqCst)),
            (expected, true, 1)
        );
    }
}

#[test]
fn the_session_is_borrowed_or_none_and_all_flags_pass() {
    for bits in [0, 0x0000_0082, 0x2200_02C3, 0x8000_0004, u32::MAX] {
        let sync = store(move |request| {
            assert!(request.session().is_none());
            assert_eq!(request.flags(), SyncFlags::from_bits_retain(bits));
            Ok(())
        });
        let outlook = outlook().flags(SyncFlags::from_bits_retain(bits));
        outlook.without_callback().run(&sync).assert_ok();
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
    assert_eq!(synchronize(&sync, &mut request), HRESULT::S_OK);
    event(event_handle).unwrap().wait(Some(TIMEOUT)).unwrap();
    assert_eq!(reference_count(&session), 1);
}

#[test]
fn null_strings_are_none() {
    let recorder = Recorder::new();
    let callback = recorder.object();
    // SAFETY: the callback is alive. `Progress` and `Error` allow NULL strings.
    unsafe {
        let (vtbl, this) = (callback.vtbl(), callback.as_raw());
        assert_eq!(((*vtbl).Progress)(this, ptr::null(), 1, 2), HRESULT::S_OK);
        assert_eq!(
            ((*vtbl).Error)(this, HRESULT::E_FAIL, ptr::null()),
            HRESULT::S_OK
        );
    }
    let expected = [Call::position(1, 2), Call::Error(HRESULT::E_FAIL, None)];
    assert_eq!(recorder.calls(), expected);
}

#[test]
fn strings_with_unpaired_surrogates_or_at_odd_addresses_are_readable() {
    let recorder = Recorder::new();
    let callback = recorder.object();
    const UNITS: [u16; 7] = [b'<' as u16, 0xDC00, 0xD83D, 0xDE00, 0xD800, b'>' as u16, 0];
    for shift in [0, 1] {
        // The array has one additional unit, so that the string fits at an odd address.
        let mut memory = [0_u16; UNITS.len() + 1];
        let string = memory.as_mut_ptr().wrapping_byte_add(shift);
        assert_eq!(string.is_aligned(), shift == 0);
        // SAFETY: the callback is alive. The string lies within the array and ends with a NUL.
        unsafe {
            string.cast::<[u16; UNITS.len()]>().write_unaligned(UNITS);
            let (vtbl, this) = (callback.vtbl(), callback.as_raw());
            assert_eq!(((*vtbl).Progress)(this, string, 0, 0), HRESULT::S_OK);
            assert_eq!(
                ((*vtbl).Error)(this, HRESULT::S_FALSE, string),
                HRESULT::S_OK
            );
        }
    }
    let readable = "<\u{FFFD}😀\u{FFFD}>";
    let twice = [
        Call::progress(readable, 0, 0),
        Call::error(HRESULT::S_FALSE, readable),
    ];
    assert_eq!(recorder.calls(), [twice.clone(), twice].concat());
}

#[test]
fn the_request_and_the_event_handle_location_may_have_odd_addresses() {
    let recorder = Recorder::new();
    let sync = store(|request| {
        assert_eq!(request.flags(), SyncFlags::DOWNLOAD_CONTENTS);
        request.start()?.finish(Ok(HRESULT::S_FALSE));
        Ok(())
    });
    for shift in 0..mem::align_of::<MAPISIB>() {
        let callback = recorder.object();
        let (mut handle_bytes, mut request_bytes) = ([0xA5_u8; 24], [0_u8; 64]);
        let location = handle_bytes
            .as_mut_ptr()
            .wrapping_add(shift)
            .cast::<*mut c_void>();
        let psibpb = request_bytes
            .as_mut_ptr()
            .wrapping_add(shift)
            .cast::<MAPISIB>();
        // SAFETY: both pointers lie within the arrays with enough room, and every access is
        // unaligned.
        let handle = unsafe {
            psibpb.write_unaligned(request(callback.as_raw().cast(), location));
            assert_eq!(synchronize(&sync, psibpb), HRESULT::S_OK);
            location.read_unaligned()
        };
        assert!(!handle.is_null() && handle.addr() != usize::MAX);
        assert_eq!(
            handle_bytes[shift + size_of::<usize>()],
            0xA5,
            "the next byte is unchanged"
        );
        assert_eq!(reference_count(&callback), 1);
    }
    let runs = mem::align_of::<MAPISIB>();
    let calls = recorder.calls();
    assert_eq!(calls, vec![Call::done(HRESULT::S_FALSE); runs]);
    assert!(calls.iter().all(|call| call.has_event()));
}

#[test]
fn the_event_handle_is_null_if_no_run_was_started() {
    let sync = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
    let recorder = Recorder::new();
    let callback = recorder.object();
    let mut event_handle = garbage();
    let code = synchronize(
        &sync,
        &mut request(callback.as_raw().cast(), &mut event_handle),
    );
    assert_eq!((code, event_handle.is_null()), (HRESULT::MAPI_E_BUSY, true));
    assert_eq!((recorder.calls().len(), reference_count(&callback)), (0, 1));
}

#[test]
fn a_panic_in_any_method_of_the_callback_is_e_unexpected() {
    for nested in [0, 1, 2] {
        let panics = Recorder::new().on_call(move |_| panic_any(test_support::PanicOnDrop(nested)));
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(panics);
        for step in [Some("x"), None] {
            assert_eq!(callback.progress(step, 0, 0), HRESULT::E_UNEXPECTED);
        }
        assert_eq!(callback.error(HRESULT::E_FAIL, "x"), HRESULT::E_UNEXPECTED);
        assert_eq!(
            test_support::done(&callback, None, HRESULT::S_OK),
            HRESULT::E_UNEXPECTED
        );
        assert_eq!(reference_count(&callback), 1);
    }
    let unknown: ComPtr<IUnknown> = bare_object();
    assert_eq!(reference_count(&unknown), 1);
}
