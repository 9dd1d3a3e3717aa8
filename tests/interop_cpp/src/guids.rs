//! The identifiers byte by byte, written out independently of the crate's constants.

use mapisync::abi::{
    GUID, IID_IMAPISession, IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown,
};

/// An identifier and its bytes in memory.
#[derive(Clone, Copy, Debug)]
pub struct GuidBytes {
    /// The constant's name.
    pub name: &'static str,
    /// The constant.
    pub guid: GUID,
    /// The bytes on a little-endian machine. Every Windows is one.
    pub little_endian: [u8; 16],
    /// The bytes on a big-endian machine such as s390x. The first three fields are in the other
    /// order there.
    pub big_endian: [u8; 16],
}

impl GuidBytes {
    /// The bytes on the target for which this is compiled.
    pub const fn here(&self) -> [u8; 16] {
        if cfg!(target_endian = "little") {
            self.little_endian
        } else {
            self.big_endian
        }
    }
}

/// The identifiers of the interfaces in `mapisync::abi`.
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
        // SAFETY: a `GUID` is 16 initialized bytes without padding (4 + 2 + 2 + 8), and an array of
        // bytes has no alignment of its own.
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
