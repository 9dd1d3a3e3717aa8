//! `GUID`, and the identifiers of the interfaces in [`abi`](super).

use core::fmt;
use core::str::FromStr;

/// A globally unique identifier, with the layout of C. The first three fields are **native-endian**
/// numbers.
///
/// In little-endian memory, the sixteen bytes are therefore those that
/// [`to_bytes_le`](GUID::to_bytes_le) returns, which files and network protocols use on every
/// machine. In big-endian memory, they have the order of the string form.
///
/// GUIDs are ordered as their string forms are.
///
/// ```
/// use mapisync::GUID;
///
/// const IID: GUID = GUID::from_u128(0x5024A385_2D44_486A_81A8_8F0ECB6071DD);
/// assert_eq!(IID, mapisync::abi::IID_IMAPISync);
/// assert_eq!(IID.to_string(), "5024A385-2D44-486A-81A8-8F0ECB6071DD");
/// assert_eq!(format!("{IID:#}"), "{5024A385-2D44-486A-81A8-8F0ECB6071DD}");
/// assert_eq!("{5024a385-2d44-486a-81a8-8f0ecb6071dd}".parse(), Ok(IID));
/// ```
///
/// Source: [GUID structure](https://learn.microsoft.com/windows/win32/api/guiddef/ns-guiddef-guid).
#[repr(C)]
#[derive(Clone, Copy, Default, Eq, PartialOrd, Ord, Hash)]
#[allow(non_snake_case)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equal GUIDs have equal fields")]
#[doc(alias("IID", "CLSID", "MAPIUID"))]
pub struct GUID {
    /// The first eight hexadecimal digits.
    pub Data1: u32,
    /// The first group of four digits.
    pub Data2: u16,
    /// The second group of four digits.
    pub Data3: u16,
    /// The last sixteen digits, two in each byte.
    pub Data4: [u8; 8],
}

/// IID of [`IUnknown`](super::IUnknown), from `Unknwn.h`.
///
/// ```
/// assert_eq!(mapisync::abi::IID_IUnknown.to_string(), "00000000-0000-0000-C000-000000000046");
/// ```
#[allow(non_upper_case_globals)]
pub const IID_IUnknown: GUID = GUID::from_u128(0x00000000_0000_0000_C000_000000000046);
/// IID of [`IMAPISync`](super::IMAPISync), from [its
/// page](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisynciunknown).
///
/// ```
/// assert_eq!(mapisync::abi::IID_IMAPISync.to_string(), "5024A385-2D44-486A-81A8-8F0ECB6071DD");
/// ```
#[allow(non_upper_case_globals)]
pub const IID_IMAPISync: GUID = GUID::from_u128(0x5024A385_2D44_486A_81A8_8F0ECB6071DD);
/// IID of [`IMAPISyncProgressCallback`](super::IMAPISyncProgressCallback), from [its
/// page](https://learn.microsoft.com/office/client-developer/outlook/mapi/imapisyncprogresscallbackiunknown).
///
/// ```
/// use mapisync::abi::IID_IMAPISyncProgressCallback as IID;
/// assert_eq!(IID.to_string(), "5024A386-2D44-486A-81A8-8F0ECB6071DD");
/// ```
#[allow(non_upper_case_globals)]
pub const IID_IMAPISyncProgressCallback: GUID =
    GUID::from_u128(0x5024A386_2D44_486A_81A8_8F0ECB6071DD);
/// IID of [`IMAPISession`](super::IMAPISession), from `MAPIGuid.h`.
///
/// ```
/// assert_eq!(mapisync::abi::IID_IMAPISession.to_string(), "00020300-0000-0000-C000-000000000046");
/// ```
#[allow(non_upper_case_globals)]
pub const IID_IMAPISession: GUID = GUID::from_u128(0x00020300_0000_0000_C000_000000000046);

impl GUID {
    /// Creates a GUID from its string form, read as one hexadecimal number.
    ///
    /// ```
    /// let iid = mapisync::GUID::from_u128(0x00020300_0000_0000_C000_000000000046);
    /// assert_eq!((iid.Data1, iid.Data4[0], iid.Data4[7]), (0x00020300, 0xC0, 0x46));
    /// ```
    pub const fn from_u128(value: u128) -> GUID {
        GUID {
            Data1: (value >> 96) as u32,
            Data2: (value >> 80) as u16,
            Data3: (value >> 64) as u16,
            Data4: (value as u64).to_be_bytes(),
        }
    }

