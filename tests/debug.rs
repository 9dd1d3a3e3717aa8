//! The output of `{:?}`: it distinguishes objects in a log, and shows addresses only where they
//! help.

use mapisync::abi::{IMAPISession, IMAPISync, IUnknown};
use mapisync::testing::Recorder;
use mapisync::{Class, ComObject, ComPtr, ComRef, HRESULT, InnerObject, SyncFlags, SyncHost};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use test_support::{TIMEOUT, bare_object, store};

#[derive(Debug)]
struct Payload(#[allow(dead_code)] u8);

impl Class for Payload {
    type Interfaces = (IUnknown,);
}

#[test]
fn pointers_show_their_interface_and_address_and_objects_their_payload() {
    let object = ComObject::new(Payload(7));
    assert_eq!(format!("{object:?}"), "ComObject(Payload(7))");
    let unknown = object.cast::<IUnknown>().unwrap();
    let address = unknown.as_raw();
    assert_eq!(
        format!("{unknown:?}"),
        format!("ComPtr<IUnknown>({address:p})")
    );
    assert_eq!(
        format!("{:?}", ComRef::from(&unknown)),
        format!("ComRef<IUnknown>({address:p})")
    );
    let outer = NonNull::new(address).unwrap();
    // SAFETY: the outer outlives the inner, and the test holds no interface of the inner.
    let inner = unsafe { InnerObject::new(outer, Payload(8)) };
    assert_eq!(format!("{inner:?}"), "InnerObject(Payload(8))");
}

#[test]
fn a_run_shows_its_state_on_both_sides() {
    let unknown = bare_object();
    let session: ManuallyDrop<ComPtr<IMAPISession>> =
        // SAFETY: the crate calls only a session's `IUnknown` methods, which the object has. The
        // object is free-threaded, and `ManuallyDrop` leaves the reference to `unknown`.
        ManuallyDrop::new(unsafe { ComPtr::from_raw(unknown.as_raw().cast()) }.unwrap());
    let session_debug = format!("ComPtr<IMAPISession>({:p})", session.as_raw());
    let (seen, handle) = (
        Arc::<Mutex<Vec<String>>>::default(),
        Arc::<Mutex<_>>::default(),
    );
    let (log, kept) = (seen.clone(), handle.clone());
    let sync = store(move |request| {
        log.lock().unwrap().push(format!("{request:?}"));
        let log = log.clone();
        *kept.lock().unwrap() = Some(request.spawn_with_handle(move |job| {
            log.lock().unwrap().push(format!("{job:?}"));
            job.position(1, 1)
        })?);
        Ok(())
    });
    let host = SyncHost::new(Recorder::new()).session((*session).clone());
    assert_eq!(
        format!("{host:?}"),
        format!("SyncHost {{ session: Some({session_debug}), .. }}")
    );
    let run = host.start(&sync, SyncFlags::UPLOAD_CONTENTS).unwrap();
    assert!(format!("{run:?}").starts_with("SyncRun { status: "));
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let ended = format!("{run:?}");
    assert!(
        ended.starts_with("SyncRun { status: Some(HRESULT(S_OK, 0x00000000)), event: "),
        "{ended}"
    );
    let handle = format!("{:?}", handle.lock().unwrap().take().unwrap());
    assert!(
        handle.starts_with("JobHandle { thread: ThreadId("),
        "{handle}"
    );
    assert!(handle.ends_with("is_canceled: false }"), "{handle}");
    let seen = seen.lock().unwrap();
    let session_ref = session_debug.replace("ComPtr", "ComRef");
    let request = format!(
        "SyncRequest {{ flags: SyncFlags(UPLOAD_CONTENTS), session: Some({session_ref}), callback: Some("
    );
    assert!(seen[0].starts_with(&request), "{}", seen[0]);
    let callback = "SyncJob { callback: Some(ComPtr<IMAPISyncProgressCallback>(0x";
    assert!(seen[1].starts_with(callback), "{}", seen[1]);
    assert!(
        seen[1].ends_with("), is_canceled: false, .. }"),
        "{}",
        seen[1]
    );
    let sync: &ComPtr<IMAPISync> = &sync;
    assert!(format!("{sync:?}").starts_with("ComPtr<IMAPISync>(0x"));
}
