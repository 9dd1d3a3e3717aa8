//! Models of an object's life: several threads add and release references, in every order.
//!
//! The payload has a cell, by which `loom` checks that every use of it happens before its drop. A
//! payload that is dropped too early panics. `unwind::catch` catches the panic, so the drop is not
//! counted.

use super::ref_count::RefCount;
use crate::abi::IUnknown;
use crate::object::{Class, ComObject};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};

/// A payload with a drop counter. The counter is not `loom`'s, so it does not order the threads.
struct Payload {
    used: UnsafeCell<()>,
    drops: Arc<AtomicUsize>,
}

// SAFETY: the cell holds nothing, and `loom` fails the model if its uses are not ordered.
unsafe impl Sync for Payload {}

impl Class for Payload {
    type Interfaces = (IUnknown,);
}

impl Payload {
    fn read(&self) {
        self.used.with(|_| ());
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.used.with_mut(|_| ());
        self.drops.fetch_add(1, Relaxed);
    }
}

fn object() -> (ComObject<Payload>, Arc<AtomicUsize>) {
    let drops = Arc::default();
    let payload = Payload { used: UnsafeCell::new(()), drops: Arc::clone(&drops) };
    (ComObject::new(payload), drops)
}

/// Starts a thread that owns a reference and passes it to `work`.
fn spawn(object: ComObject<Payload>, work: fn(ComObject<Payload>)) -> JoinHandle<()> {
    thread::spawn(move || work(object))
}

fn use_and_drop(object: ComObject<Payload>) {
    object.read();
}

fn cast_and_drop(object: ComObject<Payload>) {
    let unknown = object.cast::<IUnknown>().unwrap();
    object.read();
    drop(object);
    drop(unknown);
}

fn clone_and_drop(object: ComObject<Payload>) {
    let clone = object.clone();
    drop(object);
    clone.read();
}

#[test]
fn two_threads_drop_the_payload_once_after_its_last_use() {
    for work in [use_and_drop, cast_and_drop, clone_and_drop] {
        loom::model(move || {
            let (object, drops) = object();
            let other = spawn(object.clone(), work);
            clone_and_drop(object);
            other.join().unwrap();
            assert_eq!(drops.load(Relaxed), 1);
        });
    }
}

#[test]
fn three_threads_drop_the_payload_once_after_its_last_use() {
    for work in [use_and_drop, cast_and_drop, clone_and_drop] {
        loom::model(move || {
            let (object, drops) = object();
            let others = [spawn(object.clone(), work), spawn(object.clone(), use_and_drop)];
            use_and_drop(object);
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(drops.load(Relaxed), 1);
        });
    }
}

type Operation = fn(&RefCount) -> Vec<u32>;

/// Runs threads that share a count. Returns what AddRef and Release returned, and the final count.
fn run<const N: usize>(from: u32, operations: [Operation; N]) -> (Vec<u32>, u32) {
    let count = loom::sync::Arc::new(RefCount::new());
    count.force(from);
    let threads = operations.map(|work| {
        let count = count.clone();
        thread::spawn(move || work(&count))
    });
    let returned = threads.map(|thread| thread.join().unwrap());
    (returned.concat(), count.value())
}

/// Releases as an object does whose payload has a `Drop`.
const RELEASE: Operation = |count| {
    let new = count.release();
    if new == 0 {
        count.pin();
    }
    vec![new]
};
const RELEASE_PINNED: Operation = |count| vec![count.release_and_pin_at_zero()];
const ADD_AND_RELEASE_PINNED: Operation = |count| {
    count.add(); // without a reference, so it may return any count
    vec![count.release_and_pin_at_zero()]
};
const ADD: Operation = |count| vec![count.add()];
const ADD_AND_RELEASE: Operation = |count| vec![count.add(), count.release()];
const ADD_AND_RELEASE_TWICE: Operation =
    |count| vec![count.add(), count.release(), count.release()];

#[test]
fn exactly_one_release_is_the_last() {
    loom::model(|| {
        let (mut returned, count) = run(3, [RELEASE; 3]);
        returned.sort_unstable();
        assert_eq!(returned, [0, 1, 2]);
        assert!(is_negative(count), "the payload's drop may use it");
    });
}

#[test]
fn one_release_too_many_frees_nothing_twice() {
    loom::model(|| assert_freed_once(run(1, [RELEASE; 2])));
    loom::model(|| assert_freed_once(run(2, [RELEASE; 3])));
}

fn assert_freed_once((returned, count): (Vec<u32>, u32)) {
    assert_eq!(returned.iter().filter(|new| **new == 0).count(), 1);
    assert!(is_negative(count), "{count:#X}");
}

#[test]
fn add_ref_and_release_during_the_destruction_of_an_outer_do_not_destroy_it_again() {
    loom::model(|| assert_freed_once(run(1, [RELEASE_PINNED, ADD_AND_RELEASE_PINNED])));
}

/// Reads the cell and releases it. Returns whether this destroyed it.
fn use_and_release(counted: &(RefCount, UnsafeCell<()>)) -> bool {
    counted.1.with(|_| ());
    let last = counted.0.release_and_pin_at_zero() == 0;
    if last {
        counted.1.with_mut(|_| ());
    }
    last
}

#[test]
fn an_outer_is_destroyed_once_after_its_last_use() {
    loom::model(|| {
        let counted = loom::sync::Arc::new((RefCount::new(), UnsafeCell::new(())));
        counted.0.force(3);
        let threads = [(); 2].map(|()| {
            let counted = counted.clone();
            thread::spawn(move || use_and_release(&counted))
        });
        let here = use_and_release(&counted);
        let [one, other] = threads.map(|thread| thread.join().unwrap());
        let ends = [here, one, other];
        assert_eq!(ends.iter().filter(|last| **last).count(), 1);
    });
}

#[test]
fn a_count_that_overflowed_stays_pinned() {
    for from in [i32::MAX as u32 - 1, i32::MAX as u32] {
        loom::model(move || {
            assert_stays_pinned(run(from, [ADD_AND_RELEASE_TWICE, ADD_AND_RELEASE]));
        });
        loom::model(move || {
            assert_stays_pinned(run(from, [ADD, RELEASE, ADD]));
        });
    }
}

fn assert_stays_pinned((returned, count): (Vec<u32>, u32)) {
    assert!(returned.iter().all(|new| *new > i32::MAX as u32 - 4));
    let seen = returned.iter().any(|new| is_negative(*new));
    assert_eq!(seen, is_negative(count), "{returned:X?} {count:#X}");
}

fn is_negative(count: u32) -> bool {
    (count as i32) < 0
}
