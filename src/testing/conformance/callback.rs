//! The rules of a callback.

use super::check::{Check, Finding};
use crate::abi::{HRESULT, IMAPISyncProgressCallback};
use crate::object::ComPtr;
use crate::testing::reference_count;
use alloc::format;
use core::ptr;
use std::thread;

/// The number of threads that call the callback at the same time.
const THREADS: usize = 4;

type Callback = ComPtr<IMAPISyncProgressCallback>;

/// Checks the rules. Then ends the run of the callback.
///
/// # Safety
///
/// The contract is that of [`ComPtr::done`]: the caller must be the store of a run that was started
/// with the callback. This function makes its last call.
pub(super) unsafe fn check(check: &mut Check<'_>, callback: &Callback) {
    let before = reference_count(callback);
    // Every rule has its own thread, which owns a reference.
    let rule = |check: &mut Check<'_>, id, test: fn(&Callback) -> Finding| {
        let callback = callback.clone();
        check.rule(id, |check| check.timed(move || test(&callback)));
    };
    rule(check, "callback-any-thread", any_thread);
    rule(check, "callback-null-step", |callback| {
        compare(("Progress with a string", callback.progress(Some("Testing"), 0, 2)), || {
            ("Progress with a NULL string", callback.progress(None, 1, 2))
        })
    });
    rule(check, "callback-zero-maximum", |callback| {
        compare(("Progress with a maximum of 2", callback.progress(Some("Testing"), 0, 2)), || {
            ("Progress with a maximum of 0", callback.progress(Some("Testing"), 0, 0))
        })
    });
    rule(check, "callback-warning", |callback| {
        compare(("Error with E_FAIL", callback.error(HRESULT::E_FAIL, "an error")), || {
            let partial = HRESULT::MAPI_W_PARTIAL_COMPLETION;
            ("Error with a success code", callback.error(partial, "a warning"))
        })
    });
    let for_null = callback.clone();
    check.null_rule("callback-null-message", |check| check.timed(move || null_message(&for_null)));
    let for_done = callback.clone();
    check.rule("callback-null-event", |check| {
        check.timed(move || {
            // SAFETY: the contract of `done` is this function's, and this is the last call.
            let code = unsafe { for_done.done(None, HRESULT::S_OK) };
            let seen = format!("Done with a NULL event returned {code}");
            Finding::from_seen(code.is_err().then_some(seen))
        })
    });
    check.rule("callback-counts", |_| {
        let after = reference_count(callback);
        let seen = format!("the count was {before} before the calls, and {after} after them");
        Finding::from_seen((after != before).then_some(seen))
    });
}

/// Compares a call that a rule is about with a similar one that every callback must accept.
fn compare(
    (similar, code): (&str, HRESULT),
    call: impl FnOnce() -> (&'static str, HRESULT),
) -> Finding {
    if code.is_err() {
        return Finding::not_applicable(format_args!("{similar} returned {code}, too"));
    }
    let (call, code) = call();
    Finding::from_seen(code.is_err().then(|| format!("{call} returned {code}")))
}

fn any_thread(callback: &Callback) -> Finding {
    let codes = thread::scope(|scope| {
        let call = |n| callback.progress(Some("Testing"), n, THREADS as u32);
        let threads = [(); THREADS].map(|()| scope.spawn(move || [0, 1, 2, 3].map(call)));
        threads.map(|thread| thread.join().expect("the closure does not panic"))
    });
    let failure = codes.into_iter().flatten().find(|code| code.is_err());
    let seen = |code| format!("Progress returned {code} on one of {THREADS} new threads");
    Finding::from_seen(failure.map(seen))
}

fn null_message(callback: &Callback) -> Finding {
    compare(("Error with a string", callback.error(HRESULT::E_FAIL, "an error")), || {
        let (vtbl, this) = (callback.vtbl(), callback.as_raw());
        // SAFETY: a `ComPtr` owns a reference to a live object that does not unwind. By the
        // contract of `Conformance::null_arguments`, the object has a defined behavior for NULL.
        let code = unsafe { ((*vtbl).Error)(this, HRESULT::E_FAIL, ptr::null()) };
        ("Error with a NULL string", code)
    })
}
