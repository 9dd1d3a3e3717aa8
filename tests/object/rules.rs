//! COM's rules for `QueryInterface`, asserted for any object, and what this crate promises beyond
//! them.

use mapisync::abi::IUnknown;
use mapisync::testing::conformance::Conformance;
use mapisync::testing::reference_count;
use mapisync::{ComPtr, GUID, HRESULT, Interface};
use test_support::{garbage, query};

/// Calls `QueryInterface` with an IID whose interface may have no Rust type here. Returns `None`
/// for an interface that the object does not have.
pub fn find<I: Interface>(from: &ComPtr<I>, iid: &GUID) -> Option<ComPtr<IUnknown>> {
    let mut out = garbage();
    // SAFETY: both pointers are valid.
    let code = unsafe { query(from, iid, &mut out) };
    let expected = if out.is_null() { HRESULT::E_NOINTERFACE } else { HRESULT::S_OK };
    assert_eq!(code, expected, "{iid}");
    // SAFETY: on success `out` owns a reference to an interface, whose vtable begins with that of
    // `IUnknown`. Otherwise it is NULL.
    unsafe { ComPtr::from_raw(out.cast()) }
}

/// Asserts that `QueryInterface` of an object with these interfaces keeps COM's rules, and that:
///
/// - each interface has one pointer, whichever interface is queried,
/// - NULL arguments are refused,
/// - the count is unchanged.
pub fn assert_rules<I: Interface>(object: &ComPtr<I>, iids: &[GUID]) {
    let count = reference_count(object);
    // SAFETY: the objects of this crate check each argument of QueryInterface for NULL.
    let kit = unsafe { Conformance::new().null_arguments() };
    let kit = iids.iter().fold(kit, |kit, iid| kit.iid(*iid));
    let report = kit.check_unknown(object);
    assert!(report.broken().is_empty(), "{report}");
    for from in iids {
        let here = find(object, from).expect("it has this interface");
        for to in iids {
            let (there, expected) = (find(&here, to), find(object, to));
            let address = |found: Option<ComPtr<IUnknown>>| found.map(|found| found.as_raw());
            assert_eq!(address(there), address(expected), "{from} → {to}");
        }
        assert!(here.is_same_object(object), "{from}");
    }
    assert_eq!(reference_count(object), count, "references are released");
}
