//! The same few operations, done by this crate, by C++ and by three other crates.
//!
//! A [`Subject`] is one case of one peer: a function that repeats an operation. The program `table`
//! runs subjects under callgrind, the benchmark `time` by the clock, and the program `memory` with
//! an allocator that counts.

pub mod cases;
pub mod peers;
mod runs;
mod strings;

pub use runs::run;
pub use strings::{ASCII, to_utf16};

use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::{ComPtr, Interface};
use mapisync_interop_crates::Empty;
use peers::{com_rs, cpp, ours, scrape, windows};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use strings::STRINGS;

/// A pointer to the interface that most cases call.
pub type Callback = ComPtr<IMAPISyncProgressCallback>;
/// A pointer to the first interface of an object that has several.
pub type Unknown = ComPtr<IUnknown>;

/// The third interface of an object with four.
pub type IThird = Empty<0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4>;
/// The fourth.
pub type IFourth = Empty<0x2E9A7D10_41C6_4B7F_A358_0D6C92F17B44>;
/// An interface that no object has.
pub type IMissing = Empty<0x00020306_0000_0000_C000_000000000046>;

/// One case of one peer.
pub struct Subject {
    /// The case's key in [`cases::CASES`].
    pub case: &'static str,
    /// The peer's name.
    pub peer: &'static str,
    /// Prepares the operation, repeats it the given number of times, and cleans up.
    pub run: Box<dyn Fn(u64)>,
}

impl Subject {
    fn new(case: &'static str, peer: &'static str, run: impl Fn(u64) + 'static) -> Subject {
        let run = Box::new(run);
        Subject { case, peer, run }
    }
}

/// Objects, which C++ calls, and pointers, which call objects of C++. So one side of each case is
/// the same for all peers.
pub struct Peer {
    /// The peer's name.
    pub name: &'static str,
    /// Makes a callback whose `Progress` stores the index, by [`store`].
    pub last_position: fn() -> Callback,
    /// Makes a callback that does so by [`record`], which may panic.
    pub may_panic: fn() -> Callback,
    /// Makes an object with two interfaces: `IMAPISync` and the callback.
    pub two: fn() -> Unknown,
    /// Makes an object with these two, [`IThird`] and [`IFourth`].
    pub four: fn() -> Unknown,
    /// Creates and destroys a callback by a handle that knows its type.
    pub create: fn(u64),
    /// Creates and destroys a callback by an interface pointer.
    pub create_interface: fn(u64),
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

impl Peer {
    /// Returns the cases that every peer has.
    fn subjects(self) -> Vec<Subject> {
        let Peer { name, two, four, .. } = self;
        let query = |case, object: fn() -> Unknown, iid| {
            Subject::new(case, name, move |n| cpp::query(object(), &iid, n))
        };
        let strings = STRINGS.map(|(case, string)| {
            let run = move |n| (self.string)(&cpp::last_position(), string, n);
            Subject::new(case, name, run)
        });
        let mut subjects = Vec::from(strings);
        subjects.extend([
            Subject::new("thunk", name, move |n| cpp::call(&(self.last_position)(), n)),
            Subject::new("thunk_may_panic", name, move |n| cpp::call(&(self.may_panic)(), n)),
            Subject::new("count", name, move |n| cpp::count(&(self.last_position)(), n)),
            query("query_unknown", two, IID_IUnknown),
            query("query_first", two, IID_IMAPISync),
            query("query_second", two, IID_IMAPISyncProgressCallback),
            query("query_miss", two, IMissing::IID),
            query("query4_first", four, IID_IMAPISync),
            query("query4_second", four, IID_IMAPISyncProgressCallback),
            query("query4_last", four, IFourth::IID),
            query("query4_miss", four, IMissing::IID),
            Subject::new("create", name, self.create),
            Subject::new("create_interface", name, self.create_interface),
            Subject::new("call", name, move |n| (self.call)(&cpp::last_position(), n)),
            Subject::new("clone", name, move |n| (self.clone)(&cpp::last_position(), n)),
            Subject::new("cast", name, move |n| (self.cast)(&cpp::two(), n)),
            Subject::new("cast_miss", name, move |n| (self.cast_miss)(&cpp::two(), n)),
        ]);
        subjects
    }
}

/// Returns all subjects.
pub fn subjects() -> Vec<Subject> {
    let all = [cpp::PEER, ours::PEER, com_rs::PEER, windows::PEER, scrape::PEER];
    let mut subjects: Vec<Subject> = all.into_iter().flat_map(Peer::subjects).collect();
    subjects.extend(cpp::subjects());
    subjects.extend(ours::subjects());
    subjects.extend(runs::subjects());
    subjects
}

/// Repeats an operation and drops its results.
#[inline(always)]
pub fn repeat<R>(n: u64, operation: impl Fn() -> R) {
    for _ in 0..n {
        operation();
    }
}

/// Runs an empty loop in Rust. The empty loop in C++ must take as many instructions.
pub fn empty_loop(n: u64) {
    repeat(n, || black_box(()));
}

/// What an object's `Progress` does with the index: [`store`] or [`record`].
pub trait Progress: Fn(&AtomicU32, u32) + Send + Sync + 'static {}
impl<F: Fn(&AtomicU32, u32) + Send + Sync + 'static> Progress for F {}

/// Stores the index.
#[inline(always)]
pub fn store(last: &AtomicU32, index: u32) {
    last.store(index, Relaxed);
}

/// Stores the index. The compiler cannot rule out that this panics.
#[inline(never)]
pub fn record(last: &AtomicU32, index: u32) {
    if index == u32::MAX {
        panic!("there is no such index");
    }
    last.store(index, Relaxed);
}
