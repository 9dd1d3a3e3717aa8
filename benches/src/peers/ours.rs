//! This crate, as its users use it.

use crate::{
    Callback, IID_FOURTH, IID_NOBODYS, IID_THIRD, Objects, Pointers, Subject, Unknown, callers,
    texts,
};
use mapisync::abi::{IMAPISync, IMAPISyncProgressCallback, IUnknown, IUnknownVtbl};
use mapisync::{
    Class, ComObject, ComPtr, ComRef, GUID, HRESULT, ImplementedBy, Interface, MapiSync,
    MapiSyncProgressCallback, Result, SyncRequest, Thunk,
};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Its name.
pub const NAME: &str = "mapisync";

/// A callback with a note, and what its `Progress` does with that.
struct Ear<F> {
    note: AtomicU32,
    progress: F,
}

fn ear<F: Fn(&AtomicU32, Option<&str>, u32) + Send + Sync + 'static>(progress: F) -> Ear<F> {
    Ear {
        note: AtomicU32::new(0),
        progress,
    }
}

/// An ear that notes the last position.
pub fn noting() -> impl MapiSyncProgressCallback {
    ear(|last, _, index| last.store(index, Relaxed))
}

impl<F: Fn(&AtomicU32, Option<&str>, u32) + Send + Sync + 'static> MapiSyncProgressCallback
    for Ear<F>
{
    fn progress(&self, step: Option<&str>, index: u32, _: u32) -> Result<()> {
        (self.progress)(&self.note, step, index);
        Ok(())
    }
    fn error(&self, _: HRESULT, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn done(&self, _: HRESULT) -> Result<()> {
        Ok(())
    }
}

fn listener() -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(noting())
}

fn doubter() -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(ear(|last, _, index| crate::note(last, index)))
}

fn reader() -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(ear(|note, step, _| {
        let read = String::from(step.unwrap());
        note.store(read.len() as u32, Relaxed);
    }))
}

fn panicker() -> Callback {
    ComPtr::<IMAPISyncProgressCallback>::new(ear(|_, _, _| panic!("1")))
}

/// As `noting`, for an object whose type is known.
struct Listener(AtomicU32);

impl Class for Listener {
    type Interfaces = (IMAPISyncProgressCallback,);
}

/// A store that is a callback, too.
struct Two(AtomicU32);

impl Class for Two {
    type Interfaces = (IMAPISync, IMAPISyncProgressCallback);
}

/// As `Two`, with two interfaces of its own.
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
callback!(Listener);
callback!(Two);
callback!(Four);

macro_rules! interface {
    ($interface:ident $iid:ident) => {
        #[repr(C)]
        struct $interface(*const NumberVtbl);

        // SAFETY: one pointer to a vtable that begins with IUnknown's.
        unsafe impl Interface for $interface {
            type Vtbl = NumberVtbl;
            type Base = IUnknown;
            const IID: GUID = $iid;
        }

        // SAFETY: the IUnknown slots are `Thunk`'s, and `number` takes any `this`.
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

/// What nobody has.
#[repr(C)]
struct INobodys(*const IUnknownVtbl);

// SAFETY: one pointer to IUnknown's vtable.
unsafe impl Interface for INobodys {
    type Vtbl = IUnknownVtbl;
    type Base = IUnknown;
    const IID: GUID = IID_NOBODYS;
}

/// A callback that is a store as well.
pub fn two() -> Unknown {
    ComObject::new(Two(AtomicU32::new(0))).cast().unwrap()
}

fn four() -> Unknown {
    ComObject::new(Four(AtomicU32::new(0))).cast().unwrap()
}

fn create(n: u64) {
    for _ in 0..n {
        drop(black_box(ComObject::new(Listener(AtomicU32::new(0)))));
    }
}

fn create_interface(n: u64) {
    for _ in 0..n {
        drop(black_box(ComPtr::<IMAPISyncProgressCallback>::new(
            Listener(AtomicU32::new(0)),
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
        drop(object.cast::<INobodys>());
    }
}

fn text(callback: &Callback, text: &str, n: u64) {
    for _ in 0..n {
        let _ = callback.progress(Some(text), 1, 2);
    }
}

fn wide(callback: &Callback, n: u64) {
    for _ in 0..n {
        let _ = callback.progress(Some(texts::NARROW[0].1), 1, 2);
    }
}

pub(crate) fn subjects() -> Vec<Subject> {
    let objects = Objects {
        listener,
        doubter,
        reader: Some(reader),
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
        text,
        wide,
    };
    let mut subjects = objects.subjects(NAME);
    subjects.extend(pointers.subjects(NAME));
    subjects.extend([
        Subject::new("call_ref", NAME, |n| {
            call_by_ref(ComRef::from(&crate::peers::cpp::listener()), n)
        }),
        Subject::new("panic", NAME, |n| callers::call(&panicker(), n)),
    ]);
    subjects
}
