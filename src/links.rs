//! The links from items of every build to items that need the feature `std`.

/// Expands to link definitions, for `#[doc = std_links!()]` at the end of an item's documentation.
/// With `std` the links lead to the items, and without it to the published documentation.
#[cfg(feature = "std")]
macro_rules! std_links {
    () => {
        "

[`DoneEvent`]: crate::DoneEvent
[`JobHandle::cancel`]: crate::JobHandle::cancel
[`JobHandle::join`]: crate::JobHandle::join
[`MapiSync`]: crate::MapiSync
[`MapiSyncProgressCallback`]: crate::MapiSyncProgressCallback
[`SyncHost`]: crate::SyncHost
[`SyncHost::start`]: crate::SyncHost::start
[`SyncJob`]: crate::SyncJob
[`SyncRequest`]: crate::SyncRequest
[`io::Error`]: std::io::Error
[`guide::existing_store`]: crate::guide::existing_store
[`provider::dispatch`]: crate::provider::dispatch
"
    };
}

/// The program that tests this source without unwinding is another package, so it has no such file.
#[cfg(all(not(feature = "std"), not(doc)))]
macro_rules! std_links {
    () => {
        ""
    };
}

#[cfg(all(not(feature = "std"), doc))]
macro_rules! std_links {
    () => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/published_links.md"))
    };
}
