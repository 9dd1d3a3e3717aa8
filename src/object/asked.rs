//! What `QueryInterface` is asked for, and how it is recognised.

use crate::abi::{GUID, IID_IUnknown};
use core::marker::PhantomData;

/// The identifier that a caller of `QueryInterface` passes, at any address. A pointer and no reference, since the caller's slot,
/// which is written in the end, may lie in the same place.
///
/// The three comparisons say the same, and each takes the fewest instructions at its turn. What is compared as slices the
/// compiler leaves alone; numbers it turns into a search among all of them, where that is shorter. `benches` has the counts.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    bytes: *const [u8; 16],
    lender: PhantomData<&'a GUID>,
}

impl<'a> Asked<'a> {
    /// What stands at `riid`.
    ///
    /// # Safety
    ///
    /// A `GUID` stands at `riid` for `'a`, at any address, and nobody writes there while a method of this runs.
    #[inline(always)]
    pub(super) unsafe fn at(riid: *const GUID) -> Asked<'a> {
        Asked {
            bytes: riid.cast(),
            lender: PhantomData,
        }
    }

    /// Whether it is `IUnknown`, which every object has and compares with first: by halves, since the first one is 0, for which
    /// the instruction is short.
    #[inline(always)]
    pub(super) fn is_unknown(self) -> bool {
        let (asked, unknown) = (self.bytes(), IID_IUnknown.memory());
        asked[..8] == unknown[..8] && asked[8..] == unknown[8..]
    }

    /// Whether it is the identifier of an object's first interface, for which most ask: by all bytes at once.
    #[inline(always)]
    pub(super) fn is_first(self, iid: &GUID) -> bool {
        self.bytes().as_slice() == iid.memory().as_slice()
    }

    /// Whether it is that of a further one: by a number, in which nearly all differ, and then by another.
    #[inline(always)]
    pub(super) fn is_further(self, iid: &GUID) -> bool {
        let half =
            |bytes: &[u8; 16], at: usize| u64::from_ne_bytes(bytes[at..][..8].try_into().unwrap());
        let (asked, iid) = (self.bytes(), iid.memory());
        half(asked, 0) == half(iid, 0) && half(asked, 8) == half(iid, 8)
    }

    /// The bytes, which are not looked at later than the caller returns.
    #[inline(always)]
    fn bytes(&self) -> &[u8; 16] {
        // SAFETY: a GUID is 16 initialised bytes, which can be read and stay as they are, by `at`'s contract; bytes have no
        // alignment.
        unsafe { &*self.bytes }
    }
}

impl<'a> From<&'a GUID> for Asked<'a> {
    #[inline(always)]
    fn from(iid: &'a GUID) -> Asked<'a> {
        // SAFETY: it is borrowed for `'a`.
        unsafe { Asked::at(iid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::IID_IMAPISync;

    #[test]
    fn every_bit_counts_at_any_address() {
        let mut memory = [0_u8; 17];
        for bit in 0..=128 {
            for iid in [IID_IUnknown, IID_IMAPISync] {
                let other = GUID::from_u128(iid.to_u128() ^ 1_u128.checked_shl(bit).unwrap_or(0));
                for shift in [0, 1] {
                    memory[shift..][..16].copy_from_slice(other.memory());
                    // SAFETY: the bytes of a GUID, aligned or not.
                    let asked = unsafe { Asked::at(memory.as_ptr().add(shift).cast()) };
                    let same = bit == 128;
                    assert_eq!(asked.is_first(&iid), same, "{other}");
                    assert_eq!(asked.is_further(&iid), same, "{other}");
                    assert_eq!(asked.is_unknown(), same && iid == IID_IUnknown, "{other}");
                }
            }
        }
    }
}
