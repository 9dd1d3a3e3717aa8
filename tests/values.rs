//! The values of the ABI and of errors: GUIDs, codes, flags, and the code and message of each
//! error.

use mapisync::abi::{IID_IMAPISync, IID_IMAPISyncProgressCallback};
use mapisync::{Error, GUID, HRESULT, ResultExt, SyncFlags};
use std::error::Error as _;
use std::io::{self, ErrorKind as Kind};

#[test]
fn the_bytes_in_memory_are_those_of_a_c_guid() {
    let little = [
        0x85, 0xA3, 0x24, 0x50, 0x44, 0x2D, 0x6A, 0x48, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71,
        0xDD,
    ];
    let big = [
        0x50, 0x24, 0xA3, 0x85, 0x2D, 0x44, 0x48, 0x6A, 0x81, 0xA8, 0x8F, 0x0E, 0xCB, 0x60, 0x71,
        0xDD,
    ];
    // SAFETY: a GUID is 16 initialized bytes without padding.
    let memory = unsafe { std::ptr::from_ref(&IID_IMAPISync).cast::<[u8; 16]>().read() };
    assert_eq!(
        memory,
        if cfg!(target_endian = "little") {
            little
        } else {
            big
        }
    );
    assert_eq!(IID_IMAPISync.to_bytes_le(), little);
    assert_eq!(GUID::from_bytes_le(little), IID_IMAPISync);
    assert_eq!(IID_IMAPISyncProgressCallback.to_bytes_le()[0], 0x86);
    assert_eq!(
        IID_IMAPISyncProgressCallback.to_bytes_le()[1..],
        little[1..]
    );
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
        assert_eq!(
            string.parse::<GUID>(),
            Err(mapisync::abi::ParseGuidError),
            "{string:?}"
        );
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
        assert_eq!(
            (hr.severity(), hr.facility(), hr.code()),
            (severity, facility, code),
            "{bits:#X}"
        );
        assert_eq!(
            (hr.to_bits(), hr.is_ok(), hr.is_err()),
            (bits, severity == 0, severity == 1)
        );
    }
}

#[test]
fn display_prints_the_name_or_else_facility_and_code() {
    for (hr, display, debug) in [
        (
            HRESULT::S_OK,
            "S_OK (0x00000000)",
            "HRESULT(S_OK, 0x00000000)",
        ),
        (
            HRESULT::E_NOINTERFACE,
            "MAPI_E_INTERFACE_NOT_SUPPORTED (0x80004002)",
            "HRESULT(MAPI_E_INTERFACE_NOT_SUPPORTED | E_NOINTERFACE, 0x80004002)",
        ),
        (
            HRESULT::CLASS_E_NOAGGREGATION,
            "MAPI_E_VERSION (0x80040110)",
            "HRESULT(MAPI_E_VERSION | CLASS_E_NOAGGREGATION, 0x80040110)",
        ),
        (
            HRESULT(0x0001_0002),
            "0x00010002 (facility 1, code 2)",
            "HRESULT(0x00010002)",
        ),
    ] {
        assert_eq!(hr.to_string(), display);
        assert_eq!(format!("{hr:?}"), debug);
    }
    assert_eq!(
        format!(
            "{:x} {:X} {:#X}",
            HRESULT::E_ABORT,
            HRESULT::E_ABORT,
            HRESULT::S_FALSE
        ),
        "80004004 80004004 0x1"
    );
}

