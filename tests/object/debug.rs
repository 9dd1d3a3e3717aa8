//! The output of `{:?}`: it distinguishes objects in a log, and shows addresses only where they
//! help.

use mapisync::abi::{IMAPISession, IUnknown};
use mapisync::testing::Recorder;
use mapisync::{
    Class, ComObject, ComPtr, ComRef, HRESULT, InnerObject, SyncFlags, SyncHost, Wrapped,
};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::mpsc::channel;
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
    let (owned, borrowed) = (format!("{unknown:?}"), format!("{:?}", ComRef::from(&unknown)));
    assert_eq!(owned, format!("ComPtr<IUnknown>({address:p})"));
    assert_eq!(borrowed, format!("ComRef<IUnknown>({address:p})"));
    let wrapped = format!("{:?}", Wrapped::from(&store(|_| Ok(()))));
    assert_within(&wrapped, "Wrapped(ComRef<IUnknown>(0x", "))");
    // SAFETY: the outer outlives the inner, and the test holds no interface of the inner.
    let inner = unsafe { InnerObject::new(NonNull::new(address).unwrap(), Payload(8)) };
    assert_eq!(format!("{inner:?}"), "InnerObject(Payload(8))");
}

/// Asserts how a string begins and ends.
fn assert_within(string: &str, begin: &str, end: &str) {
    assert!(string.starts_with(begin) && string.ends_with(end), "{string}");
}

#[test]
fn a_run_shows_its_state_on_both_sides() {
    let unknown = bare_object();
    let session: ManuallyDrop<ComPtr<IMAPISession>> =
        // SAFETY: the crate calls only a session's `IUnknown` methods, which the object has. The
        // object is free-threaded, and `ManuallyDrop` leaves the reference to `unknown`.
        ManuallyDrop::new(unsafe { ComPtr::from_raw(unknown.as_raw().cast()) }.unwrap());
    let address = format!("<IMAPISession>({:p})", session.as_raw());
    let (sender, seen) = channel();
    let (keeper, handle) = channel();
    let sync = store(move |request| {
        sender.send(format!("{request:?}")).unwrap();
        let sender = sender.clone();
        let handle = request.spawn_with_handle(move |job| {
            sender.send(format!("{job:?}")).unwrap();
            job.position(1, 1)
        });
        keeper.send(handle?).unwrap();
        Ok(())
    });
    let host = SyncHost::new(Recorder::new()).session((*session).clone());
    let expected = format!("SyncHost {{ session: Some(ComPtr{address}), .. }}");
    assert_eq!(format!("{host:?}"), expected);
    let run = host.start(&sync, SyncFlags::UPLOAD_CONTENTS).unwrap();
    assert_within(&format!("{run:?}"), "SyncRun { status: ", " }");
    assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    let ended = "SyncRun { status: Some(HRESULT(S_OK, 0x00000000)), event: ";
    assert_within(&format!("{run:?}"), ended, " }");
    let handle = format!("{:?}", handle.recv().unwrap());
    assert_within(&handle, "JobHandle { thread: ThreadId(", "is_canceled: false }");
    let request = format!(
        "SyncRequest {{ flags: SyncFlags(UPLOAD_CONTENTS), session: Some(ComRef{address}), callback: Some("
    );
    assert_within(&seen.recv().unwrap(), &request, " }");
    let job = "SyncJob { callback: Some(ComPtr<IMAPISyncProgressCallback>(0x";
    assert_within(&seen.recv().unwrap(), job, "), is_canceled: false, .. }");
    assert_within(&format!("{sync:?}"), "ComPtr<IMAPISync>(0x", ")");
}
