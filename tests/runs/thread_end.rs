//! Runs and jobs in the destructors of a thread that ends.

#![cfg(target_os = "linux")]

use crate::{start_with, store_with_handles};
use mapisync::HRESULT;
use mapisync::testing::{Call, Recorder};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, mpsc};
use std::thread;
use test_support::{TIMEOUT, store};

/// POSIX destructors of thread-specific data run after those of Rust's thread-locals, and may call
/// anything.
#[test]
fn runs_may_start_and_jobs_may_be_dropped_while_their_thread_ends() {
    use std::ffi::{c_int, c_uint, c_void};
    use std::sync::atomic::AtomicU32;

    type Work = Box<dyn FnOnce() + Send>;
    static KEY: AtomicU32 = AtomicU32::new(0);
    static ROUND: AtomicU32 = AtomicU32::new(0);

    unsafe extern "C" {
        fn pthread_key_create(
            key: *mut c_uint,
            destructor: unsafe extern "C" fn(*mut c_void),
        ) -> c_int;
        fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
    }

    unsafe extern "C" fn at_the_end(work: *mut c_void) {
        // Rust's destructors run in the first round. To set the value again requests another round.
        if ROUND.fetch_add(1, SeqCst) % 3 < 2 {
            // SAFETY: `KEY` holds a key of `pthread_key_create`, which accepts any value.
            unsafe { pthread_setspecific(KEY.load(SeqCst), work) };
        } else {
            // SAFETY: the value comes from `Box::into_raw` in `at_thread_end`, and only this line
            // takes it back, in the last round.
            let work = unsafe { Box::from_raw(work.cast::<Work>()) };
            work();
        }
    }

    fn at_thread_end(work: impl FnOnce() + Send + 'static) {
        let work: Box<Work> = Box::new(Box::new(work));
        thread::spawn(move || {
            // SAFETY: `KEY` holds a key of `pthread_key_create`, which accepts any value.
            unsafe { pthread_setspecific(KEY.load(SeqCst), Box::into_raw(work).cast()) };
        })
        .join()
        .unwrap();
    }

    let mut key = 0;
    // SAFETY: `key` is writable, and the destructor has the type that POSIX requires.
    assert_eq!(unsafe { pthread_key_create(&mut key, at_the_end) }, 0);
    KEY.store(key, SeqCst);

    let recorder = Arc::new(Recorder::new());
    for (drops_job, status) in [(false, HRESULT::S_OK), (true, HRESULT::E_ABORT)] {
        let callback = recorder.clone();
        at_thread_end(move || {
            let sync =
                store(move |request| if drops_job { request.start().map(drop) } else { Ok(()) });
            let run = start_with(callback, &sync);
            assert_eq!(run.status(), Some(status));
        });
    }
    let expected = [Call::done(HRESULT::S_OK), Call::done(HRESULT::E_ABORT)];
    assert_eq!(recorder.calls(), expected);
    assert_eq!(Arc::strong_count(&recorder), 1);

    // Such a destructor may also wait for the end of another run.
    let (sync, taken) = store_with_handles(|_| Ok(HRESULT::S_FALSE));
    let run = start_with(recorder.clone(), &sync);
    let (statuses, status) = mpsc::channel();
    let handle = taken.recv().unwrap();
    at_thread_end(move || statuses.send(handle.join().unwrap()).unwrap());
    assert_eq!(status.recv(), Ok(HRESULT::S_FALSE));
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_FALSE);
}