/// The codes of `MAPICode.h` once more, written out independently of `src/abi/codes.rs`.
const MAPI: [(&str, u32); 77] = [
    ("MAPI_E_CALL_FAILED", 0x80004005),
    ("MAPI_E_NOT_ENOUGH_MEMORY", 0x8007000E),
    ("MAPI_E_INVALID_PARAMETER", 0x80070057),
    ("MAPI_E_INTERFACE_NOT_SUPPORTED", 0x80004002),
    ("MAPI_E_NO_ACCESS", 0x80070005),
    ("MAPI_E_NO_SUPPORT", 0x80040102),
    ("MAPI_E_BAD_CHARWIDTH", 0x80040103),
    ("MAPI_E_STRING_TOO_LONG", 0x80040105),
    ("MAPI_E_UNKNOWN_FLAGS", 0x80040106),
    ("MAPI_E_INVALID_ENTRYID", 0x80040107),
    ("MAPI_E_INVALID_OBJECT", 0x80040108),
    ("MAPI_E_OBJECT_CHANGED", 0x80040109),
    ("MAPI_E_OBJECT_DELETED", 0x8004010A),
    ("MAPI_E_BUSY", 0x8004010B),
    ("MAPI_E_NOT_ENOUGH_DISK", 0x8004010D),
    ("MAPI_E_NOT_ENOUGH_RESOURCES", 0x8004010E),
    ("MAPI_E_NOT_FOUND", 0x8004010F),
    ("MAPI_E_VERSION", 0x80040110),
    ("MAPI_E_LOGON_FAILED", 0x80040111),
    ("MAPI_E_SESSION_LIMIT", 0x80040112),
    ("MAPI_E_USER_CANCEL", 0x80040113),
    ("MAPI_E_UNABLE_TO_ABORT", 0x80040114),
    ("MAPI_E_NETWORK_ERROR", 0x80040115),
    ("MAPI_E_DISK_ERROR", 0x80040116),
    ("MAPI_E_TOO_COMPLEX", 0x80040117),
    ("MAPI_E_BAD_COLUMN", 0x80040118),
    ("MAPI_E_EXTENDED_ERROR", 0x80040119),
    ("MAPI_E_COMPUTED", 0x8004011A),
    ("MAPI_E_CORRUPT_DATA", 0x8004011B),
    ("MAPI_E_UNCONFIGURED", 0x8004011C),
    ("MAPI_E_FAILONEPROVIDER", 0x8004011D),
    ("MAPI_E_UNKNOWN_CPID", 0x8004011E),
    ("MAPI_E_UNKNOWN_LCID", 0x8004011F),
    ("MAPI_E_PASSWORD_CHANGE_REQUIRED", 0x80040120),
    ("MAPI_E_PASSWORD_EXPIRED", 0x80040121),
    ("MAPI_E_INVALID_WORKSTATION_ACCOUNT", 0x80040122),
    ("MAPI_E_INVALID_ACCESS_TIME", 0x80040123),
    ("MAPI_E_ACCOUNT_DISABLED", 0x80040124),
    ("MAPI_E_END_OF_SESSION", 0x80040200),
    ("MAPI_E_UNKNOWN_ENTRYID", 0x80040201),
    ("MAPI_E_MISSING_REQUIRED_COLUMN", 0x80040202),
    ("MAPI_W_NO_SERVICE", 0x00040203),
    ("MAPI_E_BAD_VALUE", 0x80040301),
    ("MAPI_E_INVALID_TYPE", 0x80040302),
    ("MAPI_E_TYPE_NO_SUPPORT", 0x80040303),
    ("MAPI_E_UNEXPECTED_TYPE", 0x80040304),
    ("MAPI_E_TOO_BIG", 0x80040305),
    ("MAPI_E_DECLINE_COPY", 0x80040306),
    ("MAPI_E_UNEXPECTED_ID", 0x80040307),
    ("MAPI_W_ERRORS_RETURNED", 0x00040380),
    ("MAPI_E_UNABLE_TO_COMPLETE", 0x80040400),
    ("MAPI_E_TIMEOUT", 0x80040401),
    ("MAPI_E_TABLE_EMPTY", 0x80040402),
    ("MAPI_E_TABLE_TOO_BIG", 0x80040403),
    ("MAPI_E_INVALID_BOOKMARK", 0x80040405),
    ("MAPI_W_POSITION_CHANGED", 0x00040481),
    ("MAPI_W_APPROX_COUNT", 0x00040482),
    ("MAPI_E_WAIT", 0x80040500),
    ("MAPI_E_CANCEL", 0x80040501),
    ("MAPI_E_NOT_ME", 0x80040502),
    ("MAPI_W_CANCEL_MESSAGE", 0x00040580),
    ("MAPI_E_CORRUPT_STORE", 0x80040600),
    ("MAPI_E_NOT_IN_QUEUE", 0x80040601),
    ("MAPI_E_NO_SUPPRESS", 0x80040602),
    ("MAPI_E_COLLISION", 0x80040604),
    ("MAPI_E_NOT_INITIALIZED", 0x80040605),
    ("MAPI_E_NON_STANDARD", 0x80040606),
    ("MAPI_E_NO_RECIPIENTS", 0x80040607),
    ("MAPI_E_SUBMITTED", 0x80040608),
    ("MAPI_E_HAS_FOLDERS", 0x80040609),
    ("MAPI_E_HAS_MESSAGES", 0x8004060A),
    ("MAPI_E_FOLDER_CYCLE", 0x8004060B),
    ("MAPI_W_PARTIAL_COMPLETION", 0x00040680),
    ("MAPI_E_AMBIGUOUS_RECIP", 0x80040700),
    ("MAPI_E_RECONNECTED", 0x80040125),
    ("MAPI_E_OFFLINE", 0x80040126),
    ("MAPI_E_STORE_FULL", 0x8004060C),
];

const COM: [(&str, u32); 14] = [
    ("S_OK", 0x00000000),
    ("S_FALSE", 0x00000001),
    ("E_NOTIMPL", 0x80004001),
    ("E_NOINTERFACE", 0x80004002),
    ("E_POINTER", 0x80004003),
    ("E_ABORT", 0x80004004),
    ("E_FAIL", 0x80004005),
    ("E_PENDING", 0x8000000A),
    ("E_UNEXPECTED", 0x8000FFFF),
    ("E_ACCESSDENIED", 0x80070005),
    ("E_HANDLE", 0x80070006),
    ("E_OUTOFMEMORY", 0x8007000E),
    ("E_INVALIDARG", 0x80070057),
    ("CLASS_E_NOAGGREGATION", 0x80040110),
];

