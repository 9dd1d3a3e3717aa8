//! `MSProviderInit`, `Logon`, `SpoolerLogon`, `Shutdown`, `CompareStoreIDs` and `ServiceEntry`: how
//! MAPI loads the provider and uses it.

mod stand_in;

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::testing::reference_count;
use mapisync::{HRESULT, Interface};
use stand_in::host::{Host, PST, init};
use stand_in::provider::{self, owned, unknown};
use stand_in::store::Value;
use stand_in::{memory, provider::INIT_FLAGS};
use std::ptr;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_INNER_LIBRARY, PR_MAILDIR, PST_PROVIDER, Settings};
use wrapped_store32::{MSProviderInit, ServiceEntry, service_entry};

/// A pointer that an out parameter has before the call.
fn garbage<T>() -> *mut T {
    ptr::without_provenance_mut(0xBAD)
}

#[test]
fn ms_provider_init_refuses_what_it_cannot_use() {
    let good = CURRENT_SPI_VERSION;
    let allocate: AllocateBuffer = memory::allocate;
    let more: AllocateMore = memory::more;
    let free: FreeBuffer = memory::free;
    let all = (Some(allocate), Some(more), Some(free));
    for (functions, version, has_version, has_provider, code) in [
        (all, good, false, true, HRESULT::MAPI_E_INVALID_PARAMETER),
        (all, good, true, false, HRESULT::MAPI_E_INVALID_PARAMETER),
        (all, good - 1, true, true, HRESULT::MAPI_E_VERSION),
        (all, 0, true, true, HRESULT::MAPI_E_VERSION),
        (
            (None, all.1, all.2),
            good,
            true,
            true,
            HRESULT::MAPI_E_INVALID_PARAMETER,
        ),
        (
            (all.0, None, all.2),
            good,
            true,
            true,
            HRESULT::MAPI_E_INVALID_PARAMETER,
        ),
        (
            (all.0, all.1, None),
            good,
            true,
            true,
            HRESULT::MAPI_E_INVALID_PARAMETER,
        ),
    ] {
        let (mut found, mut provider) = (7, garbage());
        let version_out = if has_version {
            &raw mut found
        } else {
            ptr::null_mut()
        };
        let provider_out = if has_provider {
            &raw mut provider
        } else {
            ptr::null_mut()
        };
        let (instance, malloc) = (ptr::null_mut(), ptr::null_mut());
        let (allocate, more, free) = functions;
        // SAFETY: the arguments are NULL or valid.
        let result = unsafe {
            MSProviderInit(
                instance,
                malloc,
                allocate,
                more,
                free,
                0,
                version,
                version_out,
                provider_out,
            )
        };
        assert_eq!(result, code);
        if has_version && has_provider {
            assert_eq!((found, provider), (CURRENT_SPI_VERSION, ptr::null_mut()));
        }
    }
}

#[test]
fn logon_passes_everything_on_and_wraps_the_store() {
    let host = Host::new();
    assert_eq!(
        host.calls(),
        [""; 0],
        "nothing is loaded before the first logon"
    );
    let (code, logon, store) = host.try_log_on(None);
    assert_eq!(
        code,
        HRESULT::MAPI_W_ERRORS_RETURNED,
        "the inner provider's code"
    );
    assert!(logon.is_some());
    let store = owned(store).unwrap();
    assert_eq!(reference_count(&store), 1);
    assert_eq!(
        host.calls(),
        [
            "OpenProfileSection(1)",
            "load(inner.dll)",
            &format!("MSProviderInit({INIT_FLAGS:#x}, 0x10011)"),
            &format!("Logon(11, 12, 13, 14, 0x80001001, false, 15, {PST})"),
            "no store()",
            "no logon()",
        ]
    );
    let sync = store.cast::<IMAPISync>().unwrap();
    assert!(sync.cast::<IMsgStore>().unwrap().is_same_object(&store));
    assert!(sync.cast::<IMAPIProp>().unwrap().is_same_object(&store));

    // The library is loaded once.
    drop((sync, store));
    drop(host.log_on());
    assert_eq!(host.calls()[1].split('(').next(), Some("Logon"));
    drop(logon);
    host.finish();
}

