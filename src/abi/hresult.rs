//! `HRESULT`: the code that a COM method returns.

use super::codes::NAMES;
use core::fmt;

/// The code that a COM method returns. Bit 31 is the severity, bits 26 to 16 are the facility, and
/// bits 15 to 0 are the code within the facility.
///
/// Test for success with [`is_ok`](HRESULT::is_ok), not by comparing with `S_OK`. Warnings such as
/// [`MAPI_W_PARTIAL_COMPLETION`](HRESULT::MAPI_W_PARTIAL_COMPLETION) are successes.
///
/// `Display` prints the name of a known code, and the facility and code of any other. If MAPI and
/// COM have different names for a number, it prints MAPI's, and `Debug` prints both.
///
/// ```
/// use mapisync::HRESULT;
///
/// let code = HRESULT::MAPI_E_NETWORK_ERROR;
/// assert!(code.is_err());
/// assert_eq!(code.to_string(), "MAPI_E_NETWORK_ERROR (0x80040115)");
/// assert_eq!(HRESULT::E_FAIL.to_string(), "MAPI_E_CALL_FAILED (0x80004005)");
/// assert_eq!(
///     format!("{:?}", HRESULT::E_FAIL),
///     "HRESULT(MAPI_E_CALL_FAILED | E_FAIL, 0x80004005)"
/// );
/// assert_eq!(HRESULT::from_bits(0x80072EE7).to_string(), "0x80072EE7 (facility 7, code 12007)");
/// assert_eq!(format!("{code:#x}"), "0x80040115");
/// ```
///
/// Source: [Structure of COM error
/// codes](https://learn.microsoft.com/windows/win32/com/structure-of-com-error-codes).
#[repr(transparent)]
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use = "an HRESULT may be a failure"]
pub struct HRESULT(pub i32);

impl HRESULT {
    /// Creates an `HRESULT` from its bits, such as `0x80040115`.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// assert_eq!(HRESULT::from_bits(0x80040115), HRESULT::MAPI_E_NETWORK_ERROR);
    /// ```
    pub const fn from_bits(bits: u32) -> HRESULT {
        HRESULT(bits as i32)
    }

    /// Returns the bits. This is the inverse of [`from_bits`](HRESULT::from_bits).
    ///
    /// ```
    /// assert_eq!(mapisync::HRESULT(-1).to_bits(), 0xFFFF_FFFF);
    /// ```
    pub const fn to_bits(self) -> u32 {
        self.0 as u32
    }

    /// Returns whether the severity is success, as `SUCCEEDED` does in C.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// assert!(HRESULT::S_FALSE.is_ok() && HRESULT::MAPI_W_PARTIAL_COMPLETION.is_ok());
    /// ```
    #[inline(always)]
    #[doc(alias = "SUCCEEDED")]
    pub const fn is_ok(self) -> bool {
        self.0 >= 0
    }

    /// Returns whether the severity is failure, as `FAILED` does in C.
    ///
    /// ```
    /// assert!(mapisync::HRESULT::E_ABORT.is_err());
    /// ```
    #[inline(always)]
    #[doc(alias = "FAILED")]
    pub const fn is_err(self) -> bool {
        self.0 < 0
    }

    /// Returns bit 31, which is 0 for success and 1 for failure.
    ///
    /// ```
    /// assert_eq!(mapisync::HRESULT::E_FAIL.severity(), 1);
    /// ```
    #[doc(alias = "HRESULT_SEVERITY")]
    pub const fn severity(self) -> u32 {
        self.to_bits() >> 31
    }

    /// Returns bits 26 to 16, the facility that defines the code: 4 is the interface itself, and 7
    /// is Win32.
    ///
    /// ```
    /// assert_eq!(mapisync::HRESULT::E_INVALIDARG.facility(), 7);
    /// ```
    #[doc(alias = "HRESULT_FACILITY")]
    pub const fn facility(self) -> u32 {
        (self.to_bits() >> 16) & 0x7FF
    }

    /// Returns bits 15 to 0, the code within its facility.
    ///
    /// ```
    /// assert_eq!(mapisync::HRESULT::MAPI_E_TIMEOUT.code(), 0x401);
    /// ```
    #[doc(alias = "HRESULT_CODE")]
    pub const fn code(self) -> u32 {
        self.to_bits() & 0xFFFF
    }

    /// Returns the name of the code, or `None` if this crate does not know it. If there are two
    /// names, it returns MAPI's.
    ///
    /// ```
    /// use mapisync::HRESULT;
    /// assert_eq!(HRESULT::E_OUTOFMEMORY.name(), Some("MAPI_E_NOT_ENOUGH_MEMORY"));
    /// assert_eq!(HRESULT(42).name(), None);
    /// ```
    pub fn name(self) -> Option<&'static str> {
        self.names().next()
    }

    /// Returns every name of the code, MAPI's first.
    fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, code)| *code == self).map(|(name, _)| *name)
    }
}

impl From<()> for HRESULT {
    /// Returns `S_OK`, so that a closure or method can return `Ok(())`.
    fn from(_: ()) -> HRESULT {
        HRESULT::S_OK
    }
}

impl fmt::Display for HRESULT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({self:#010X})"),
            None => write!(f, "{self:#010X} (facility {}, code {})", self.facility(), self.code()),
        }
    }
}

impl fmt::Debug for HRESULT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HRESULT(")?;
        for (n, name) in self.names().enumerate() {
            write!(f, "{}{name}", if n == 0 { "" } else { " | " })?;
        }
        write!(f, "{}{self:#010X})", if self.name().is_some() { ", " } else { "" })
    }
}

impl fmt::LowerHex for HRESULT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.to_bits(), f)
    }
}

impl fmt::UpperHex for HRESULT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::UpperHex::fmt(&self.to_bits(), f)
    }
}