    /// Returns the string form, read as one hexadecimal number. This is the inverse of
    /// [`from_u128`](GUID::from_u128).
    ///
    /// ```
    /// assert_eq!(mapisync::GUID::from_u128(0x1234).to_u128(), 0x1234);
    /// ```
    pub const fn to_u128(&self) -> u128 {
        (self.Data1 as u128) << 96
            | (self.Data2 as u128) << 80
            | (self.Data3 as u128) << 64
            | u64::from_be_bytes(self.Data4) as u128
    }

    /// Parses the string form, with or without braces. It is the body of [`FromStr`], and can run at
    /// compile time.
    pub(crate) const fn parse(string: &str) -> Option<GUID> {
        let digits = match string.as_bytes() {
            [b'{', digits @ .., b'}'] => digits,
            digits => digits,
        };
        if digits.len() != 36 {
            return None;
        }
        let (mut value, mut index) = (0_u128, 0);
        while index < 36 {
            let (byte, hyphen) = (digits[index], matches!(index, 8 | 13 | 18 | 23));
            match (byte as char).to_digit(16) {
                Some(digit) if !hyphen => value = value << 4 | digit as u128,
                None if hyphen && byte == b'-' => {}
                _ => return None,
            }
            index += 1;
        }
        Some(GUID::from_u128(value))
    }

    /// Returns the sixteen bytes in the order of files, network protocols and little-endian memory,
    /// on every machine.
    ///
    /// ```
    /// let bytes = mapisync::abi::IID_IMAPISync.to_bytes_le();
    /// assert_eq!(bytes[..8], [0x85, 0xA3, 0x24, 0x50, 0x44, 0x2D, 0x6A, 0x48]);
    /// ```
    pub const fn to_bytes_le(&self) -> [u8; 16] {
        let [a, b, c, d] = self.Data1.to_le_bytes();
        let ([e, f], [g, h]) = (self.Data2.to_le_bytes(), self.Data3.to_le_bytes());
        let [i, j, k, l, m, n, o, p] = self.Data4;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// Creates a GUID from the sixteen bytes that [`to_bytes_le`](GUID::to_bytes_le) returns.
    ///
    /// ```
    /// use mapisync::GUID;
    /// let bytes = *b"\x85\xA3\x24\x50\x44\x2D\x6A\x48\x81\xA8\x8F\x0E\xCB\x60\x71\xDD";
    /// assert_eq!(GUID::from_bytes_le(bytes), mapisync::abi::IID_IMAPISync);
    /// ```
    pub const fn from_bytes_le(bytes: [u8; 16]) -> GUID {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        GUID {
            Data1: u32::from_le_bytes([a, b, c, d]),
            Data2: u16::from_le_bytes([e, f]),
            Data3: u16::from_le_bytes([g, h]),
            Data4: [i, j, k, l, m, n, o, p],
        }
    }
}

impl PartialEq for GUID {
    /// Compares each GUID as two 64-bit numbers. `QueryInterface` compares the requested IID with
    /// those of the object's interfaces, and four fields take more than twice the instructions.
    #[inline]
    fn eq(&self, other: &GUID) -> bool {
        let halves = |guid: &GUID| {
            let (second, third) = (u64::from(guid.Data2), u64::from(guid.Data3));
            let first = u64::from(guid.Data1) | second << 32 | third << 48;
            [first, u64::from_ne_bytes(guid.Data4)]
        };
        halves(self) == halves(other)
    }
}

impl fmt::Display for GUID {
    /// Prints uppercase digits with hyphens. The alternate form (`{:#}`) encloses them in braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if f.alternate() { ("{", "}") } else { ("", "") };
        let tail = u64::from_be_bytes(self.Data4);
        let (a, b, c) = (self.Data1, self.Data2, self.Data3);
        write!(
            f,
            "{open}{a:08X}-{b:04X}-{c:04X}-{:04X}-{:012X}{close}",
            tail >> 48,
            tail & 0xFFFF_FFFF_FFFF
        )
    }
}

impl fmt::Debug for GUID {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GUID({self})")
    }
}

/// The error for a string that is not a GUID.
///
/// **What to do:** write 8-4-4-4-12 hexadecimal digits with hyphens. Braces around them are
/// optional.
///
/// ```
/// assert!("5024A385".parse::<mapisync::GUID>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseGuidError;

impl fmt::Display for ParseGuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the string is not a GUID")
    }
}

impl core::error::Error for ParseGuidError {}

impl FromStr for GUID {
    type Err = ParseGuidError;

    fn from_str(string: &str) -> Result<GUID, ParseGuidError> {
        GUID::parse(string).ok_or(ParseGuidError)
    }
}
