//! COM's rules on `QueryInterface` and the reference count, for any object.

use super::check::{Check, Finding};
use crate::abi::{GUID, HRESULT, IID_IUnknown, IUnknown};
use crate::object::{ComPtr, FreeThreaded, Interface};
use crate::testing::reference_count;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem;
use core::ptr;

/// An IID that no object has.
const NO_IID: GUID = GUID::from_u128(0x3E1D5C9A_70B2_4F68_9A41_C5D80E2B7F13);

/// A test of a rule. It gets the object, and the IIDs among which COM's rules are checked.
type Test<I> = fn(&ComPtr<I>, &[GUID]) -> Finding;

/// The tests. The first one comes first, because after it a test may release what it has queried.
fn tests<I: Interface>() -> [(&'static str, Test<I>); 8] {
    [
        ("com-counts", counts),
        ("com-static-set", static_set),
        ("com-identity", identity),
        ("com-reflexivity", reflexivity),
        ("com-symmetry", symmetry),
        ("com-transitivity", transitivity),
        ("com-no-interface", no_interface),
        ("com-out-parameter", out_parameter),
    ]
}

/// Checks an object on this thread, without a timeout, because it may belong to the thread.
pub(super) fn check<I: Interface>(check: &mut Check<'_>, object: &ComPtr<I>) {
    let iids = iids::<I>(check);
    for (id, test) in tests::<I>() {
        check.rule(id, |_| test(object, &iids));
    }
    check.null_rule("com-null-ppv", |_| null_ppv(object));
}

/// Checks an object on other threads, within the timeout.
pub(super) fn check_free_threaded<I: FreeThreaded>(check: &mut Check<'_>, object: &ComPtr<I>) {
    let iids = iids::<I>(check);
    for (id, test) in tests::<I>() {
        let (object, iids) = (object.clone(), iids.clone());
        check.rule(id, |check| check.timed(move || test(&object, &iids)));
    }
    let object = object.clone();
    check.null_rule("com-null-ppv", |check| check.timed(move || null_ppv(&object)));
}

fn iids<I: Interface>(check: &Check<'_>) -> Vec<GUID> {
    let mut iids = Vec::from([IID_IUnknown]);
    for iid in [I::IID].iter().chain(&check.options.iids) {
        if !iids.contains(iid) {
            iids.push(*iid);
        }
    }
    iids
}

/// Calls `QueryInterface`. Returns the code and the value of the out parameter, which is never NULL
/// before the call.
fn query<I: Interface>(object: &ComPtr<I>, iid: &GUID) -> (HRESULT, *mut c_void) {
    let this = object.as_raw().cast::<IUnknown>();
    let mut out = ptr::without_provenance_mut(0x5A5A_5A5A);
    // SAFETY: a `ComPtr` owns a reference to a live object that does not unwind, and every vtable
    // begins with that of `IUnknown`. The IID and the out parameter are borrowed for the call.
    let code = unsafe { ((*(*this).lpVtbl).QueryInterface)(this, iid, &mut out) };
    (code, out)
}

/// Returns the interface, with its reference, or the code of the failure.
fn find<I: Interface>(object: &ComPtr<I>, iid: &GUID) -> Result<ComPtr<IUnknown>, HRESULT> {
    let (code, out) = query(object, iid);
    if code.is_err() {
        return Err(code);
    }
    // SAFETY: QueryInterface has succeeded, so a pointer that is not NULL is an interface of the
    // object, and every interface is an `IUnknown`. It owns a reference: `counts` has shown that,
    // or holds a spare reference.
    unsafe { ComPtr::from_raw(out.cast::<IUnknown>()) }.ok_or(HRESULT::E_POINTER)
}

/// Returns the interfaces that the object has, with their IIDs.
fn found<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Vec<(GUID, ComPtr<IUnknown>)> {
    let find = |iid: &GUID| find(object, iid).ok().map(|found| (*iid, found));
    iids.iter().filter_map(find).collect()
}

fn counts<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    // If a `QueryInterface` adds no reference, this one is released instead, so the object survives.
    let spare = object.clone();
    let finding = first_wrong_count(object, iids);
    drop(spare);
    finding.unwrap_or(Finding::Kept)
}

fn first_wrong_count<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Option<Finding> {
    for iid in iids.iter().chain([&NO_IID]) {
        if let Some(finding) = wrong_count(object, object, iid) {
            return Some(finding);
        }
        let Ok(interface) = find(object, iid) else {
            continue;
        };
        let mut others = iids.iter().chain([&NO_IID]);
        let finding = others.find_map(|other| wrong_count(object, &interface, other));
        if finding.is_some() {
            return finding;
        }
    }
    None
}

/// Counts the references to `object` before and after a `QueryInterface` of one of its interfaces,
/// and the `Release` of the result. Adds those that are missing afterward.
fn wrong_count<I: Interface, J: Interface>(
    object: &ComPtr<I>,
    from: &ComPtr<J>,
    iid: &GUID,
) -> Option<Finding> {
    let before = reference_count(object);
    let calls = match find(from, iid) {
        Ok(_) => "QueryInterface and Release",
        Err(_) => "a failing QueryInterface",
    };
    let after = reference_count(object);
    for _ in after..before {
        mem::forget(object.clone());
    }
    let seen = format!("the count was {before} before {calls} of {iid}, and {after} after it");
    match after {
        _ if after == before => None,
        // Every other rule needs calls of `QueryInterface`, which would free the object.
        _ if after < before => Some(Finding::Fatal(seen)),
        _ => Some(Finding::Broken(seen)),
    }
}