#[test]
fn logon_returns_the_requested_interface() {
    let host = Host::new();
    for iid in [
        IMsgStore::IID,
        IMAPIProp::IID,
        IUnknown::IID,
        IMAPISync::IID,
    ] {
        // The inner store has no IMAPISync, so its provider refuses.
        let (code, logon, store) = host.try_log_on(Some(iid));
        if iid == IMAPISync::IID {
            assert_eq!(code, HRESULT::E_NOINTERFACE);
            assert!(logon.is_none() && store.is_null());
            continue;
        }
        let store = unknown(store).unwrap();
        let sync = store.cast::<IMAPISync>().expect("it is the wrapper");
        assert_eq!(
            store.query_interface(&iid).unwrap().as_raw(),
            store.as_raw()
        );
        drop((sync, logon, store));
    }
    host.finish();
}

#[test]
fn the_spooler_logs_on_as_mapi_does() {
    let host = Host::new();
    let support = host.support();
    let (mut logon, mut store) = (garbage(), garbage());
    let number = ptr::without_provenance_mut;
    // SAFETY: the arguments are valid or NULL. The inner provider only compares some of them.
    let code = unsafe {
        host.provider.SpoolerLogon(
            support.as_raw(),
            21,
            ptr::without_provenance_mut(22),
            23,
            ptr::without_provenance_mut(24),
            25,
            ptr::null(),
            26,
            number(27),
            ptr::without_provenance_mut(28),
            &mut logon,
            &mut store,
        )
    };
    assert_eq!(code, HRESULT::MAPI_W_ERRORS_RETURNED);
    let (logon, store) = (owned(logon).unwrap(), owned(store).unwrap());
    assert!(store.cast::<IMAPISync>().is_ok());
    assert_eq!(
        host.calls()[3],
        format!("SpoolerLogon(21, 22, 23, 24, 0x19, 26, 27, 28, {PST})")
    );
    drop((logon, store, support));
    host.finish();
}

#[test]
fn a_failing_logon_leaves_nothing_behind() {
    let failure = HRESULT::MAPI_E_LOGON_FAILED;
    for (failing, code) in [
        ("OpenProfileSection", failure),
        ("load", failure),
        ("MSProviderInit", failure),
        ("Logon", failure),
        ("no store", HRESULT::MAPI_E_CALL_FAILED), // success, but NULL
    ] {
        let host = Host::new();
        host.fail(Some((failing, failure)));
        let (result, logon, store) = host.try_log_on(None);
        assert_eq!(result, code, "{failing}");
        assert!(
            logon.is_none() && store.is_null(),
            "{failing}: the out parameters are NULL"
        );
        // The next one succeeds.
        host.fail(None);
        drop(host.log_on());
        host.finish();
    }
}

#[test]
fn a_store_that_is_open_already_has_no_logon() {
    let host = Host::new();
    host.fail(Some(("no logon", HRESULT::E_FAIL)));
    let (code, logon, store) = host.try_log_on(None);
    assert!(code.is_ok() && logon.is_none());
    drop(owned(store).unwrap());
    host.finish();
}

#[test]
fn null_arguments_of_logon_are_refused() {
    let host = Host::new();
    let support = host.support();
    for missing in ["support", "logon", "store"] {
        let (mut logon, mut store) = (garbage(), garbage());
        let has = |what| what != missing;
        // SAFETY: the arguments are NULL or valid.
        let code = unsafe {
            host.provider.Logon(
                if has("support") {
                    support.as_raw()
                } else {
                    ptr::null_mut()
                },
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                0,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                if has("logon") {
                    &mut logon
                } else {
                    ptr::null_mut()
                },
                if has("store") {
                    &mut store
                } else {
                    ptr::null_mut()
                },
            )
        };
        assert_eq!(code, HRESULT::MAPI_E_INVALID_PARAMETER, "{missing}");
    }
    assert_eq!(host.calls(), [""; 0]);
    drop(support);
    host.finish();
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
    host.finish();
}

