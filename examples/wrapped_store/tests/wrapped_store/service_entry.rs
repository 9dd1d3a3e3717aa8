//! `ServiceEntry`: how MAPI creates and configures the message service. And the panics of both
//! entry points.

use crate::delivery::NONE;
use crate::stand_in::host::{Host, PST, garbage, or_null};
use crate::stand_in::{memory, provider, store::Value};
use mapisync::HRESULT;
use std::ptr;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::{PR_MAILDIR, Settings};
use wrapped_store32::{ServiceEntry, service_entry};

/// Calls `ServiceEntry`. Returns the code and the error.
fn configure(
    host: &Host,
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
    let mut error = garbage();
    // SAFETY: the arguments are NULL or valid.
    let code = unsafe {
        service_entry(
            provider::load,
            ptr::null_mut(),
            host.support().as_raw(),
            31,
            32,
            context,
            (properties.count(), values.as_ptr()),
            or_null(has_admin, admin.as_raw()),
            &mut error,
        )
    };
    (code, error)
}

#[test]
fn it_stores_the_properties_and_lets_the_inner_provider_do_the_rest() {
    let host = Host::new();
    let result = configure(&host, true, MSG_SERVICE_CONFIGURE, Some("/new/mail"));
    assert_eq!(result, (HRESULT::S_OK, ptr::null_mut()));
    let calls = host.calls();
    let expected = ["GetMemAllocRoutines()", "OpenProfileSection(1)", "load(inner.dll)"];
    assert_eq!(calls[..3], expected);
    // The inner provider gets the properties of the section, and that of the Replication API.
    let call = &calls[3];
    let maildir = format!("6681001f {:?}", Value::Text("/new/mail".into()));
    assert!(call.starts_with("NSTServiceEntry(31, 32, 3, "), "{call}");
    assert!(call.contains(&format!("{maildir:?}")), "{call}");
    assert!(call.ends_with(&format!("{PST})")), "{call}");
    assert_eq!(*host.section.saves.lock().unwrap(), [KEEP_OPEN_READWRITE]);
    let section = host.section.cast().unwrap();
    let settings = Settings::read(Some(&section), &memory::memory()).unwrap();
    assert_eq!(settings.maildir, Some("/new/mail".into()));

    // The inner provider refuses. Its code is returned and nothing is saved.
    host.fail(Some(("NSTServiceEntry", HRESULT::MAPI_E_USER_CANCEL)));
    let (code, _) = configure(&host, true, MSG_SERVICE_CREATE, None);
    assert_eq!(code, HRESULT::MAPI_E_USER_CANCEL);
    assert_eq!(host.section.saves.lock().unwrap().len(), 1);
}

#[test]
fn it_handles_the_other_contexts_itself() {
    let host = Host::new();
    let no_support = HRESULT::MAPI_E_NO_SUPPORT;
    let invalid = HRESULT::MAPI_E_INVALID_PARAMETER;
    for (context, has_admin, code) in [
        (MSG_SERVICE_INSTALL, false, HRESULT::S_OK),
        (MSG_SERVICE_DELETE, false, HRESULT::S_OK),
        (MSG_SERVICE_UNINSTALL, true, no_support),
        (MSG_SERVICE_PROVIDER_CREATE, true, no_support),
        (MSG_SERVICE_PROVIDER_DELETE, true, no_support),
        (MSG_SERVICE_CREATE, false, invalid),
        (MSG_SERVICE_CONFIGURE, false, invalid),
    ] {
        let result = configure(&host, has_admin, context, None);
        assert_eq!(result, (code, ptr::null_mut()), "context {context}");
    }
    assert_eq!(host.calls(), NONE);
}

#[test]
fn the_export_refuses_a_call_without_anything_that_it_needs() {
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
}

#[test]
fn a_panic_does_not_leave_an_entry_point() {
    let host = Host::new();
    host.on_call(|method| assert_ne!(method, "load", "as the test demands"));
    let (code, logon, store) = host.try_log_on(None);
    assert_eq!(code, HRESULT::E_UNEXPECTED);
    assert!(logon.is_none() && store.is_null());
    let (code, _) = configure(&host, true, MSG_SERVICE_CREATE, None);
    assert_eq!(code, HRESULT::E_UNEXPECTED);
}
