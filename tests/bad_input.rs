//! What a caller that is careless, old, new or hostile gets from a store made with this crate.

mod common;

use common::{Ear, Heard, LONG, count, event, garbage, nobody, request, step, store};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, MAPISIB};
use mapisync::{ComPtr, HRESULT, SyncFlags};
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};

const SIZE: u32 = size_of::<MAPISIB>() as u32;

/// A store that counts its calls and has nothing to do.
fn idle() -> (ComPtr<IMAPISync>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let sync = store(move |_| {
        counted.fetch_add(1, SeqCst);
        Ok(())
    });
    (sync, calls)
}

/// The call as Outlook makes it.
fn synchronize(sync: &ComPtr<IMAPISync>, psibpb: *mut MAPISIB) -> HRESULT {
    // SAFETY: each test passes what the rows of the table allow.
    unsafe { sync.synchronize_in_background(psibpb) }
}

#[test]
fn a_null_request_is_e_pointer() {
    let (sync, calls) = idle();
    assert_eq!(synchronize(&sync, ptr::null_mut()), HRESULT::E_POINTER);
    assert_eq!(calls.load(SeqCst), 0);
}

#[test]
fn a_request_that_is_too_small_is_refused_untouched() {
    let (sync, calls) = idle();
    for size in 0..SIZE {
        let mut slot = garbage();
        let mut request = MAPISIB {
            ulSize: size,
            ..request(ptr::null_mut(), &mut slot)
        };
        assert_eq!(
            synchronize(&sync, &mut request),
            HRESULT::E_INVALIDARG,
            "ulSize {size}"
        );
        assert_eq!((slot, calls.load(SeqCst)), (garbage(), 0));
    }
}

/// `ulSize` as the last four bytes before memory that can't be read.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(miri, ignore = "Miri cannot make memory unreadable")]
fn nothing_behind_the_size_of_a_request_that_is_too_small_is_read() {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
    let page = rustix::param::page_size();
    let (sync, _) = idle();
    // SAFETY: a fresh mapping of two pages, of which the second is made unreadable, unmapped at the end.
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
        let mut slot = garbage();
        let mut request = MAPISIB {
            ulSize: size,
            ..request(ptr::null_mut(), &mut slot)
        };
        assert_eq!(synchronize(&sync, &mut request), HRESULT::S_OK);
        assert_eq!(calls.load(SeqCst), n + 1);
        assert!(event(slot).unwrap().wait(Some(LONG)).unwrap());
    }
}

#[test]
fn a_null_event_slot_is_e_invalidarg() {
    let (sync, calls) = idle();
    let ear = Ear::new();
    let callback = ear.object();
    let mut request = request(callback.as_raw().cast(), ptr::null_mut());
    assert_eq!(synchronize(&sync, &mut request), HRESULT::E_INVALIDARG);
    assert_eq!(
        (calls.load(SeqCst), ear.heard(), count(&callback)),
        (0, vec![], 1)
    );
}

#[test]
fn without_a_callback_progress_goes_nowhere_and_the_event_occurs() {
    let (answers, answered) = mpsc::channel();
    let sync = store(move |request| {
        assert!(request.callback().is_none());
        let answers = answers.clone();
        request.spawn(move |job| {
            job.progress(Some("nobody hears"), 1, 2)?;
            job.position(2, 2)?;
            job.error(HRESULT::MAPI_E_NOT_FOUND, "either")?;
            assert!(format!("{job:?}").contains("callback: None"));
            answers.send(job.is_canceled()).unwrap();
            Ok(())
        })
    });
    let mut slot = garbage();
    assert_eq!(
        synchronize(&sync, &mut request(ptr::null_mut(), &mut slot)),
        HRESULT::S_OK
    );
    assert!(event(slot).unwrap().wait(Some(LONG)).unwrap());
    assert_eq!(answered.try_recv(), Ok(false), "the worker came to its end");
}

