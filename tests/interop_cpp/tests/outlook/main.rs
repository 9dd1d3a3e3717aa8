//! Stores that are written with Microsoft's `outlook-mapi-sys` and expose our IMAPISync, under a
//! host in C++ that uses mingw's MAPI headers. The host passes a session, which the store calls
//! through `outlook-mapi-sys`.

#![cfg(all(windows, target_env = "gnu"))]
#![allow(non_snake_case)] // the methods' documented names

mod aggregating;
mod dispatching;
mod msg_store;

use mapisync::ComPtr;
use mapisync::abi::IUnknown;
use mapisync::testing::reference_count;
use mapisync_interop_cpp::{BUILDS, ForeignLibrary};
use msg_store::{Calls, IMsgStore, Payload};
use std::sync::Arc;
use test_support::DropCounter;
use windows_core::Interface;

#[test]
fn a_store_by_implement_that_dispatches() {
    is_one_store(dispatching::store);
}

#[test]
fn a_store_written_by_hand_that_aggregates() {
    is_one_store(aggregating::store);
}

/// Runs the store under each host.
fn is_one_store(make: fn(Payload, Calls) -> IMsgStore) {
    assert!(BUILDS.iter().any(|build| build.cpp));
    for build in BUILDS.iter().filter(|build| build.cpp) {
        eprintln!("{}", build.name);
        let (foreign, counter, calls) = (
            ForeignLibrary::new(*build),
            DropCounter::default(),
            Calls::default(),
        );
        let store = make(Payload::new(counter.token()), calls.clone());
        // SAFETY: `into_raw` gives up the reference of the new object.
        let store = unsafe { ComPtr::<IUnknown>::from_raw(store.into_raw().cast()) }.unwrap();
        assert_eq!(reference_count(&store), 1);
        // SAFETY: the object is an IMsgStore.
        unsafe { foreign.msg_store(&store) };

        assert_eq!(foreign.lines(), log());
        assert_eq!(*calls.0.lock().unwrap(), CALLS);
        let owners = Arc::strong_count(&calls.0);
        assert_eq!(
            (reference_count(&store), counter.drops(), owners),
            (1, 0, 2)
        );
        drop(store);
        assert_eq!((counter.drops(), Arc::strong_count(&calls.0)), (1, 1));
    }
}

/// The calls that the store receives, in their order. The last one comes from the store itself,
/// through the session.
const CALLS: [&str; 10] = [
    "GetLastError(8004010F, 7)",
    "SaveChanges(9)",
    "GetIDsFromNames(1, kind 0, 1234, 11)",
    "CompareEntryIDs(inbox, out, 13)",
    "OpenEntry(root, 17)",
    "StoreLogoff(97)",
    "FinishedMsg(19, sent)",
    "NotifyNewMail(2, new)",
    "SaveChanges(21)",
    "SaveChanges(23)",
];

/// The log of the host.
fn log() -> Vec<&'static str> {
    let mut log = vec![
        "store counts 1",
        "GetLastError -> 0x00000000",
        "error NULL",
        "SaveChanges -> 0x80040109",
        "GetIDsFromNames -> 0x8007000E",
        "tags NULL",
        "CompareEntryIDs -> 0x00000000",
        "result 1",
        "OpenEntry -> 0x00000000",
        "type 1, opened there",
        "opened counts 2",
        "opened released, left 1",
        "StoreLogoff -> 0x80040113",
        "flags 65536",
        "FinishedMsg -> 0x80070005",
        "NotifyNewMail -> 0x80040115",
        "store counts 1",
        "store to IMAPISync -> 0x00000000, there, counts 2",
        "sync to IMsgStore -> 0x00000000, there, counts 3",
        "sync to IMAPIProp -> 0x00000000, there, counts 4",
        "properties to IMAPISync -> 0x00000000, there, counts 5",
        "store to IUnknown -> 0x00000000, there, counts 6",
        "IMsgStore same",
        "IMAPISync same",
        "IMsgStore and IMAPISync another",
        "IMAPIProp's SaveChanges -> 0x80040109",
    ];
    let interface = [
        "to IUnknown -> 0x00000000, there, counts 7",
        "identity same",
        "it released, left 6",
        "to an unknown IID -> 0x80004002, NULL, counts 6",
        "to the callback -> 0x80004002, NULL, counts 6",
    ];
    log.extend(interface.repeat(5));
    log.extend([
        "without a request -> 0x80004003",
        "session counts 3",
        "callback counts 1, store 6",
        // On the host's thread, with the host's reference and two spare ones.
        "session: GetLastError(0x8004010F, 31)",
        "session counts 3",
        "session: CompareEntryIDs(inbox, out, 32)",
        "session counts 3",
        "session: OpenMsgStore(33, inbox, IMsgStore, 34)",
        "session: store counts 7",
        "session counts 3",
        // On the run's thread, which has its own reference.
        "session: Logoff(35, 36, 37)",
        "session counts 4",
        "session: PrepareForm(IMAPISync, NULL, there)",
        "session counts 4",
        "Error(0x8004010B, 0061)",
        "Error(0x8004010F, 0062)",
        "Progress(00FC, 1, 2)",
        "Done(the run's event, 0x00040680)",
        "SynchronizeInBackground -> 0x00000000",
        "callback counts 1, store 6",
        "callback gone",
        "callback released, left 0",
        "session counts 3",
        "session released, left 2",
        "session released, left 1",
        "session gone",
        "session released, left 0",
        "interface released, left 5",
        "interface released, left 4",
        "interface released, left 3",
        "interface released, left 2",
        "interface released, left 1",
        "store counts 1",
    ]);
    log
}
