//! `mapisvc.inf`: the entries that MAPI requires, and names that agree with the library.

#[test]
fn the_links_between_the_sections_lead_to_the_library() {
    // Cargo makes the name of the library's file from that of its crate. MAPI appends the 32.
    let path = std::any::type_name::<wrapped_store32::settings::Settings>();
    let name = path.split("::").next().and_then(|name| name.strip_suffix("32")).unwrap();
    let expected = format!(
        "
[Services]
MAPISYNC_WRAPPED=Mail of a Maildir

[MAPISYNC_WRAPPED]
PR_DISPLAY_NAME=Mail of a Maildir
Providers=MAPISYNC_WRAPPED_STORE
PR_SERVICE_DLL_NAME={name}.dll
PR_SERVICE_SUPPORT_FILES={name}32.dll
PR_SERVICE_ENTRY_NAME=ServiceEntry
PR_RESOURCE_FLAGS=SERVICE_NO_PRIMARY_IDENTITY

[MAPISYNC_WRAPPED_STORE]
PR_RESOURCE_TYPE=MAPI_STORE_PROVIDER
PR_PROVIDER_DLL_NAME={name}.dll
PR_DISPLAY_NAME=Mail of a Maildir
PR_PROVIDER_DISPLAY=Mail of a Maildir
PR_RESOURCE_FLAGS=STATUS_NO_DEFAULT_STORE
"
    );
    let lines = include_str!("../../mapisvc.inf").lines();
    let entries: Vec<_> = lines.filter(|line| !line.starts_with(';')).collect();
    assert_eq!(entries.join("\n"), expected.trim_end());
}
