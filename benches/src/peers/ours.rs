//! This crate, as its users use it.

use crate::{
    Callback, IID_FOURTH, IID_MISSING, IID_THIRD, Objects, Pointers, Subject, Unknown, callers,
};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::{
    Class, ComObject, ComPtr, ComRef, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The peer's name.
pub const NAME: &str = "mapisync";

/// A callback whose `Progress` calls a function.
struct Calls<F> {
    last: AtomicU32,
    progress: F,
}

fn calls<F: Fn(&AtomicU32, Option<&str>, u32) + Send + Sync + 'static>(progress: F) -> Calls<F> {
    Calls {
        last: AtomicU32::new(0),
        progress,
    }
}

impl<F: Fn(&AtomicU32, Option<&str>, u32) + Send + Sync + 'static> MapiSyncProgressCallback
    for Calls<F>
{
    fn progress(&self, step: Option<&str>, index: u32, _: u32) -> Result<()> {
        (self.progress)(&self.last, step, index);
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

/// Makes a callback that stores the index.
pub fn last_position() -> impl MapiSyncProgressCallback {
    calls(|last, _, index| last.store(index, Relaxed))
}

fn may_panic() -> impl MapiSyncProgressCallback {
    calls(|last, _, index| crate::record(last, index))
}

fn decoder() -> impl MapiSyncProgressCallback {
    calls(|last, step, _| {
        let length = step.map_or(0, str::len);
        last.store(length as u32, Relaxed);
    })
}

fn panicking() -> impl MapiSyncProgressCallback {
    calls(|_, _, _| panic!("1"))
}

fn pointer(callback: impl MapiSyncProgressCallback) -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(callback)
}

/// A callback that stores the index, with a type that has a name.
struct LastPosition(AtomicU32);

impl Class for LastPosition {
    type Interfaces = (IMAPISyncProgressCallback,);
}

/// A store and a callback.
struct Two(AtomicU32);

impl Class for Two {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

/// A store and a callback with two further interfaces.
struct Four(AtomicU32);

impl Class for Four {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback, IThird, IFourth);
}

macro_rules! sync {
    ($type:ident) => {
        impl MapiSync for $type {
            fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
                Err(HRESULT::E_NOTIMPL.into())
            }
        }
    };
}

macro_rules! callback {
    ($type:ident) => {
        impl MapiSyncProgressCallback for $type {
            fn progress(&self, _: Option<&str>, index: u32, _: u32) -> Result<()> {
                self.0.store(index, Relaxed);
                Ok(())
            }
            fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
                Ok(())
            }
            fn done(&self, _: HRESULT) -> Result<()> {
                Ok(())
            }
        }
    };
}

sync!(Two);
sync!(Four);
callback!(LastPosition);
callback!(Two);
callback!(Four);

macro_rules! interface {
    ($interface:ident $iid:ident) => {
        #[repr(C)]
        struct $interface(*const NumberVtbl);

        // SAFETY: the struct is one pointer to a vtable, which begins with IUnknown's slots.
        unsafe impl Interface for $interface {
            type Vtbl = NumberVtbl;
            type Base = IUnknown;
            const IID: GUID = $iid;
        }

        // SAFETY: `Thunk` supplies the IUnknown slots, and `number` accepts any `this`.
        unsafe impl<const INDEX: usize> ImplementedBy<Four, INDEX> for $interface {
            const VTABLE: &'static NumberVtbl = &NumberVtbl {
                base: Thunk::<Four, INDEX>::UNKNOWN,
                number,
            };
        }
    };
}

#[repr(C)]
struct NumberVtbl {
    base: IUnknownVtbl,
    number: unsafe extern "system" fn(this: *mut IUnknown) -> u32,
}

unsafe extern "system" fn number(_: *mut IUnknown) -> u32 {
    4
}

interface!(IThird IID_THIRD);
interface!(IFourth IID_FOURTH);

/// An interface that no object has.
#[repr(C)]
struct IMissing(*const IUnknownVtbl);

// SAFETY: the struct is one pointer to IUnknown's vtable.
unsafe impl Interface for IMissing {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_MISSING;
}

/// Makes an object with two interfaces.
pub fn two() -> Unknown {
    ComObject::new(Two(AtomicU32::new(0))).cast().unwrap()
}

fn four() -> Unknown {
    ComObject::new(Four(AtomicU32::new(0))).cast().unwrap()
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(ComObject::new(LastPosition(AtomicU32::new(0)))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(ComPtr::<IMAPISyncProgressCallback>::new(
            LastPosition(AtomicU32::new(0)),
        )));
    }
}

fn call(callback: &Callback, n: u64) {
    for _ in 0..n {
        let _ = callback.progress(None, 1, 2);
    }
}

fn call_by_ref(callback: ComRef<'_, IMAPISyncProgressCallback>, n: u64) {
    for _ in 0..n {
        let _ = callback.progress(None, 1, 2);
    }
}

fn clone(callback: &Callback, n: u64) {
    for _ in 0..n {
        drop(callback.clone());
    }
}

fn cast(object: &Unknown, n: u64) {
    for _ in 0..n {
        drop(object.cast::<IMAPISyncProgressCallback>());
    }
}

fn cast_miss(object: &Unknown, n: u64) {
    for _ in 0..n {
        drop(object.cast::<IMissing>());
    }
}

fn string(callback: &Callback, string: &str, n: u64) {
    for _ in 0..n {
        let _ = callback.progress(Some(string), 1, 2);
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        last_position: || pointer(last_position()),
        may_panic: || pointer(may_panic()),
        decoder: Some(|| pointer(decoder())),
        two,
        four: Some(four),
        create: Some(create),
        create_interface,
    };
    let pointers = Pointers {
        call,
        clone,
        cast,
        cast_miss,
        string,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects.extend([
        Subject::new("call_ref", NAME, |n| {
            call_by_ref(ComRef::from(&crate::peers::cpp::last_position()), n)
        }),
        Subject::new("panic", NAME, |n| callers::call(&pointer(panicking()), n)),
    ]);
    subjects
}
