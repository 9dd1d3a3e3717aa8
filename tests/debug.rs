//! What `{:?}` shows: enough to tell objects apart in a log, and no address where that says nothing.

mod common;

use common::{Ear, LONG, nobody, store};
use mapisync::abi::{IMAPISession, IMAPISync, IUnknown};
use mapisync::{Class, ComObject, ComPtr, ComRef, HRESULT, InnerObject, SyncFlags, SyncHost};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

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
    // SAFETY: the outer outlives the inner, of which nobody has an interface.
    let inner = unsafe { InnerObject::new(outer, Payload(8)) };
    assert_eq!(format!("{inner:?}"), "InnerObject(Payload(8))");
}

#[test]
fn a_run_shows_what_is_known_of_it_on_either_side() {
    let unknown = nobody();
    let session: ManuallyDrop<ComPtr<IMAPISession>> =
        // SAFETY: only IUnknown's slots are used of a session; the object is free-threaded, and its reference stays.
        ManuallyDrop::new(unsafe { ComPtr::from_raw(unknown.as_raw().cast()) }.unwrap());
    let session_text = format!("ComPtr<IMAPISession>({:p})", session.as_raw());
    let (seen, handle) = (
        Arc::<Mutex<Vec<String>>>::default(),
        Arc::<Mutex<_>>::default(),
    );
    let (notes, keep) = (seen.clone(), handle.clone());
    let sync = store(move |request| {
        notes.lock().unwrap().push(format!("{request:?}"));
        let notes = notes.clone();
        *keep.lock().unwrap() = Some(request.spawn_with_handle(move |job| {
            notes.lock().unwrap().push(format!("{job:?}"));
            job.position(1, 1)
        })?);
        Ok(())
    });
    let host = SyncHost::new(Ear::new()).session((*session).clone());
    assert_eq!(
        format!("{host:?}"),
        format!("SyncHost {{ session: Some({session_text}), .. }}")
    );
    let run = host.start(&sync, SyncFlags::UPLOAD_CONTENTS).unwrap();
    assert!(format!("{run:?}").starts_with("SyncRun { status: "));
    assert_eq!(run.wait(LONG).unwrap(), HRESULT::S_OK);
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
    let session_ref = session_text.replace("ComPtr", "ComRef");
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
