//! The two arguments of `QueryInterface`, and the check of its results.

use super::foreign_inner::IInner;
use super::interfaces::Interfaces;
use super::program::{Query, Riid};
use crate::block::{Block, Out};
use mapisync::abi::{
    IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IUnknown,
};
use mapisync::{ComPtr, GUID, HRESULT, Interface};
use std::ffi::c_void;
use std::ptr;
use test_support::outer::IOuter;

const KNOWN: [GUID; 6] = [
    IID_IUnknown,
    IID_IMAPISync,
    IID_IMAPISyncProgressCallback,
    IOuter::IID,
    IInner::IID,
    IID_IMAPISession,
];

/// Returns the bytes of an IID in memory, where its fields are native-endian.
fn bytes(iid: GUID) -> [u8; 16] {
    let mut bytes = iid.to_bytes_le();
    if cfg!(target_endian = "big") {
        for field in [0..4, 4..6, 6..8] {
            bytes[field].reverse();
        }
    }
    bytes
}

/// Calls `query_interface` with an IID, unless that is NULL, and with the arguments, which are NULL
/// or valid, at any alignment. Checks the results, and returns the new reference if there is one.
pub fn query(
    query: &Query,
    interfaces: &mut Interfaces,
    query_interface: impl FnOnce(*const GUID, *mut *mut c_void) -> HRESULT,
) -> Option<(GUID, ComPtr<IUnknown>)> {
    let known = |which: u8| KNOWN[usize::from(which) % KNOWN.len()];
    let iid = match query.riid {
        Riid::Null => None,
        Riid::Known(which) => Some(known(which)),
        Riid::Near(which, bit) => Some(GUID::from_u128(known(which).to_u128() ^ 1 << (bit % 128))),
        Riid::Any(bytes) => Some(GUID::from_bytes_le(bytes)),
    };
    let riid = iid.map(|iid| Block::new(&bytes(iid), query.shift));
    let riid = riid.as_ref();
    let ppv = Out::new(query.ppv, riid.map(|_| size_of::<GUID>()));
    let code = query_interface(riid.map_or(ptr::null(), |riid| riid.at()), ppv.at(riid));
    let out = ppv.value(riid);
    let Some((iid, out)) = iid.zip(out) else {
        assert_eq!(code, HRESULT::E_POINTER);
        assert!(out.is_none_or(|out| out.is_null()));
        return None;
    };
    let Some(address) = interfaces.address(iid) else {
        assert_eq!((code, out.is_null()), (interfaces.other, true));
        return None;
    };
    assert_eq!(code, HRESULT::S_OK);
    assert_eq!(*address.get_or_insert(out.addr()), out.addr(), "it moved");
    // SAFETY: `QueryInterface` succeeded, so `out` is an interface of the object and owns a
    // reference.
    let out = unsafe { ComPtr::from_raw(out.cast()) };
    Some((iid, out.expect("success comes with a pointer")))
}
