//! The same few operations, done by this crate and by its peers.
//!
//! A [`Subject`] is one case of one peer: a function that repeats an operation. The program `count`
//! runs subjects under callgrind, `time` by the clock, `memory` with an allocator that counts. A peer
//! supplies objects, which C++ calls, and pointers, which call objects of C++. So one side of each
//! case is the same for all peers.

pub mod callers;
pub mod peers;
pub mod runs;
pub mod strings;

use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::{ComPtr, GUID};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use strings::{SAMPLES, to_utf16};

/// A pointer to the interface that most cases call.
pub type Callback = ComPtr<IMAPISyncProgressCallback>;
/// A pointer to the first interface of an object that has several.
pub type Unknown = ComPtr<IUnknown>;

/// The IID of the third interface of an object with four.
pub const IID_THIRD: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// The IID of the fourth.
pub const IID_FOURTH: GUID = GUID::from_u128(0x2E9A7D10_41C6_4B7F_A358_0D6C92F17B44);
/// An IID that no object has.
pub const IID_MISSING: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

/// One case of one peer.
pub struct Subject {
    /// The case's key.
    pub case: &'static str,
    /// The peer's name.
    pub peer: &'static str,
    /// Prepares the operation, repeats it the given number of times, and cleans up.
    pub run: Box<dyn Fn(u64)>,
}

impl Subject {
    /// Makes a subject.
    pub fn new(case: &'static str, peer: &'static str, run: impl Fn(u64) + 'static) -> Subject {
        Subject {
            case,
            peer,
            run: Box::new(run),
        }
    }
}

/// A peer's objects. Each function returns one with a reference count of 1.
pub struct Objects {
    /// A callback whose `Progress` stores the index.
    pub last_position: fn() -> Callback,
    /// A callback that does so through [`record`], which may panic.
    pub may_panic: fn() -> Callback,
    /// A callback whose `Progress` gets a Unicode string and stores its length, for peers that
    /// decode strings.
    pub decoder: Option<fn() -> Callback>,
    /// An object with two interfaces: `IMAPISync` and the callback.
    pub two: fn() -> Unknown,
    /// An object with these two and two further interfaces.
    pub four: Option<fn() -> Unknown>,
    /// Creates and destroys a last_position by a handle that knows its type, if the peer has such.
    pub create: Option<fn(u64)>,
    /// Creates and destroys a last_position by an interface pointer.
    pub create_interface: fn(u64),
}

impl Objects {
    /// Returns the cases in which C++ calls the objects.
    pub fn subjects(self, peer: &'static str) -> Vec<Subject> {
        let Objects {
            last_position,
            may_panic,
            decoder,
            two,
            four,
            create,
            create_interface,
        } = self;
        let query = |case, object: fn() -> Unknown, iid: GUID| {
            Subject::new(case, peer, move |n| callers::query(object(), &iid, n))
        };
        let mut subjects = vec![
            Subject::new("thunk", peer, move |n| callers::call(&last_position(), n)),
            Subject::new("thunk_may_panic", peer, move |n| {
                callers::call(&may_panic(), n);
            }),
            Subject::new("count", peer, move |n| callers::count(&last_position(), n)),
            Subject::new("count_two_threads", peer, move |n| {
                callers::count_on_two_threads(&last_position(), n);
            }),
            Subject::new("create_interface", peer, create_interface),
            query("query_unknown", two, IID_IUnknown),
            query("query_first", two, IID_IMAPISync),
            query("query_second", two, IID_IMAPISyncProgressCallback),
            query("query_miss", two, IID_MISSING),
        ];
        if let Some(create) = create {
            subjects.push(Subject::new("create", peer, create));
        }
        if let Some(decoder) = decoder {
            subjects.extend(SAMPLES.iter().map(|sample| {
                Subject::new(sample.incoming, peer, move |n| {
                    callers::call_with_utf16(&decoder(), &to_utf16(sample.string), n);
                })
            }));
        }
        if let Some(four) = four {
            subjects.extend([
                query("query4_first", four, IID_IMAPISync),
                query("query4_second", four, IID_IMAPISyncProgressCallback),
                query("query4_last", four, IID_FOURTH),
                query("query4_miss", four, IID_MISSING),
            ]);
        }
        subjects
    }
}

/// A peer's pointers: functions that repeat an operation on an object of C++.
pub struct Pointers {
    /// Calls `Progress` without a string.
    pub call: fn(&Callback, u64),
    /// Clones the pointer and drops the clone.
    pub clone: fn(&Callback, u64),
    /// Queries the callback, the object's second interface, and drops the pointer.
    pub cast: fn(&Unknown, u64),
    /// Queries an interface that the object does not have.
    pub cast_miss: fn(&Unknown, u64),
    /// Calls `Progress` with a string in UTF-8.
    pub string: fn(&Callback, &str, u64),
}

impl Pointers {
    /// Returns the cases in which the pointers call C++.
    pub fn subjects(self, peer: &'static str) -> Vec<Subject> {
        let Pointers {
            call,
            clone,
            cast,
            cast_miss,
            string,
        } = self;
        let last_position = peers::cpp::last_position;
        let two = peers::cpp::two;
        let mut subjects = vec![
            Subject::new("call", peer, move |n| call(&last_position(), n)),
            Subject::new("clone", peer, move |n| clone(&last_position(), n)),
            Subject::new("cast", peer, move |n| cast(&two(), n)),
            Subject::new("cast_miss", peer, move |n| cast_miss(&two(), n)),
        ];
        subjects.extend(SAMPLES.iter().map(|sample| {
            Subject::new(sample.out, peer, move |n| {
                string(&last_position(), sample.string, n);
            })
        }));
        subjects
    }
}

/// Returns all subjects.
pub fn subjects() -> Vec<Subject> {
    [
        peers::cpp::subjects(),
        peers::ours::subjects(),
        peers::plain::subjects(),
        peers::com_rs::subjects(),
        peers::windows::subjects(),
        peers::scrape::subjects(),
        runs::subjects(),
        vec![Subject::new("count_two_threads", ARC, count_arc)],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Stores the index. The compiler cannot rule out that this panics.
#[inline(never)]
pub fn record(last: &AtomicU32, index: u32) {
    if index == u32::MAX {
        panic!("there is no such index");
    }
    last.store(index, Relaxed);
}

/// The name under which `Arc` is measured.
pub const ARC: &str = "Arc";

/// Does the same as `count_two_threads`, with the standard library's `Arc`.
fn count_arc(n: u64) {
    let shared = Arc::new(());
    let count = |n: u64| {
        for _ in 0..n {
            drop(black_box(shared.clone()));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| count(n / 2));
        count(n - n / 2);
    });
}
