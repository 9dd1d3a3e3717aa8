//! `MSProviderInit`, `Logon`, `SpoolerLogon`, `Shutdown` and `CompareStoreIDs`: how MAPI loads the
//! provider and uses it.

use crate::delivery::NONE;
use crate::stand_in::host::{Host, PST, compare_store_ids, garbage, init, or_null};
use crate::stand_in::memory;
use crate::stand_in::provider::{self, INIT_FLAGS, owned, unknown};
use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{HRESULT, Interface};
use std::ptr;
use wrapped_store32::MSProviderInit;
use wrapped_store32::inner::load;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_INNER_LIBRARY, PST_PROVIDER};

#[test]
fn ms_provider_init_refuses_what_it_cannot_use() {
    let invalid = HRESULT::MAPI_E_INVALID_PARAMETER;
    for (missing, version, code) in [
        ("version", CURRENT_SPI_VERSION, invalid),
        ("provider", CURRENT_SPI_VERSION, invalid),
        ("allocate", CURRENT_SPI_VERSION, invalid),
        ("more", CURRENT_SPI_VERSION, invalid),
        ("free", CURRENT_SPI_VERSION, invalid),
        ("", CURRENT_SPI_VERSION - 1, HRESULT::MAPI_E_VERSION),
        ("", 0, HRESULT::MAPI_E_VERSION),
    ] {
        let (mut found, mut provider) = (7, garbage());
        let has = |argument| argument != missing;
        // SAFETY: the arguments are NULL or valid.
        let result = unsafe {
            MSProviderInit(
                ptr::null_mut(),
                ptr::null_mut(),
                has("allocate").then_some(memory::allocate),
                has("more").then_some(memory::more),
                has("free").then_some(memory::free),
                0,
                version,
                or_null(has("version"), &mut found),
                or_null(has("provider"), &mut provider),
            )
        };
        assert_eq!(result, code, "{missing}, {version}");
        if has("version") && has("provider") {
            assert_eq!((found, provider), (CURRENT_SPI_VERSION, ptr::null_mut()));
        }
    }
}

#[test]
fn logon_passes_everything_on_and_wraps_the_store() {
    let host = Host::new();
    assert_eq!(host.calls(), NONE, "nothing is loaded before a logon");
    let (code, logon, store) = host.try_log_on(None);
    assert_eq!(code, HRESULT::MAPI_W_ERRORS_RETURNED, "the inner's code");
    assert!(logon.is_some());
    let store = owned(store).unwrap();
    assert_eq!(reference_count(&store), 1);
    let expected = [
        "OpenProfileSection(1)",
        "load(inner.dll)",
        &format!("MSProviderInit({INIT_FLAGS:#x}, 0x10011)"),
        &format!("Logon(11, 12, 13, 14, 0x80001001, false, 15, {PST})"),
        "no store()",
        "no logon()",
    ];
    assert_eq!(host.calls(), expected);
    let sync = store.cast::<IMAPISync>().unwrap();
    assert!(sync.cast::<IMsgStore>().unwrap().is_same_object(&store));
    assert!(sync.cast::<IMAPIProp>().unwrap().is_same_object(&store));

    // The library is loaded once.
    drop((sync, store));
    drop(host.log_on());
    assert!(host.calls()[1].starts_with("Logon("));
}

#[test]
fn logon_returns_the_requested_interface() {
    let host = Host::new();
    for iid in [IMsgStore::IID, IMAPIProp::IID, IUnknown::IID] {
        let (_, _logon, store) = host.try_log_on(Some(iid));
        let store = unknown(store).unwrap();
        let requested = store.query_interface(&iid).unwrap();
        assert_eq!(requested.as_raw(), store.as_raw());
        assert!(store.cast::<IMAPISync>().is_ok(), "{iid}: it is the wrapper");
    }
    // The inner store has no IMAPISync, so its provider refuses.
    let (code, logon, store) = host.try_log_on(Some(IMAPISync::IID));
    assert_eq!(code, HRESULT::E_NOINTERFACE);
    assert!(logon.is_none() && store.is_null());
}

#[test]
fn the_spooler_logs_on_as_mapi_does() {
    let host = Host::new();
    let (code, logon, store) = host.spooler_log_on();
    assert_eq!(code, HRESULT::MAPI_W_ERRORS_RETURNED);
    assert!(logon.is_some() && store.unwrap().cast::<IMAPISync>().is_ok());
    let call = format!("SpoolerLogon(21, 22, 23, 24, 0x19, 26, 27, 28, {PST})");
    assert_eq!(host.calls()[3], call);
}