#[test]
fn every_code_has_its_documented_value_and_mapi_comes_first() {
    // The order matters: `Display` prints the first name of a number.
    let source = include_str!("../src/abi/codes.rs");
    let codes = source.lines().filter_map(|line| {
        let (left, right) = line.trim_end_matches(';').split_once(" = 0x")?;
        let bits = u32::from_str_radix(right, 16).ok()?;
        Some((left.rsplit(' ').next()?, bits))
    });
    assert!(codes.eq(MAPI.into_iter().chain(COM)));
    assert_eq!(HRESULT::MAPI_E_BUSY.to_bits(), 0x8004010B);
    // `Debug` prints every name of a number, in this order.
    for (name, bits) in MAPI.into_iter().chain(COM) {
        let all = MAPI.into_iter().chain(COM);
        let names: Vec<_> = all
            .filter_map(|(name, other)| (other == bits).then_some(name))
            .collect();
        let expected = format!("HRESULT({}, {bits:#010X})", names.join(" | "));
        assert_eq!(
            format!("{:?}", HRESULT::from_bits(bits)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn mapis_own_codes_have_the_facility_of_the_interface() {
    for (name, bits) in MAPI {
        let system = matches!(
            bits,
            0x8000_4002 | 0x8000_4005 | 0x8007_0005 | 0x8007_000E | 0x8007_0057
        );
        let base = if name.starts_with("MAPI_W_") {
            0x0004_0000
        } else {
            0x8004_0000
        };
        assert!(system || bits & 0xFFFF_0000 == base, "{name}");
    }
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
    let named: SyncFlags = documented
        .map(|(_, bits)| SyncFlags::from_bits_retain(bits))
        .into_iter()
        .collect();
    assert!(
        named
            .iter_names()
            .map(|(name, flag)| (name, flag.bits()))
            .eq(documented)
    );
    let page = named - SyncFlags::BACKGROUND - SyncFlags::THESE_FOLDERS;
    assert_eq!(page.bits(), 0x2200_02C3, "the seven of the MAPISIB page");
}

#[test]
fn unknown_bits_are_preserved_and_shown() {
    for bits in [0x4, 0x8000_0000, 0xFFFF_FFFF] {
        assert_eq!(SyncFlags::from_bits_retain(bits).bits(), bits);
        assert_eq!(SyncFlags::from_bits_truncate(bits).bits(), bits);
        assert_eq!(
            SyncFlags::from_bits(bits).map(|flags| flags.bits()),
            Some(bits)
        );
    }
    assert_eq!(
        format!("{:?}", SyncFlags::from_bits_retain(0x84)),
        "SyncFlags(DOWNLOAD_CONTENTS | 0x4)"
    );
    assert_eq!(format!("{:?}", SyncFlags::empty()), "SyncFlags(0x0)");
}

#[test]
fn an_error_never_has_a_success_code() {
    for error in [
        Error::from(HRESULT::S_OK),
        Error::new(HRESULT::MAPI_W_PARTIAL_COMPLETION, ""),
    ] {
        assert_eq!(error.hresult(), HRESULT::E_FAIL);
    }
}

#[test]
fn context_keeps_the_code_and_the_source_and_cancellations() {
    let code = HRESULT::MAPI_E_CORRUPT_DATA;
    let cause = || "12x".parse::<u32>().unwrap_err();
    let failed = Err::<(), _>(cause())
        .code(code)
        .context("size")
        .context("Inbox");
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
    let again = busy_again().code(code).unwrap_err();
    assert_eq!(
        (again.hresult(), again.to_string().as_str()),
        (code, "in use")
    );
    assert_eq!(
        Error::with_source(HRESULT::S_OK, cause()).hresult(),
        HRESULT::E_FAIL
    );
    assert!(!Error::Code(HRESULT::MAPI_E_USER_CANCEL).is_canceled());
}

fn busy_again() -> Result<(), Error> {
    Err(Error::new(HRESULT::MAPI_E_BUSY, "in use"))
}

#[test]
fn io_kinds_become_the_fitting_codes() {
    for (kind, code) in [
        (Kind::ConnectionRefused, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::ConnectionReset, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::ConnectionAborted, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::NotConnected, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::BrokenPipe, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::HostUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::NetworkUnreachable, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::NetworkDown, HRESULT::MAPI_E_NETWORK_ERROR),
        (Kind::TimedOut, HRESULT::MAPI_E_TIMEOUT),
        (Kind::WouldBlock, HRESULT::MAPI_E_TIMEOUT),
        (Kind::StorageFull, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
        (Kind::QuotaExceeded, HRESULT::MAPI_E_NOT_ENOUGH_DISK),
        (Kind::PermissionDenied, HRESULT::MAPI_E_NO_ACCESS),
        (Kind::ReadOnlyFilesystem, HRESULT::MAPI_E_NO_ACCESS),
        (Kind::OutOfMemory, HRESULT::MAPI_E_NOT_ENOUGH_MEMORY),
        (Kind::NotFound, HRESULT::MAPI_E_NOT_FOUND),
        (Kind::Other, HRESULT::MAPI_E_CALL_FAILED),
    ] {
        assert_eq!(
            Error::from(io::Error::from(kind)).hresult(),
            code,
            "{kind:?}"
        );
    }
}
