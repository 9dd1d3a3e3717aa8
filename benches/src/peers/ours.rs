//! This crate, as its users use it.

use super::cpp;
use crate::{Callback, IFourth, IMissing, IThird, Peer, Progress, Subject, record, repeat, store};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback};
use mapisync::{
    Class, ComObject, ComPtr, ComRef, HRESULT, MapiSync, MapiSyncProgressCallback, Result,
    SyncRequest,
};
use std::hint::black_box;
use std::sync::atomic::AtomicU32;

/// The peer's name.
pub const NAME: &str = "mapisync";

/// An object with this number of interfaces. Its `Progress` calls a function.
struct Object<const INTERFACES: usize, F>(AtomicU32, F);

impl<F: Progress> Class for Object<1, F> {
    type Interfaces = (IMAPISyncProgressCallback,);
}

impl<F: Progress> Class for Object<2, F> {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

impl<F: Progress> Class for Object<4, F> {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback, IThird, IFourth);
}

impl<const INTERFACES: usize, F: Progress> MapiSync for Object<INTERFACES, F> {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Err(HRESULT::E_NOTIMPL.into())
    }
}

impl<const INTERFACES: usize, F: Progress> MapiSyncProgressCallback for Object<INTERFACES, F> {
    fn progress(&self, _: Option<&str>, index: u32, _: u32) -> Result<()> {
        (self.1)(&self.0, index);
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

fn object<const INTERFACES: usize, F: Progress>(progress: F) -> Object<INTERFACES, F> {
    Object(AtomicU32::new(0), progress)
}

/// Makes a callback that stores the index.
pub fn last_position() -> impl MapiSyncProgressCallback {
    object::<1, _>(store)
}

fn pointer(progress: impl Progress) -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(object::<1, _>(progress))
}

pub(crate) const PEER: Peer = Peer {
    name: NAME,
    last_position: || pointer(store),
    may_panic: || pointer(record),
    two: || ComObject::new(object::<2, _>(store)).cast().unwrap(),
    four: || ComObject::new(object::<4, _>(store)).cast().unwrap(),
    create: |n| repeat(n, || black_box(ComObject::new(object::<1, _>(store)))),
    create_interface: |n| repeat(n, || black_box(pointer(store))),
    call: |callback, n| repeat(n, || callback.progress(None, 1, 2)),
    clone: |callback, n| repeat(n, || callback.clone()),
    cast: |object, n| repeat(n, || object.cast::<IMAPISyncProgressCallback>()),
    cast_miss: |object, n| repeat(n, || object.cast::<IMissing>()),
    string: |callback, string, n| repeat(n, || callback.progress(Some(string), 1, 2)),
};

fn call_by_ref(callback: ComRef<'_, IMAPISyncProgressCallback>, n: u64) {
    repeat(n, || callback.progress(None, 1, 2));
}

/// Returns the further cases that only this crate and C++ have.
pub(crate) fn subjects() -> [Subject; 2] {
    [
        Subject::new("call_ref", NAME, |n| call_by_ref((&cpp::last_position()).into(), n)),
        Subject::new("panic", NAME, |n| cpp::call(&pointer(|_, _| panic!("1")), n)),
    ]
}