#[test]
fn a_failing_logon_leaves_nothing_behind() {
    let failure = HRESULT::MAPI_E_LOGON_FAILED;
    for (failing, expected) in [
        ("OpenProfileSection", failure),
        ("load", failure),
        ("MSProviderInit", failure),
        ("Logon", failure),
        ("no store", HRESULT::MAPI_E_CALL_FAILED), // success, but NULL
    ] {
        let host = Host::new();
        host.fail(Some((failing, failure)));
        let (code, logon, store) = host.try_log_on(None);
        assert_eq!(code, expected, "{failing}");
        assert!(logon.is_none() && store.is_null(), "{failing}");
        // The next one succeeds.
        host.fail(None);
        drop(host.log_on());
    }
}

#[test]
fn a_store_that_is_open_already_has_no_logon() {
    let host = Host::new();
    host.fail(Some(("no logon", HRESULT::E_FAIL)));
    let (code, logon, store) = host.try_log_on(None);
    assert!(code.is_ok() && logon.is_none());
    assert!(owned(store).is_some());
}

#[test]
fn null_arguments_of_logon_are_refused() {
    let host = Host::new();
    for missing in ["support", "logon", "store"] {
        let code = host.log_on_without(missing);
        assert_eq!(code, HRESULT::MAPI_E_INVALID_PARAMETER, "{missing}");
    }
    assert_eq!(host.calls(), NONE);
}

#[test]
fn a_file_of_the_pst_provider_is_opened_as_unicode() {
    let host = Host::new();
    // The environment does not name a library, so this is the default.
    host.set(PR_INNER_LIBRARY, None);
    drop(host.log_on());
    let calls = host.calls();
    assert_eq!(calls[1], format!("load({PST_PROVIDER})"));
    assert!(calls[3].contains(", 0x80000801, "), "{}", calls[3]);
}

#[test]
fn two_profile_sections_may_name_two_libraries() {
    let host = Host::new();
    let _first = host.log_on();
    host.set(PR_INNER_LIBRARY, Some("other.dll"));
    let _second = host.log_on();
    let mut calls = host.calls();
    calls.retain(|call| call.starts_with("load"));
    assert_eq!(calls, ["load(inner.dll)", "load(other.dll)"]);
    assert_eq!(host.shutdown(9), HRESULT::S_FALSE);
    assert_eq!(host.calls(), ["Shutdown(9)", "Shutdown(9)"]);
}

#[test]
fn shutdown_and_compare_store_ids_reach_the_inner_provider() {
    let host = Host::new();
    assert_eq!(host.shutdown(9), HRESULT::S_OK);
    assert_eq!(host.calls(), NONE, "there is no inner provider yet");
    assert_eq!(compare_store_ids(&host.provider), (HRESULT::S_OK, 1));
    let calls = host.calls();
    assert_eq!(calls[0], format!("load({PST_PROVIDER})"));
    assert_eq!(calls[2], "CompareStoreIDs(1, 2, 3, 4, 5)");
    host.fail(Some(("Shutdown", HRESULT::MAPI_E_BUSY)));
    assert_eq!(host.shutdown(9), HRESULT::MAPI_E_BUSY);
}

#[test]
fn each_ms_provider_init_makes_a_provider_of_its_own() {
    let host = Host::new();
    let second = init(provider::load);
    assert!(!second.is_same_object(&host.provider));
    drop(host.log_on());
    assert_eq!(compare_store_ids(&second).0, HRESULT::S_OK);
    let calls = host.calls();
    let inits = calls.iter().filter(|call| call.starts_with("MSProviderInit"));
    assert_eq!(inits.count(), 2, "each has an inner provider of its own");
}

#[test]
fn a_library_that_is_not_there_is_reported() {
    let host = Host::new();
    let missing = host.folder.path().join("missing.dll");
    let error = load(&missing, &memory::memory()).err().unwrap();
    assert!(error.to_string().contains("missing.dll"), "{error}");
    // This file is a library, or none, and in any case no provider.
    let program = std::env::current_exe().unwrap();
    assert!(load(&program, &memory::memory()).is_err());
}
