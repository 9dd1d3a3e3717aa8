//! The identifiers, byte by byte.

use crate::abi::*;

/// An identifier as it lies in memory.
///
/// ```
/// use mapisync::abi::layout::GUIDS;
/// assert_eq!(GUIDS[3].name, "IID_IMAPISyncProgressCallback");
/// assert_eq!(GUIDS[3].little_endian[..4], [0x86, 0xA3, 0x24, 0x50]);
/// assert_eq!(GUIDS[3].little_endian, GUIDS[3].guid.to_bytes_le());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GuidBytes {
    /// The constant's name.
    pub name: &'static str,
    /// The identifier.
    pub guid: GUID,
    /// The bytes where numbers are little-endian, as on every Windows.
    pub little_endian: [u8; 16],
    /// The bytes where numbers are big-endian, as on s390x: the first three fields read the other way.
    pub big_endian: [u8; 16],
}

impl GuidBytes {
    /// The bytes on the target that this is compiled for.
    ///
    /// ```
    /// use mapisync::abi::layout::GUIDS;
    /// for guid in GUIDS {
    ///     // SAFETY: a GUID is 16 initialised bytes.
    ///     let memory: [u8; 16] = unsafe { (&raw const guid.guid).cast::<[u8; 16]>().read() };
    ///     assert_eq!(guid.here(), memory);
    /// }
    /// ```
    pub const fn here(&self) -> [u8; 16] {
        if cfg!(target_endian = "little") {
            self.little_endian
        } else {
            self.big_endian
        }
    }
}

/// The identifiers of the four interfaces in [`abi`](crate::abi).
///
/// ```
/// use mapisync::abi::{IID_IMAPISync, layout::GUIDS};
/// assert!(GUIDS.iter().any(|entry| entry.name == "IID_IMAPISync" && entry.guid == IID_IMAPISync));
/// ```
pub const GUIDS: [GuidBytes; 4] = [
    GuidBytes {
        name: "IID_IUnknown",
        guid: IID_IUnknown,
        little_endian: *b"\x00\x00\x00\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46",
        big_endian: *b"\x00\x00\x00\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46",
    },
    GuidBytes {
        name: "IID_IMAPISession",
        guid: IID_IMAPISession,
        little_endian: *b"\x00\x03\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46",
        big_endian: *b"\x00\x02\x03\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46",
    },
    GuidBytes {
        name: "IID_IMAPISync",
        guid: IID_IMAPISync,
        little_endian: *b"\x85\xA3\x24\x50\x44\x2D\x6A\x48\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
        big_endian: *b"\x50\x24\xA3\x85\x2D\x44\x48\x6A\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
    },
    GuidBytes {
        name: "IID_IMAPISyncProgressCallback",
        guid: IID_IMAPISyncProgressCallback,
        little_endian: *b"\x86\xA3\x24\x50\x44\x2D\x6A\x48\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
        big_endian: *b"\x50\x24\xA3\x86\x2D\x44\x48\x6A\x81\xA8\x8F\x0E\xCB\x60\x71\xDD",
    },
];

const _: () = {
    let mut index = 0;
    while index < GUIDS.len() {
        let entry = &GUIDS[index];
        // SAFETY: a GUID is 16 initialised bytes without padding.
        let memory = unsafe { (&raw const entry.guid).cast::<[u8; 16]>().read() };
        let (here, wire) = (entry.here(), entry.guid.to_bytes_le());
        let mut byte = 0;
        while byte < 16 {
            assert!(
                memory[byte] == here[byte] && wire[byte] == entry.little_endian[byte],
                "{}",
                entry.name
            );
            byte += 1;
        }
        index += 1;
    }
};
