//! Stores written with Microsoft's `outlook-mapi-sys`, which expose our IMAPISync, under a host in C++ that knows MAPI's
//! interfaces by mingw's headers. It passes a session of its own, which the store calls by those bindings again.

#![cfg(windows)]
#![allow(non_snake_case)] // the methods' documented names

mod aggregating;
#[path = "../../../common/mod.rs"]
mod common;
mod dispatching;
mod msg_store;

use common::{DropCounter, count};
use mapisync::ComPtr;
use mapisync::abi::IUnknown;
use mapisync_interop_cpp::{BUILDS, Witness};
use msg_store::{Calls, Half, IMsgStore};
use std::sync::Arc;
use windows_core::Interface;

#[test]
fn a_store_by_implement_that_dispatches() {
    is_one_store(dispatching::store);
}

#[test]
fn a_store_made_by_hand_that_aggregates() {
    is_one_store(aggregating::store);
}

/// Brings the store together with each of the hosts.
fn is_one_store(make: fn(Half, Calls) -> IMsgStore) {
    assert!(BUILDS.iter().any(|build| build.cpp));
    for build in BUILDS.iter().filter(|build| build.cpp) {
        eprintln!("{}", build.name);
        let (witness, grave, calls) = (
            Witness::new(*build),
            DropCounter::default(),
            Calls::default(),
        );
        let store = make(Half::new(grave.token()), calls.clone());
        // SAFETY: the new object's reference is handed over.
        let store = unsafe { ComPtr::<IUnknown>::from_raw(store.into_raw().cast()) }.unwrap();
        assert_eq!(count(&store), 1);
        // SAFETY: it is an IMsgStore.
        unsafe { witness.msg_store(&store) };

        assert_eq!(witness.lines(), log());
        assert_eq!(*calls.0.lock().unwrap(), CALLS);
        let owners = Arc::strong_count(&calls.0);
        assert_eq!((count(&store), grave.drops(), owners), (1, 0, 2));
        drop(store);
        assert_eq!((grave.drops(), Arc::strong_count(&calls.0)), (1, 1));
    }
}

/// What the store is called with, in the order of its calls: by the host, and at last by itself through the session.
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

/// What the host notes.
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
    let face = [
        "to IUnknown -> 0x00000000, there, counts 7",
        "identity same",
        "it released, left 6",
        "to a stranger -> 0x80004002, NULL, counts 6",
        "to the callback -> 0x80004002, NULL, counts 6",
    ];
    log.extend(face.repeat(5));
    log.extend([
        "without a request -> 0x80004003",
        "session counts 3",
        "callback counts 1, store 6",
        // On the host's thread, by the host's own reference, and two to spare.
        "session: GetLastError(0x8004010F, 31)",
        "session counts 3",
        "session: CompareEntryIDs(inbox, out, 32)",
        "session counts 3",
        "session: OpenMsgStore(33, inbox, IMsgStore, 34)",
        "session: store counts 7",
        "session counts 3",
        // On the run's thread, which has one of its own.
        "session: Logoff(35, 36, 37)",
        "session counts 4",
        "session: PrepareForm(IMAPISync, NULL, there)",
        "session counts 4",
        "Error(0x8004010B, 0061)",
        "Error(0x8004010F, 0062)",
        "Progress(00FC, 1, 2)",
        "Done(the slot's event, 0x00040680)",
        "SynchronizeInBackground -> 0x00000000",
        "callback counts 1, store 6",
        "callback gone",
        "callback released, left 0",
        "session counts 3",
        "session released, left 2",
        "session released, left 1",
        "session gone",
        "session released, left 0",
        "face released, left 5",
        "face released, left 4",
        "face released, left 3",
        "face released, left 2",
        "face released, left 1",
        "store counts 1",
    ]);
    log
}
