//! The wrapped `IMAPISupport`, which MAPI makes and the inner provider uses.

use crate::mapi::{IMAPISupport, IMAPISupportCalls, IProfSect, MAPIUID, MapiSupport};
use mapisync::{Class, ComPtr, Extends, HRESULT, Result, Wrapped};

/// The identifier of the profile section in which the PST provider looks for the settings of a file
/// of the Replication API.
pub const NST_SECTION: MAPIUID = MAPIUID {
    ab: [
        0x85, 0xED, 0x14, 0x23, 0x9D, 0xF7, 0x42, 0x66, 0x8B, 0xF2, 0xFB, 0xD4, 0xA5, 0x21, 0x29,
        0x41,
    ],
};

/// Passes all calls on to MAPI's support object. If the inner provider opens [`NST_SECTION`], it gets
/// the profile section of this provider.
pub struct Support {
    inner: ComPtr<IMAPISupport>,
    section: ComPtr<IProfSect>,
}

impl Support {
    /// Wraps a support object.
    ///
    /// Effect on the counts: none. The pointers move into the result.
    pub fn new(inner: ComPtr<IMAPISupport>, section: ComPtr<IProfSect>) -> Support {
        Support { inner, section }
    }
}

impl Class for Support {
    type Interfaces = (IMAPISupport,);

    const WRAPPED: Option<fn(&Self) -> Wrapped<'_>> = Some(|this| Wrapped::from(&this.inner));
}

impl MapiSupport for Support {
    fn inner_support(&self) -> Option<&ComPtr<impl Extends<IMAPISupport>>> {
        Some(&self.inner)
    }

    unsafe fn OpenProfileSection(
        &self,
        uid: *mut MAPIUID,
        flags: u32,
        section: *mut *mut IProfSect,
    ) -> Result<HRESULT> {
        // SAFETY: MAPI requires that the arguments are NULL or valid.
        unsafe {
            if !uid.is_null() && uid.read() == NST_SECTION && !section.is_null() {
                *section = self.section.clone().into_raw();
                return Ok(HRESULT::S_OK);
            }
            self.inner.OpenProfileSection(uid, flags, section).ok_code()
        }
    }
}
