//! The interfaces that an object must have.

use mapisync::{GUID, HRESULT};

/// The interfaces, and the address that `QueryInterface` returned for each of them, after the first
/// query.
pub struct Interfaces {
    known: Vec<(GUID, Option<usize>)>,
    /// The code for every other IID.
    pub other: HRESULT,
}

impl Interfaces {
    pub fn new(iids: &[GUID]) -> Interfaces {
        Interfaces {
            known: iids.iter().map(|iid| (*iid, None)).collect(),
            other: HRESULT::E_NOINTERFACE,
        }
    }

    pub fn add(&mut self, iid: GUID) {
        self.known.push((iid, None));
    }

    /// Returns the known address of an interface, if the object has it.
    pub fn address(&mut self, iid: GUID) -> Option<&mut Option<usize>> {
        let known = self.known.iter_mut().find(|(known, _)| *known == iid);
        known.map(|(_, address)| address)
    }
}