fn static_set<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    let first: Vec<bool> = iids.iter().map(|iid| find(object, iid).is_ok()).collect();
    let unknown = find(object, &NO_IID).is_ok();
    let pairs = iids.iter().zip(first).chain([(&NO_IID, unknown)]);
    for (iid, first) in pairs {
        if find(object, iid).is_ok() != first {
            let results =
                if first { "succeeded and then failed" } else { "failed and then succeeded" };
            return Finding::Broken(format!("QueryInterface for {iid} {results}"));
        }
    }
    Finding::Kept
}

fn identity<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    let of_object = match find(object, &IID_IUnknown) {
        Ok(identity) => identity,
        Err(code) => return Finding::Broken(format!("QueryInterface for IUnknown failed: {code}")),
    };
    for (iid, interface) in found(object, iids) {
        let seen = match find(&interface, &IID_IUnknown) {
            Ok(identity) if identity.as_raw() == of_object.as_raw() => continue,
            Ok(_) => format!("the IUnknown of {iid} is another pointer than that of the object"),
            Err(code) => format!("QueryInterface of {iid} for IUnknown failed: {code}"),
        };
        return Finding::Broken(seen);
    }
    Finding::Kept
}

fn reflexivity<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    let found = found(object, iids);
    let mut failures = found.iter().filter_map(|(iid, interface)| {
        let code = find(interface, iid).err()?;
        Some(format!("QueryInterface of {iid} for {iid} failed: {code}"))
    });
    Finding::from_seen(failures.next())
}

/// Which interface finds which others. The order is that of the IIDs that the object has.
struct Paths {
    iids: Vec<GUID>,
    finds: Vec<Vec<bool>>,
}

impl Paths {
    fn of<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Paths {
        let found = found(object, iids);
        let iids: Vec<GUID> = found.iter().map(|(iid, _)| *iid).collect();
        let row = |(_, from): &(GUID, ComPtr<IUnknown>)| {
            iids.iter().map(|to| find(from, to).is_ok()).collect()
        };
        Paths { finds: found.iter().map(row).collect(), iids }
    }

    /// Returns a sentence about the first pair of different interfaces for which `is_missing` is
    /// true and the first does not find the second.
    fn missing(&self, is_missing: impl Fn(usize, usize) -> Option<String>) -> Finding {
        let all = 0..self.iids.len();
        let pairs = all.clone().flat_map(|from| all.clone().map(move |to| (from, to)));
        let mut pairs = pairs.filter(|(from, to)| from != to && !self.finds[*from][*to]);
        Finding::from_seen(pairs.find_map(|(from, to)| {
            let why = is_missing(from, to)?;
            let (from, to) = (self.iids[from], self.iids[to]);
            Some(format!("QueryInterface of {from} for {to} failed, although {why}"))
        }))
    }
}

fn symmetry<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    let paths = Paths::of(object, iids);
    paths.missing(|from, to| {
        let (is_found, from, to) = (paths.finds[to][from], paths.iids[from], paths.iids[to]);
        is_found.then(|| format!("that of {to} for {from} succeeded"))
    })
}

fn transitivity<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    let paths = Paths::of(object, iids);
    paths.missing(|from, to| {
        let mut ways = 0..paths.iids.len();
        let way = ways.find(|way| paths.finds[from][*way] && paths.finds[*way][to])?;
        Some(format!("it succeeded for {}, and from there for the other", paths.iids[way]))
    })
}

fn no_interface<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    for (iid, interface) in found(object, iids) {
        let call = format!("QueryInterface of {iid} for {NO_IID}, which no object has,");
        match find(&interface, &NO_IID) {
            Ok(_) => return Finding::Broken(format!("{call} succeeded")),
            Err(HRESULT::E_NOINTERFACE) => {}
            Err(code) => return Finding::Broken(format!("{call} returned {code}")),
        }
    }
    Finding::Kept
}

fn out_parameter<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) -> Finding {
    for (iid, interface) in found(object, iids) {
        for requested in iids.iter().chain([&NO_IID]) {
            let (code, out) = query(&interface, requested);
            let call = format!("QueryInterface of {iid} for {requested}");
            if code.is_err() && !out.is_null() {
                return Finding::Broken(format!("{call} returned {code} and did not store NULL"));
            }
            if code.is_ok() && out.is_null() {
                return Finding::Broken(format!("{call} returned {code} and stored NULL"));
            }
            if code.is_ok() {
                // SAFETY: QueryInterface has succeeded, so the pointer is an interface of the object
                // with a reference, and every interface is an `IUnknown`.
                drop(unsafe { ComPtr::from_raw(out.cast::<IUnknown>()) });
            }
        }
    }
    Finding::Kept
}

fn null_ppv<I: Interface>(object: &ComPtr<I>) -> Finding {
    let this = object.as_raw().cast::<IUnknown>();
    for iid in [&IID_IUnknown, &I::IID, &NO_IID] {
        // SAFETY: a `ComPtr` owns a reference to a live object that does not unwind, and every
        // vtable begins with that of `IUnknown`. By the contract of `Conformance::null_arguments`,
        // the object has a defined behavior for NULL.
        let code = unsafe { ((*(*this).lpVtbl).QueryInterface)(this, iid, ptr::null_mut()) };
        if code != HRESULT::E_POINTER {
            let seen = format!("QueryInterface for {iid} with a NULL ppvObject returned {code}");
            return Finding::Broken(seen);
        }
    }
    Finding::Kept
}
