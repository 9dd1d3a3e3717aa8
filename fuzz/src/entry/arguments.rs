//! The two arguments of `QueryInterface`, and the check of its results.

use super::outer;
use super::program::{Ppv, Riid};
use super::world::Object;
use crate::memory::Block;
use mapisync::abi::{
    IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IUnknown,
};
use mapisync::{ComPtr, GUID, HRESULT};
use std::ffi::c_void;
use std::ptr;

const KNOWN: [GUID; 5] = [
    IID_IUnknown,
    IID_IMAPISync,
    IID_IMAPISyncProgressCallback,
    outer::IID_IOUTER,
    IID_IMAPISession,
];

const GARBAGE: [u8; size_of::<usize>()] = [0x5A; size_of::<usize>()];

/// The two arguments of `QueryInterface`, in memory of their exact sizes.
pub struct Arguments {
    pub iid: Option<GUID>,
    riid: Option<Block>,
    ppv: Option<Block>,
    /// The offset of the out parameter within the IID, if it lies there.
    inside: Option<usize>,
}

impl Arguments {
    pub fn new(riid: &Riid, ppv: &Ppv) -> Arguments {
        let known = |which: u8| KNOWN[usize::from(which) % KNOWN.len()];
        let (iid, shift) = match riid {
            Riid::Null => (None, 0),
            Riid::Known { which, shift } => (Some(known(*which)), *shift),
            Riid::Near { which, bit, shift } => {
                let flipped = known(*which).to_u128() ^ 1 << (bit % 128);
                (Some(GUID::from_u128(flipped)), *shift)
            }
            Riid::Any { bytes, shift } => (Some(GUID::from_bytes_le(*bytes)), *shift),
        };
        // The fields of a GUID are native-endian in memory.
        let bytes = |iid: GUID| {
            if cfg!(target_endian = "little") {
                iid.to_bytes_le()
            } else {
                iid.to_u128().to_be_bytes()
            }
        };
        let riid = iid.map(|iid| Block::new(&bytes(iid), shift));
        let (ppv, inside) = match ppv {
            Ppv::Null => (None, None),
            Ppv::Inside { offset } if riid.is_some() => {
                (None, Some(usize::from(*offset) % (16 - GARBAGE.len() + 1)))
            }
            Ppv::Inside { offset: shift } | Ppv::Own { shift } => {
                (Some(Block::new(&GARBAGE, *shift)), None)
            }
        };
        Arguments {
            iid,
            riid,
            ppv,
            inside,
        }
    }

    pub fn riid(&self) -> *const GUID {
        self.riid
            .as_ref()
            .map_or(ptr::null(), |block| block.at::<GUID>().cast_const())
    }

    pub fn ppv(&self) -> *mut *mut c_void {
        match (&self.ppv, &self.riid, self.inside) {
            (Some(out), ..) => out.at(),
            (None, Some(riid), Some(offset)) => riid.at::<u8>().wrapping_add(offset).cast(),
            _ => ptr::null_mut(),
        }
    }

    /// Returns the value of the out parameter, if there is one.
    pub fn out(&self) -> Option<*mut c_void> {
        match (&self.ppv, &self.riid, self.inside) {
            (Some(out), ..) => Some(out.pointer(0)),
            (None, Some(riid), Some(offset)) => Some(riid.pointer(offset)),
            _ => None,
        }
    }

    /// Checks the code and the out parameter, and returns the new reference if the call succeeded.
    pub fn check(&self, code: HRESULT, object: &mut Object) -> Option<ComPtr<IUnknown>> {
        let Some(out) = self.out() else {
            assert_eq!(code, HRESULT::E_POINTER);
            return None;
        };
        let pointers = object.pointers.iter_mut();
        let known = self
            .iid
            .and_then(|iid| pointers.rev().find(|(known, _)| *known == iid));
        let Some((_, pointer)) = known else {
            let null = self.iid.is_none();
            assert_eq!(
                code,
                if null {
                    HRESULT::E_POINTER
                } else {
                    HRESULT::E_NOINTERFACE
                }
            );
            assert!(out.is_null());
            return None;
        };
        assert_eq!(code, HRESULT::S_OK);
        assert_eq!(
            *pointer.get_or_insert(out.addr()),
            out.addr(),
            "always the same"
        );
        // SAFETY: `QueryInterface` succeeded, so `out` is an interface of the object and owns a
        // reference.
        Some(unsafe { ComPtr::from_raw(out.cast()) }.expect("success comes with a pointer"))
    }
}
