//! `mapisvc.inf`: the entries that MAPI requires, and names that agree with the library.

use std::collections::BTreeMap;

/// Returns the entries of each section.
fn sections() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let mut sections = BTreeMap::<_, BTreeMap<_, _>>::new();
    let mut section = "";
    for line in include_str!("../mapisvc.inf").lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(';')) {
            sections.entry(section).or_default().insert(key, value);
        }
    }
    sections
}

#[test]
fn the_links_between_the_sections_lead_to_the_provider() {
    let sections = sections();
    let (service, name) = sections["Services"].first_key_value().unwrap();
    let provider = sections[service]["Providers"];
    for required in [
        "PR_DISPLAY_NAME",
        "PR_PROVIDER_DISPLAY",
        "PR_PROVIDER_DLL_NAME",
        "PR_RESOURCE_TYPE",
        "PR_RESOURCE_FLAGS",
    ] {
        assert!(sections[provider].contains_key(required), "{required}");
    }
    assert_eq!(sections[service]["PR_DISPLAY_NAME"], *name);
    assert_eq!(
        sections[provider]["PR_RESOURCE_TYPE"],
        "MAPI_STORE_PROVIDER"
    );
    assert_eq!(sections.len(), 3);
}

#[test]
fn the_names_of_the_libraries_lack_the_32_that_mapi_appends() {
    let sections = sections();
    let service = &sections["MAPISYNC_WRAPPED"];
    let provider = &sections["MAPISYNC_WRAPPED_STORE"];
    for name in [
        service["PR_SERVICE_DLL_NAME"],
        provider["PR_PROVIDER_DLL_NAME"],
    ] {
        let loaded = name.replace(".dll", "32.dll");
        assert_eq!(loaded, service["PR_SERVICE_SUPPORT_FILES"]);
        // The name of this package's library.
        let library = library_name();
        assert_eq!(loaded, format!("{library}.dll"));
    }
    assert_eq!(service["PR_SERVICE_ENTRY_NAME"], "ServiceEntry");
}

/// Returns the name of the library's crate, from which cargo makes that of the file.
fn library_name() -> &'static str {
    let path = std::any::type_name::<wrapped_store32::settings::Settings>();
    path.split("::").next().unwrap()
}
