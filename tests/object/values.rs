//! The values of the ABI and of errors: GUIDs, codes, flags, and the code and message of each
//! error.

use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback, ParseGuidError};
use mapisync::{Error, GUID, HRESULT, ResultExt, SyncFlags};
use std::error::Error as _;
use std::io::{self, ErrorKind as Kind};

#[test]
fn the_bytes_in_memory_are_those_of_a_c_guid() {
    let little = 0x85A32450_442D_6A48_81A8_8F0ECB6071DD_u128.to_be_bytes();
    let big = 0x5024A385_2D44_486A_81A8_8F0ECB6071DD_u128.to_be_bytes();
    let native = if cfg!(target_endian = "little") { little } else { big };
    // SAFETY: a GUID is 16 initialized bytes without padding.
    let memory = unsafe { std::ptr::from_ref(&IID_IMAPISync).cast::<[u8; 16]>().read() };
    assert_eq!(memory, native);
    assert_eq!(IID_IMAPISync.to_bytes_le(), little);
    assert_eq!(GUID::from_bytes_le(little), IID_IMAPISync);
    let mut callback = little;
    callback[0] = 0x86;
    assert_eq!(IID_IMAPISyncProgressCallback.to_bytes_le(), callback);
}

#[test]
fn every_bit_takes_part_in_conversion_equality_and_order() {
    for bit in 0..128 {
        let value = 1_u128 << bit;
        let guid = GUID::from_u128(value);
        assert_eq!(guid.to_u128(), value);
        assert_eq!(GUID::from_bytes_le(guid.to_bytes_le()), guid);
        assert_eq!(guid.to_string().parse(), Ok(guid));
        assert_ne!(guid, GUID::default());
        assert!(guid > GUID::from_u128(value - 1) && guid < GUID::from_u128(!0));
    }
}

#[test]
fn strings_that_are_not_guids_are_rejected() {
    let good = "5024A385-2D44-486A-81A8-8F0ECB6071DD";
    assert_eq!(good.parse::<GUID>(), Ok(IID_IMAPISync));
    let bad = [
        "",
        "{}",
        "{5024A385-2D44-486A-81A8-8F0ECB6071DD",
        "5024A385-2D44-486A-81A8-8F0ECB6071DD}",
        "{{5024A385-2D44-486A-81A8-8F0ECB6071DD}}",
        "5024A385-2D44-486A-81A8-8F0ECB6071D",
        "5024A385-2D44-486A-81A8-8F0ECB6071DDD",
        "5024A3852-D44-486A-81A8-8F0ECB6071DD",
        "5024A385+2D44+486A+81A8+8F0ECB6071DD",
        "5024A385-2D44-486A-81A8-8F0ECB6071DG",
        "5024A385-2D44-486A-81A8-8F0ECB6071ß",
        "+024A385-2D44-486A-81A8-8F0ECB6071DD",
        " 5024A385-2D44-486A-81A8-8F0ECB6071D",
    ];
    for string in bad {
        assert_eq!(string.parse::<GUID>(), Err(ParseGuidError), "{string:?}");
    }
}

#[test]
fn a_code_has_its_severity_facility_and_code() {
    for (bits, severity, facility, code) in [
        (0x0000_0000, 0, 0, 0),
        (0x8004_0115, 1, 4, 0x115),
        (0x0004_0680, 0, 4, 0x680),
        (0x87FF_FFFF, 1, 0x7FF, 0xFFFF),
        (0x7800_0000, 0, 0, 0),
    ] {
        let hr = HRESULT::from_bits(bits);
        let parts = (hr.severity(), hr.facility(), hr.code());
        assert_eq!(parts, (severity, facility, code), "{bits:#X}");
        let result = (hr.to_bits(), hr.is_ok(), hr.is_err());
        assert_eq!(result, (bits, severity == 0, severity == 1));
    }
}

#[test]
fn display_prints_the_name_or_else_facility_and_code() {
    let cases = [
        (HRESULT::S_OK, "S_OK", "S_OK"),
        (HRESULT::MAPI_E_BUSY, "MAPI_E_BUSY", "MAPI_E_BUSY"),
        // MAPI's own name of a number comes first.
        (
            HRESULT::E_NOINTERFACE,
            "MAPI_E_INTERFACE_NOT_SUPPORTED",
            "MAPI_E_INTERFACE_NOT_SUPPORTED | E_NOINTERFACE",
        ),
        (
            HRESULT::CLASS_E_NOAGGREGATION,
            "MAPI_E_VERSION",
            "MAPI_E_VERSION | CLASS_E_NOAGGREGATION",
        ),
    ];
    for (hr, display, debug) in cases {
        assert_eq!(hr.to_string(), format!("{display} ({hr:#010X})"));
        assert_eq!(format!("{hr:?}"), format!("HRESULT({debug}, {hr:#010X})"));
    }
    let unnamed = HRESULT(0x0001_0002);
    assert_eq!(unnamed.to_string(), "0x00010002 (facility 1, code 2)");
    assert_eq!(format!("{unnamed:?}"), "HRESULT(0x00010002)");
    let (abort, no) = (HRESULT::E_ABORT, HRESULT::S_FALSE);
    assert_eq!(format!("{abort:x} {abort:X} {no:#X}"), "80004004 80004004 0x1");
}

