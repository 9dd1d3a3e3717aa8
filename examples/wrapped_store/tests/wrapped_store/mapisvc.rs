//! `mapisvc.inf`: the entries that MAPI requires, and names that agree with the library.

use std::collections::BTreeMap;

/// Returns the entries of each section.
fn sections() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let mut sections = BTreeMap::<_, BTreeMap<_, _>>::new();
    let mut section = "";
    let lines = include_str!("../../mapisvc.inf").lines();
    for line in lines.filter(|line| !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.strip_suffix(']').unwrap();
        } else if let Some((key, value)) = line.split_once('=') {
            sections.entry(section).or_default().insert(key, value);
        }
    }
    sections
}

#[test]
fn the_links_between_the_sections_lead_to_the_provider() {
    let sections = sections();
    assert_eq!(sections.len(), 3);
    let (service, name) = sections["Services"].first_key_value().unwrap();
    assert_eq!(sections[service]["PR_DISPLAY_NAME"], *name);
    let provider = &sections[sections[service]["Providers"]];
    assert_eq!(provider["PR_RESOURCE_TYPE"], "MAPI_STORE_PROVIDER");
    for required in
        ["PR_DISPLAY_NAME", "PR_PROVIDER_DISPLAY", "PR_PROVIDER_DLL_NAME", "PR_RESOURCE_FLAGS"]
    {
        assert!(provider.contains_key(required), "{required}");
    }
}

#[test]
fn the_names_of_the_libraries_lack_the_32_that_mapi_appends() {
    let sections = sections();
    let service = &sections["MAPISYNC_WRAPPED"];
    let provider = &sections["MAPISYNC_WRAPPED_STORE"];
    // Cargo makes the name of the library's file from that of its crate.
    let path = std::any::type_name::<wrapped_store32::settings::Settings>();
    let library = format!("{}.dll", path.split("::").next().unwrap());
    assert_eq!(service["PR_SERVICE_SUPPORT_FILES"], library);
    for name in [service["PR_SERVICE_DLL_NAME"], provider["PR_PROVIDER_DLL_NAME"]] {
        assert_eq!(name.replace(".dll", "32.dll"), library);
    }
    assert_eq!(service["PR_SERVICE_ENTRY_NAME"], "ServiceEntry");
}