#[test]
fn two_profile_sections_may_name_two_libraries() {
    let host = Host::new();
    let first = host.log_on();
    host.set(PR_INNER_LIBRARY, Some("other.dll"));
    let second = host.log_on();
    let loaded: Vec<_> = host.calls();
    let loaded: Vec<_> = loaded
        .iter()
        .filter(|call| call.starts_with("load"))
        .collect();
    assert_eq!(loaded, ["load(inner.dll)", "load(other.dll)"]);
    drop((first, second));
    let mut flags = 9;
    // SAFETY: the location is valid.
    let code = unsafe { host.provider.Shutdown(&mut flags) };
    assert_eq!(code, HRESULT::S_FALSE);
    assert_eq!(host.calls(), ["Shutdown(9)", "Shutdown(9)"]);
    host.finish();
}

#[test]
fn shutdown_and_compare_store_ids_reach_the_inner_provider() {
    let host = Host::new();
    let mut flags = 9;
    // SAFETY: the location is valid.
    let shutdown = |flags: &mut u32| unsafe { host.provider.Shutdown(flags) };
    assert_eq!(shutdown(&mut flags), HRESULT::S_OK);
    assert_eq!(
        host.calls(),
        [""; 0],
        "there is no inner provider to shut down"
    );
    let mut equal = 0;
    let entry_id = ptr::without_provenance_mut;
    // SAFETY: the inner provider only compares the entry identifiers.
    let code = unsafe {
        host.provider
            .CompareStoreIDs(1, entry_id(2), 3, entry_id(4), 5, &mut equal)
    };
    assert_eq!((code, equal), (HRESULT::S_OK, 1));
    let calls = host.calls();
    assert_eq!(calls[0], format!("load({PST_PROVIDER})"));
    assert_eq!(calls[2], "CompareStoreIDs(1, 2, 3, 4, 5)");
    host.fail(Some(("Shutdown", HRESULT::MAPI_E_BUSY)));
    assert_eq!(shutdown(&mut flags), HRESULT::MAPI_E_BUSY);
    host.finish();
}

#[test]
fn each_ms_provider_init_makes_a_provider_of_its_own() {
    let host = Host::new();
    let second = init(provider::load);
    assert!(!second.is_same_object(&host.provider));
    drop(host.log_on());
    let mut equal = 0;
    let entry_id = ptr::without_provenance_mut;
    // SAFETY: the inner provider only compares the entry identifiers.
    let code = unsafe { second.CompareStoreIDs(1, entry_id(2), 3, entry_id(4), 5, &mut equal) };
    assert_eq!(code, HRESULT::S_OK);
    let inits = host.calls();
    let inits = inits
        .iter()
        .filter(|call| call.starts_with("MSProviderInit"))
        .count();
    assert_eq!(inits, 2, "each has an inner provider of its own");
    drop(second);
    host.finish();
}

#[test]
fn a_panic_does_not_leave_an_entry_point() {
    let host = Host::new();
    *host.state.hook.lock().unwrap() = Some(std::sync::Arc::new(|method| {
        assert_ne!(method, "load", "as the test demands");
    }));
    let (code, logon, store) = host.try_log_on(None);
    assert_eq!(code, HRESULT::E_UNEXPECTED);
    assert!(logon.is_none() && store.is_null());
    let support = host.support();
    assert_eq!(
        configure(&host, &support, true, MSG_SERVICE_CREATE, None).0,
        HRESULT::E_UNEXPECTED
    );
    drop(support);
    host.finish();
}

/// Calls `ServiceEntry`. Returns the code and the error.
fn configure(
    host: &Host,
    support: &mapisync::ComPtr<IMAPISupport>,
    has_admin: bool,
    context: u32,
    maildir: Option<&str>,
) -> (HRESULT, *mut MAPIERROR) {
    let mut properties = Properties::default();
    if let Some(maildir) = maildir {
        properties.text(tag(PT_UNICODE, PR_MAILDIR), maildir);
    }
    let values = properties.allocate(&memory::memory()).unwrap();
    let admin = host.mapi.cast::<IProviderAdmin>().unwrap();
    let admin = if has_admin {
        admin.as_raw()
    } else {
        ptr::null_mut()
    };
    let mut error = garbage();
    // SAFETY: the arguments are NULL or valid.
    let code = unsafe {
        service_entry(
            provider::load,
            ptr::null_mut(),
            support.as_raw(),
            31,
            32,
            context,
            (properties.count(), values.as_ptr()),
            admin,
            &mut error,
        )
    };
    (code, error)
}