/// `tests/interop_cpp` compares the other codes with Windows' headers.
#[test]
fn the_codes_that_are_newer_than_mingws_headers_have_their_documented_values() {
    let bits = [HRESULT::MAPI_E_RECONNECTED, HRESULT::MAPI_E_OFFLINE, HRESULT::MAPI_E_STORE_FULL];
    assert_eq!(bits.map(HRESULT::to_bits), [0x80040125, 0x80040126, 0x8004060C]);
}

#[test]
fn the_nine_values_are_the_documented_ones() {
    let documented = [
        ("UPLOAD_HIERARCHY", 0x0000_0001),
        ("DOWNLOAD_HIERARCHY", 0x0000_0002),
        ("UPLOAD_CONTENTS", 0x0000_0040),
        ("DOWNLOAD_CONTENTS", 0x0000_0080),
        ("OUTGOING_MAIL", 0x0000_0200),
        ("BACKGROUND", 0x0000_1000),
        ("THESE_FOLDERS", 0x0002_0000),
        ("GLOBAL_HEADERS", 0x0200_0000),
        ("ON_DEMAND", 0x2000_0000),
    ];
    let all = documented.iter().fold(0, |all, (_, bits)| all | bits);
    let named = SyncFlags::from_bits_retain(all);
    let names = named.iter_names().map(|(name, flag)| (name, flag.bits()));
    assert!(names.eq(documented));
    let page = named - SyncFlags::BACKGROUND - SyncFlags::THESE_FOLDERS;
    assert_eq!(page.bits(), 0x2200_02C3, "the seven of the MAPISIB page");
}

#[test]
fn unknown_bits_are_preserved_and_shown() {
    for bits in [0x4, 0x8000_0000, 0xFFFF_FFFF] {
        let flags = SyncFlags::from_bits_retain(bits);
        assert_eq!((flags.bits(), SyncFlags::from_bits(bits)), (bits, Some(flags)));
        assert_eq!(SyncFlags::from_bits_truncate(bits), flags);
    }
    let shown = format!("{:?} {:?}", SyncFlags::from_bits_retain(0x84), SyncFlags::empty());
    assert_eq!(shown, "SyncFlags(DOWNLOAD_CONTENTS | 0x4) SyncFlags(0x0)");
}

#[test]
fn an_error_never_has_a_success_code() {
    for error in [
        Error::from(HRESULT::S_OK),
        Error::new(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
        Error::with_source(HRESULT::S_OK, "source"),
    ] {
        assert_eq!(error.hresult(), HRESULT::E_FAIL);
    }
}

#[test]
fn context_keeps_the_code_and_the_source_and_cancellations() {
    let code = HRESULT::MAPI_E_CORRUPT_DATA;
    let cause = || "12x".parse::<u32>().unwrap_err();
    let failed = Err::<(), _>(cause()).code(code).context("size").context("Inbox");
    let error = failed.unwrap_err();
    assert_eq!(
        (error.hresult(), error.to_string().as_str()),
        (code, "Inbox: size: invalid digit found in string")
    );
    assert!(error.source().unwrap().is::<std::num::ParseIntError>());
    // An error of this crate without a source has none with context, either.
    let busy = Err::<(), _>(Error::new(HRESULT::MAPI_E_BUSY, "in use")).context("Inbox");
    assert!(busy.unwrap_err().source().is_none());
    let system = Err::<(), _>(io::Error::from(Kind::NotFound)).context("Inbox");
    assert_eq!(system.unwrap_err().hresult(), HRESULT::MAPI_E_NOT_FOUND);
    let canceled = || Err::<(), _>(Error::Canceled);
    for error in [canceled().context("Inbox"), canceled().code(code)] {
        assert!(matches!(error, Err(Error::Canceled)));
    }
    let busy = Err::<(), _>(Error::new(HRESULT::MAPI_E_BUSY, "in use"));
    let again = busy.code(code).unwrap_err();
    assert_eq!((again.hresult(), again.to_string().as_str()), (code, "in use"));
    assert!(!Error::Code(HRESULT::MAPI_E_USER_CANCEL).is_canceled());
}

#[test]
fn io_kinds_become_the_fitting_codes() {
    let kinds: [(&[Kind], HRESULT); 7] = [
        (
            &[
                Kind::ConnectionRefused,
                Kind::ConnectionReset,
                Kind::ConnectionAborted,
                Kind::NotConnected,
                Kind::BrokenPipe,
                Kind::HostUnreachable,
                Kind::NetworkUnreachable,
                Kind::NetworkDown,
            ],
            HRESULT::MAPI_E_NETWORK_ERROR,
        ),
        (&[Kind::TimedOut, Kind::WouldBlock], HRESULT::MAPI_E_TIMEOUT),
        (&[Kind::StorageFull, Kind::QuotaExceeded], HRESULT::MAPI_E_NOT_ENOUGH_DISK),
        (&[Kind::PermissionDenied, Kind::ReadOnlyFilesystem], HRESULT::MAPI_E_NO_ACCESS),
        (&[Kind::OutOfMemory], HRESULT::MAPI_E_NOT_ENOUGH_MEMORY),
        (&[Kind::NotFound], HRESULT::MAPI_E_NOT_FOUND),
        (&[Kind::Other], HRESULT::MAPI_E_CALL_FAILED),
    ];
    for (kinds, code) in kinds {
        for kind in kinds {
            let error = Error::from(io::Error::from(*kind));
            assert_eq!(error.hresult(), code, "{kind:?}");
        }
    }
}