#[test]
fn a_callback_without_the_interface_is_refused_by_every_way_to_start() {
    type Method = fn(mapisync::SyncRequest<'_>) -> mapisync::Result<()>;
    let ways: [(&str, Method); 4] = [
        ("start", |request| request.start().map(drop)),
        ("spawn", |request| request.spawn(|job| job.position(0, 0))),
        ("spawn_with_handle", |request| {
            request.spawn_with_handle(|_| Ok(())).map(drop)
        }),
        ("for a method that started nothing", |_| Ok(())),
    ];
    for (name, method) in ways {
        let (sync, callback) = (store(method), nobody());
        let mut slot = garbage();
        let answer = synchronize(&sync, &mut request(callback.as_raw(), &mut slot));
        assert_eq!(answer, HRESULT::E_NOINTERFACE, "{name}");
        assert!(slot.is_null(), "{name}: the slot is NULL");
        assert_eq!(count(&callback), 1, "{name}: the count is unchanged");
    }
}

#[test]
fn the_start_answers_what_the_callbacks_query_interface_answered() {
    for (answer, out, expected) in [
        (HRESULT::E_ACCESSDENIED, garbage(), HRESULT::E_ACCESSDENIED),
        (HRESULT::MAPI_E_BUSY, ptr::null_mut(), HRESULT::MAPI_E_BUSY),
        (HRESULT::S_OK, ptr::null_mut(), HRESULT::E_NOINTERFACE),
    ] {
        let (sync, calls) = idle();
        let mut liar = common::Liar::new(answer, out);
        let mut slot = garbage();
        let answer = synchronize(&sync, &mut request((&raw mut liar).cast(), &mut slot));
        assert_eq!(
            (answer, slot.is_null(), calls.load(SeqCst)),
            (expected, true, 1)
        );
    }
}

#[test]
fn the_session_is_lent_or_none_and_flags_pass_whole() {
    for bits in [0, 0x0000_0082, 0x2200_02C3, 0x8000_0004, u32::MAX] {
        let sync = store(move |request| {
            assert!(request.session().is_none());
            assert_eq!(request.flags(), SyncFlags::from_bits_retain(bits));
            Ok(())
        });
        let mut slot = garbage();
        let mut request = MAPISIB {
            ulFlags: bits,
            ..request(ptr::null_mut(), &mut slot)
        };
        assert_eq!(synchronize(&sync, &mut request), HRESULT::S_OK);
        drop(event(slot));
    }
    let session = nobody();
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
    let mut slot = garbage();
    let mut request = request(ptr::null_mut(), &mut slot);
    request.psesSync = session.as_raw().cast();
    assert_eq!(synchronize(&sync, &mut request), HRESULT::S_OK);
    assert!(event(slot).unwrap().wait(Some(LONG)).unwrap());
    assert_eq!(count(&session), 1);
}

#[test]
fn null_texts_are_none() {
    let ear = Ear::new();
    let callback = ear.object();
    // SAFETY: NULL texts are what is tested.
    unsafe {
        let (vtbl, this) = (callback.vtbl(), callback.as_raw());
        assert_eq!(((*vtbl).Progress)(this, ptr::null(), 1, 2), HRESULT::S_OK);
        assert_eq!(
            ((*vtbl).Error)(this, HRESULT::E_FAIL, ptr::null()),
            HRESULT::S_OK
        );
    }
    let expected = [
        Heard::Progress(None, 1, 2),
        Heard::Error(HRESULT::E_FAIL, None),
    ];
    assert_eq!(ear.heard(), expected);
}

#[test]
fn texts_with_unpaired_surrogates_or_at_odd_addresses_are_readable() {
    let ear = Ear::new();
    let callback = ear.object();
    const UNITS: [u16; 7] = [b'<' as u16, 0xDC00, 0xD83D, 0xDE00, 0xD800, b'>' as u16, 0];
    for shift in [0, 1] {
        // One unit more, so that the string has room at an odd address.
        let mut memory = [0_u16; UNITS.len() + 1];
        let text = memory.as_mut_ptr().wrapping_byte_add(shift);
        assert_eq!(text.is_aligned(), shift == 0);
        // SAFETY: the string lies within the array, and ends with a NUL.
        unsafe {
            text.cast::<[u16; UNITS.len()]>().write_unaligned(UNITS);
            let (vtbl, this) = (callback.vtbl(), callback.as_raw());
            assert_eq!(((*vtbl).Progress)(this, text, 0, 0), HRESULT::S_OK);
            assert_eq!(((*vtbl).Error)(this, HRESULT::S_FALSE, text), HRESULT::S_OK);
        }
    }
    let readable = "<\u{FFFD}😀\u{FFFD}>";
    let twice = [
        step(readable, 0, 0),
        Heard::Error(HRESULT::S_FALSE, Some(readable.into())),
    ];
    assert_eq!(ear.heard(), [twice.clone(), twice].concat());
}

#[test]
fn request_and_slot_may_lie_at_odd_addresses() {
    let ear = Ear::new();
    let callback = ear.object();
    let sync = store(|request| {
        assert_eq!(request.flags(), SyncFlags::DOWNLOAD_CONTENTS);
        request.start()?.finish(Ok(HRESULT::S_FALSE));
        Ok(())
    });
    for shift in 0..mem::align_of::<MAPISIB>() {
        let (mut slot_bytes, mut request_bytes) = ([0xA5_u8; 24], [0_u8; 64]);
        let slot = slot_bytes
            .as_mut_ptr()
            .wrapping_add(shift)
            .cast::<*mut c_void>();
        let psibpb = request_bytes
            .as_mut_ptr()
            .wrapping_add(shift)
            .cast::<MAPISIB>();
        // SAFETY: within the arrays, and accessed as unaligned.
        let handle = unsafe {
            psibpb.write_unaligned(request(callback.as_raw().cast(), slot));
            assert_eq!(synchronize(&sync, psibpb), HRESULT::S_OK);
            slot.read_unaligned()
        };
        assert!(!handle.is_null() && handle.addr() != usize::MAX);
        assert_eq!(
            slot_bytes[shift + size_of::<usize>()],
            0xA5,
            "nothing behind it is written"
        );
    }
    let runs = mem::align_of::<MAPISIB>();
    assert_eq!(ear.heard(), vec![Heard::Done(HRESULT::S_FALSE); runs]);
    assert_eq!((ear.events.load(SeqCst), count(&callback)), (runs, 1));
}

#[test]
fn the_slot_is_null_wherever_nothing_is_started() {
    let sync = store(|_| Err(HRESULT::MAPI_E_BUSY.into()));
    let ear = Ear::new();
    let callback = ear.object();
    let mut slot = garbage();
    let answer = synchronize(&sync, &mut request(callback.as_raw().cast(), &mut slot));
    assert_eq!((answer, slot.is_null()), (HRESULT::MAPI_E_BUSY, true));
    assert_eq!((ear.heard(), count(&callback)), (vec![], 1));
}

#[test]
fn a_panic_in_any_method_of_the_callback_is_e_unexpected() {
    struct Panics(u32);
    impl mapisync::MapiSyncProgressCallback for Panics {
        fn progress(&self, _: Option<&str>, _: u32, _: u32) -> mapisync::Result<()> {
            std::panic::panic_any(common::Bomb(self.0))
        }
        fn error(&self, _: HRESULT, _: Option<&str>) -> mapisync::Result<()> {
            std::panic::panic_any(common::Bomb(self.0))
        }
        fn done(&self, _: HRESULT) -> mapisync::Result<()> {
            std::panic::panic_any(common::Bomb(self.0))
        }
    }
    for bombs in [0, 1, 2] {
        let callback = ComPtr::<IMAPISyncProgressCallback>::new(Panics(bombs));
        for text in [Some("x"), None] {
            assert_eq!(callback.progress(text, 0, 0), HRESULT::E_UNEXPECTED);
        }
        assert_eq!(callback.error(HRESULT::E_FAIL, "x"), HRESULT::E_UNEXPECTED);
        assert_eq!(
            common::done(&callback, None, HRESULT::S_OK),
            HRESULT::E_UNEXPECTED
        );
        assert_eq!(count(&callback), 1);
    }
    let unknown: ComPtr<IUnknown> = nobody();
    assert_eq!(count(&unknown), 1);
}
