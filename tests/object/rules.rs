//! COM's rules for `QueryInterface`, asserted for any object, and what this crate promises beyond
//! them.

use mapisync::abi::IUnknown;
use mapisync::testing::conformance::Conformance;
use mapisync::testing::reference_count;
use mapisync::{ComPtr, GUID, HRESULT, Interface};
use std::ffi::c_void;
use std::ptr;
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
/// - the arguments may have odd addresses, and the bytes behind `ppv` are unchanged,
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
            assert_odd_addresses(&here, to);
        }
        assert!(here.is_same_object(object), "{from}");
        assert_null_is_refused(&here);
    }
    assert_eq!(reference_count(object), count, "references are released");
}

/// Asserts that `QueryInterface` refuses NULL, and that it stores NULL where it can.
pub fn assert_null_is_refused(object: &ComPtr<IUnknown>) {
    let mut out = garbage();
    // SAFETY: the arguments are valid or NULL, which `QueryInterface` checks.
    let codes = unsafe {
        [
            query(object, ptr::null(), &mut out),
            query(object, ptr::null(), ptr::null_mut()),
            query(object, &IUnknown::IID, ptr::null_mut()),
        ]
    };
    assert_eq!((codes, out), ([HRESULT::E_POINTER; 3], ptr::null_mut()));
}

/// Asserts that `QueryInterface` finds an interface if its arguments have odd addresses.
pub fn assert_odd_addresses(object: &ComPtr<IUnknown>, iid: &GUID) {
    // One of two neighboring addresses is odd.
    for shift in [0, 1] {
        let (mut iid_bytes, mut out_bytes) = ([0_u64; 3], [0xA5A5_A5A5_A5A5_A5A5_u64; 2]);
        let riid = iid_bytes.as_mut_ptr().wrapping_byte_add(shift).cast::<GUID>();
        let ppv = out_bytes.as_mut_ptr().wrapping_byte_add(shift);
        let ppv = ppv.cast::<*mut c_void>();
        // SAFETY: both pointers lie within the arrays with enough room, and every access is
        // unaligned. On success `ppv` owns a reference.
        let found = unsafe {
            riid.write_unaligned(*iid);
            assert_eq!(query(object, riid, ppv), HRESULT::S_OK);
            ComPtr::<IUnknown>::from_raw(ppv.read_unaligned().cast())
        };
        assert!(found.is_some());
        let next = shift + size_of::<usize>();
        assert_eq!(out_bytes[next / 8].to_ne_bytes()[next % 8], 0xA5, "the next byte");
    }
}
