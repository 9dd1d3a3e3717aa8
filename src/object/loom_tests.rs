//! Models of an object's life: references taken and given back by several threads, in every order.
//!
//! The payload's cell is where `loom` sees whether each use of it happens before its drop. A
//! payload that is dropped at the wrong moment panics, which `unwind::catch` catches, and is not
//! counted as buried.

use super::ref_count::RefCount;
use crate::abi::IUnknown;
use crate::object::{Class, ComObject};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};

/// The burials are the model's own note, which no thread under it learns anything from.
struct Payload {
    used: UnsafeCell<()>,
    buried: Arc<AtomicUsize>,
}

// SAFETY: the cell holds nothing, and fails the model where its uses are not in order.
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
        self.buried.fetch_add(1, Relaxed);
    }
}

fn object() -> (ComObject<Payload>, Arc<AtomicUsize>) {
    let buried = Arc::default();
    let payload = Payload {
        used: UnsafeCell::new(()),
        buried: Arc::clone(&buried),
    };
    (ComObject::new(payload), buried)
}

/// A thread that has the reference it is given, and does something with the object.
fn with(object: ComObject<Payload>, work: fn(ComObject<Payload>)) -> JoinHandle<()> {
    thread::spawn(move || work(object))
}

fn use_up(object: ComObject<Payload>) {
    object.read();
}

fn ask_and_use_up(object: ComObject<Payload>) {
    let asked = object.cast::<IUnknown>().unwrap();
    object.read();
    drop(object);
    drop(asked);
}

fn copy_and_use_up(object: ComObject<Payload>) {
    let copy = object.clone();
    drop(object);
    copy.read();
}

#[test]
fn two_threads_bury_the_payload_once_after_its_last_use() {
    for work in [use_up, ask_and_use_up, copy_and_use_up] {
        loom::model(move || {
            let (object, buried) = object();
            let other = with(object.clone(), work);
            copy_and_use_up(object);
            other.join().unwrap();
            assert_eq!(buried.load(Relaxed), 1);
        });
    }
}

#[test]
fn three_threads_bury_the_payload_once_after_its_last_use() {
    for work in [use_up, ask_and_use_up, copy_and_use_up] {
        loom::model(move || {
            let (object, buried) = object();
            let others = [with(object.clone(), work), with(object.clone(), use_up)];
            use_up(object);
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(buried.load(Relaxed), 1);
        });
    }
}

type Work = fn(&RefCount) -> Vec<u32>;

/// What AddRef and Release answer in threads that share a count, and what is left of it.
fn answers<const N: usize>(from: u32, works: [Work; N]) -> (Vec<u32>, u32) {
    let count = loom::sync::Arc::new(RefCount::new());
    count.force(from);
    let threads = works.map(|work| {
        let count = count.clone();
        thread::spawn(move || work(&count))
    });
    let answers = threads.map(|thread| thread.join().unwrap());
    (answers.concat(), count.value())
}

/// As an object does it whose payload has a drop.
const RELEASE: Work = |count| {
    let left = count.release();
    if left == 0 {
        count.pin();
    }
    vec![left]
};
const RELEASE_PINNED: Work = |count| vec![count.release_last_pinned()];
const ADD_AND_RELEASE_PINNED: Work = |count| {
    count.add(); // without a reference of one's own, so what it answers may be anything
    vec![count.release_last_pinned()]
};
const ADD: Work = |count| vec![count.add()];
const ADD_AND_RELEASE: Work = |count| vec![count.add(), count.release()];
const ADD_AND_RELEASE_TWICE: Work = |count| vec![count.add(), count.release(), count.release()];

#[test]
fn one_release_alone_is_the_last() {
    loom::model(|| {
        let (mut answers, left) = answers(3, [RELEASE; 3]);
        answers.sort_unstable();
        assert_eq!(answers, [0, 1, 2]);
        assert!(negative(left), "for what the payload's drop may call");
    });
}

#[test]
fn one_release_too_many_frees_nothing_twice() {
    loom::model(|| freed_once(answers(1, [RELEASE; 2])));
    loom::model(|| freed_once(answers(2, [RELEASE; 3])));
}

fn freed_once((answers, left): (Vec<u32>, u32)) {
    assert_eq!(answers.iter().filter(|answer| **answer == 0).count(), 1);
    assert!(negative(left), "{left:#X}");
}

#[test]
fn a_pair_that_falls_into_the_end_of_an_outer_is_not_the_last_again() {
    loom::model(|| freed_once(answers(1, [RELEASE_PINNED, ADD_AND_RELEASE_PINNED])));
}

/// Uses what is counted, gives it back, and ends it where that was the last reference.
fn use_and_release(counted: &(RefCount, UnsafeCell<()>)) -> bool {
    counted.1.with(|_| ());
    let last = counted.0.release_last_pinned() == 0;
    if last {
        counted.1.with_mut(|_| ());
    }
    last
}

#[test]
fn an_outer_ends_once_after_its_last_use() {
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
fn a_count_that_was_seen_to_overflow_stays_pinned() {
    for from in [i32::MAX as u32 - 1, i32::MAX as u32] {
        loom::model(move || {
            stays_pinned(answers(from, [ADD_AND_RELEASE_TWICE, ADD_AND_RELEASE]));
        });
        loom::model(move || {
            stays_pinned(answers(from, [ADD, RELEASE, ADD]));
        });
    }
}

fn stays_pinned((answers, left): (Vec<u32>, u32)) {
    assert!(answers.iter().all(|answer| *answer > i32::MAX as u32 - 4));
    let seen = answers.iter().any(|answer| negative(*answer));
    assert_eq!(seen, negative(left), "{answers:X?} {left:#X}");
}

fn negative(count: u32) -> bool {
    (count as i32) < 0
}