#[test]
fn service_entry_stores_the_properties_and_lets_the_inner_provider_do_the_rest() {
    let host = Host::new();
    let support = host.support();
    let (code, error) = configure(
        &host,
        &support,
        true,
        MSG_SERVICE_CONFIGURE,
        Some("/new/mail"),
    );
    assert_eq!((code, error), (HRESULT::S_OK, ptr::null_mut()));
    let calls = host.calls();
    assert_eq!(
        calls[..3],
        [
            "GetMemAllocRoutines()",
            "OpenProfileSection(1)",
            "load(inner.dll)"
        ]
    );
    let call = &calls[3];
    assert!(call.starts_with("NSTServiceEntry(31, 32, 3, "), "{call}");
    let maildir = format!("6681001f {:?}", Value::Text("/new/mail".into()));
    assert!(
        call.contains(&format!("{maildir:?}")),
        "the properties of the section: {call}"
    );
    assert!(
        call.ends_with(&format!("{PST})")),
        "the section of the Replication API: {call}"
    );
    assert_eq!(*host.section.saves.lock().unwrap(), [KEEP_OPEN_READWRITE]);
    let settings = Settings::read(Some(&host.section.cast().unwrap()), &memory::memory()).unwrap();
    assert_eq!(settings.maildir, Some("/new/mail".into()));

    // The inner provider refuses. Its code is returned and nothing is saved.
    host.fail(Some(("NSTServiceEntry", HRESULT::MAPI_E_USER_CANCEL)));
    let (code, _) = configure(&host, &support, true, MSG_SERVICE_CREATE, None);
    assert_eq!(code, HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(host.section.saves.lock().unwrap().len(), 1);
    drop(support);
    host.finish();
}

#[test]
fn service_entry_handles_the_other_contexts_itself() {
    let host = Host::new();
    let support = host.support();
    for (context, has_admin, code) in [
        (MSG_SERVICE_INSTALL, false, HRESULT::S_OK),
        (MSG_SERVICE_DELETE, false, HRESULT::S_OK),
        (MSG_SERVICE_UNINSTALL, true, HRESULT::MAPI_E_NO_SUPPORT),
        (
            MSG_SERVICE_PROVIDER_CREATE,
            true,
            HRESULT::MAPI_E_NO_SUPPORT,
        ),
        (
            MSG_SERVICE_PROVIDER_DELETE,
            true,
            HRESULT::MAPI_E_NO_SUPPORT,
        ),
        (MSG_SERVICE_CREATE, false, HRESULT::MAPI_E_INVALID_PARAMETER),
        (
            MSG_SERVICE_CONFIGURE,
            false,
            HRESULT::MAPI_E_INVALID_PARAMETER,
        ),
    ] {
        let (result, error) = configure(&host, &support, has_admin, context, None);
        assert_eq!(
            (result, error),
            (code, ptr::null_mut()),
            "context {context}"
        );
    }
    assert_eq!(host.calls(), [""; 0]);
    // The export, without anything that it needs.
    // SAFETY: NULL is allowed.
    let code = unsafe {
        ServiceEntry(
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            0,
            0,
            MSG_SERVICE_CREATE,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    assert_eq!(code, HRESULT::MAPI_E_INVALID_PARAMETER);
    drop(support);
    host.finish();
}

#[test]
fn a_library_that_is_not_there_is_reported() {
    let host = Host::new();
    let missing = host.folder.path().join("missing.dll");
    let missing = missing.to_str().unwrap();
    let error = wrapped_store32::inner::load(missing.as_ref(), &memory::memory())
        .err()
        .unwrap();
    assert!(error.to_string().contains("missing.dll"), "{error}");
    // This file is a library, or none, and in any case no provider.
    let program = std::env::current_exe().unwrap();
    assert!(wrapped_store32::inner::load(&program, &memory::memory()).is_err());
    host.finish();
}
