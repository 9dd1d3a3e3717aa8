//! The rules of unusual calls, which a store may refuse.

use super::check::{Check, Finding};
use super::provider::{Store, missing_end, until_not_busy};
use crate::abi::{HRESULT, IMAPISession, IUnknown, MAPISIB, SyncFlags};
use crate::event::DoneEvent;
use crate::object::{Class, ComObject, ComPtr};
use crate::testing::{Counts, Outcome, Outlook, reference_count};
use alloc::format;
use core::ptr;

/// A `ulSize` that covers only `ulSize` and `ulFlags`.
const SHORT: u32 = 8;
/// A `ulSize` with which a later version of the structure has new fields.
const LONG: u32 = size_of::<MAPISIB>() as u32 + 64;
/// Bits of `ulFlags` that have no name.
const UNKNOWN_FLAGS: u32 = 0x8000_0004;

pub(super) fn sizes_and_flags(check: &mut Check<'_>, store: &Store) {
    check.rule("short-size", |check| {
        let outlook = check.outlook().struct_size(SHORT);
        must_fail(&check.run(&outlook, store, "short-size"))
    });
    check.rule("long-size", |check| {
        let outlook = check.outlook().struct_size(LONG);
        must_succeed(&check.run(&outlook, store, "long-size"))
    });
    check.rule("unknown-flags", |check| {
        let flags = check.options.flags | SyncFlags::from_bits_retain(UNKNOWN_FLAGS);
        let outlook = check.outlook().flags(flags);
        must_succeed(&check.run(&outlook, store, "unknown-flags"))
    });
}

fn must_fail(outcome: &Outcome) -> Finding {
    match (outcome.returned, missing_end(outcome)) {
        (Some(code), _) if code.is_err() => Finding::Kept,
        (Some(code), None) => Finding::Broken(format!("the call returned {code}")),
        (Some(code), Some(missing)) => {
            Finding::Broken(format!("the call returned {code}, and {missing}"))
        }
        (None, missing) => Finding::Broken(missing.unwrap_or_default()),
    }
}

fn must_succeed(outcome: &Outcome) -> Finding {
    match (outcome.returned, missing_end(outcome)) {
        (_, Some(missing)) => Finding::Broken(missing),
        (Some(code), None) if code.is_err() => Finding::Broken(format!("the call returned {code}")),
        (_, None) => Finding::Kept,
    }
}

pub(super) fn callback_without_interface(check: &mut Check<'_>, store: &Store) {
    let ids = ["callback-without-interface", "failed-call-counts"];
    check.rules(ids, |check| {
        let (flags, session) = (check.options.flags, check.options.session.clone());
        let called = store.clone();
        // The thread creates and owns everything that the store may use.
        let call = check.timed_value(move || {
            let call = || call_with_bare_callback(&called, flags, session.as_ref());
            until_not_busy(call, |call| Some(call.code))
        });
        let call = match call {
            Ok(call) => call,
            Err(seen) => {
                let counts = Finding::not_applicable(&seen);
                return [Finding::Fatal(seen), counts];
            }
        };
        let BareCall { code, event, .. } = call;
        if code.is_err() {
            let Counts { before, after } = call.callback;
            let seen = format!("the count was {before} before the call, and {after} after it");
            return [Finding::Kept, Finding::from_seen((before != after).then_some(seen))];
        }
        let counts = || Finding::not_applicable(format_args!("the call returned {code}"));
        let timeout = check.timeout();
        let Some(event) = event else {
            let seen = format!("the call returned {code} and no event");
            return [Finding::Fatal(seen), counts()];
        };
        if event.wait(Some(timeout)).is_err() {
            // The store may still signal it.
            let _left_open = event.into_raw();
            let seen = format!("the event was not signaled within {timeout:?}");
            return [Finding::Fatal(seen), counts()];
        }
        [Finding::Kept, counts()]
    });
}

/// A call with a callback object that has only `IUnknown`.
struct BareCall {
    code: HRESULT,
    event: Option<DoneEvent>,
    callback: Counts,
}

fn call_with_bare_callback(
    store: &Store,
    flags: SyncFlags,
    session: Option<&ComPtr<IMAPISession>>,
) -> BareCall {
    struct Bare;
    impl Class for Bare {
        type Interfaces = (IUnknown,);
    }
    let callback: ComPtr<IUnknown> = ComObject::new(Bare).cast().expect("IUnknown is in the list");
    // If the store releases it without a reference, this one is released instead.
    let spare = callback.clone();
    let before = reference_count(&callback);
    let mut event = ptr::null_mut();
    let mut request = MAPISIB {
        ulSize: size_of::<MAPISIB>() as u32,
        ulFlags: flags.bits(),
        psesSync: session.map_or(ptr::null_mut(), ComPtr::as_raw),
        punkCallBack: callback.as_raw(),
        phSyncDoneEvent: &mut event,
    };
    // SAFETY: the structure is readable for its `ulSize`, and its pointers are NULL or valid during
    // the call. The session and the callback are free-threaded and do not unwind.
    let code = unsafe { store.synchronize_in_background(&mut request) };
    // SAFETY: `from_raw` requires the ownership of an open handle. There is no Done, because the
    // callback object lacks it. The caller therefore owns the handle of a call that succeeds. If the
    // call fails, the handle is not used.
    let event = code.is_ok().then(|| unsafe { DoneEvent::from_raw(event) }).flatten();
    let after = reference_count(&callback);
    for _ in after..before {
        core::mem::forget(callback.clone());
    }
    drop(spare);
    BareCall { code, event, callback: Counts { before, after } }
}

pub(super) fn failed_call(check: &mut Check<'_>, store: &Store) {
    let id = "failed-call";
    check.rule(id, |check| {
        let outlook = check.outlook().struct_size(SHORT);
        let outcome = check.run(&outlook, store, id);
        match outcome.returned {
            Some(code) if code.is_err() => {}
            _ => return Finding::not_applicable("the call with a short ulSize did not fail"),
        }
        if let Some(call) = outcome.calls.first() {
            return Finding::Broken(format!("the store called {}", call.call()));
        }
        let seen = "the store stored an event in *phSyncDoneEvent";
        Finding::from_seen(outcome.has_stray_event.then(|| seen.into()))
    });
}

pub(super) fn null_arguments(check: &mut Check<'_>, store: &Store) {
    check.null_rule("null-request", |check| {
        let store = store.clone();
        check.timed(move || {
            // SAFETY: by the contract of `Conformance::null_arguments`, the store has a defined
            // behavior for NULL.
            let code = unsafe { store.synchronize_in_background(ptr::null_mut()) };
            Finding::from_seen(code.is_ok().then(|| format!("the call returned {code}")))
        })
    });
    check.null_rule("null-event-location", |check| {
        // SAFETY: by the contract of `Conformance::null_arguments`, the store has a defined behavior
        // for NULL.
        let outlook = unsafe { check.outlook().without_event_location() };
        must_fail(&check.run(&outlook, store, "null-event-location"))
    });
    check.null_rule("null-callback", |check| {
        let outlook: Outlook = check.outlook().without_callback();
        let outcome = check.run(&outlook, store, "null-callback");
        Finding::from_seen(missing_end(&outcome))
    });
}
