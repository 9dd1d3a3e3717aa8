//! What is measured: the same few things, done by this crate and by its peers.
//!
//! A [`Subject`] is one case of one peer, as a function that does it a number of times. The programs measure subjects in
//! their own ways, `count` by instructions, `time` by the clock. What a peer supplies is small: objects, which C++ calls, and
//! pointers, which call objects of C++. So in each case one side is the same for all.

pub mod callers;
pub mod peers;
pub mod runs;
pub mod texts;

use mapisync::abi::{
    IID_IMAPISync, IID_IMAPISyncProgressCallback, IID_IUnknown, IMAPISyncProgressCallback, IUnknown,
};
use mapisync::{ComPtr, GUID};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The interface that most cases are about.
pub type Callback = ComPtr<IMAPISyncProgressCallback>;
/// An object with several interfaces, by the first of them.
pub type Unknown = ComPtr<IUnknown>;

/// The third interface of an object with four.
pub const IID_THIRD: GUID = GUID::from_u128(0x6B1F3C8E_9D53_4F0B_8E2A_51D7C0A9E3F4);
/// The fourth.
pub const IID_FOURTH: GUID = GUID::from_u128(0x2E9A7D10_41C6_4B7F_A358_0D6C92F17B44);
/// One that nobody has.
pub const IID_NOBODYS: GUID = GUID::from_u128(0x00020306_0000_0000_C000_000000000046);

/// One case of one peer.
pub struct Subject {
    /// The key of the case.
    pub case: &'static str,
    /// The name of the peer.
    pub peer: &'static str,
    /// Prepares it, does it so many times, and clears up.
    pub run: Box<dyn Fn(u64)>,
}

impl Subject {
    /// A subject.
    pub fn new(case: &'static str, peer: &'static str, run: impl Fn(u64) + 'static) -> Subject {
        Subject {
            case,
            peer,
            run: Box::new(run),
        }
    }
}

/// What a peer's objects are made by. Each comes with a count of 1.
pub struct Objects {
    /// A callback that notes the last position.
    pub listener: fn() -> Callback,
    /// One that does so by [`note`].
    pub doubter: fn() -> Callback,
    /// One whose `Progress` makes a string of the text.
    pub reader: Option<fn() -> Callback>,
    /// A callback that is a store as well.
    pub two: fn() -> Unknown,
    /// One with two further interfaces, after those.
    pub four: Option<fn() -> Unknown>,
    /// Creates and destroys a listener, so many times: by a handle that knows the object's type, if the peer has such.
    pub create: Option<fn(u64)>,
    /// The same by an interface pointer.
    pub create_interface: fn(u64),
}

impl Objects {
    /// The cases in which C++ calls them.
    pub fn subjects(self, peer: &'static str) -> Vec<Subject> {
        let Objects {
            listener,
            doubter,
            reader,
            two,
            four,
            create,
            create_interface,
        } = self;
        let subject = |case, run: Box<dyn Fn(u64)>| Subject { case, peer, run };
        let query = |case, object: fn() -> Unknown, iid: GUID| {
            subject(case, Box::new(move |n| callers::query(object(), &iid, n)))
        };
        let mut subjects = vec![
            subject("thunk", Box::new(move |n| callers::call(&listener(), n))),
            subject(
                "thunk_doubt",
                Box::new(move |n| callers::call(&doubter(), n)),
            ),
            subject(
                "thunk_text",
                Box::new(move |n| callers::wide(&listener(), texts::WIDE, n)),
            ),
            subject("count", Box::new(move |n| callers::count(&listener(), n))),
            subject(
                "count_two",
                Box::new(move |n| callers::count_on_two_threads(&listener(), n)),
            ),
            subject("create_interface", Box::new(create_interface)),
            query("query_unknown", two, IID_IUnknown),
            query("query_first", two, IID_IMAPISync),
            query("query_second", two, IID_IMAPISyncProgressCallback),
            query("query_miss", two, IID_NOBODYS),
        ];
        if let Some(create) = create {
            subjects.push(subject("create", Box::new(create)));
        }
        if let Some(reader) = reader {
            subjects.push(subject(
                "read",
                Box::new(move |n| callers::wide(&reader(), texts::WIDE, n)),
            ));
        }
        if let Some(four) = four {
            subjects.extend([
                query("query4_first", four, IID_IMAPISync),
                query("query4_second", four, IID_IMAPISyncProgressCallback),
                query("query4_last", four, IID_FOURTH),
                query("query4_miss", four, IID_NOBODYS),
            ]);
        }
        subjects
    }
}

/// How a peer's pointers do something with an object of C++, so many times.
pub struct Pointers {
    /// `Progress` without a text.
    pub call: fn(&Callback, u64),
    /// A further reference, and back.
    pub clone: fn(&Callback, u64),
    /// QueryInterface for the callback, which is the object's second interface, and back.
    pub cast: fn(&Unknown, u64),
    /// QueryInterface for what the object does not have.
    pub cast_miss: fn(&Unknown, u64),
    /// `Progress` with a text that is in UTF-8.
    pub text: fn(&Callback, &str, u64),
    /// `Progress` with a literal that is in UTF-16 already.
    pub wide: fn(&Callback, u64),
}

impl Pointers {
    /// The cases in which they call C++.
    pub fn subjects(self, peer: &'static str) -> Vec<Subject> {
        let Pointers {
            call,
            clone,
            cast,
            cast_miss,
            text,
            wide,
        } = self;
        let listener = peers::cpp::listener;
        let two = peers::cpp::two;
        let mut subjects = vec![
            Subject::new("call", peer, move |n| call(&listener(), n)),
            Subject::new("clone", peer, move |n| clone(&listener(), n)),
            Subject::new("cast", peer, move |n| cast(&two(), n)),
            Subject::new("cast_miss", peer, move |n| cast_miss(&two(), n)),
            Subject::new("text_wide", peer, move |n| wide(&listener(), n)),
        ];
        subjects.extend(
            texts::NARROW.iter().map(|(case, words)| {
                Subject::new(case, peer, move |n| text(&listener(), words, n))
            }),
        );
        subjects
    }
}

/// Everything that is measured.
pub fn subjects() -> Vec<Subject> {
    [
        peers::cpp::subjects(),
        peers::ours::subjects(),
        peers::plain::subjects(),
        peers::com_rs::subjects(),
        peers::windows::subjects(),
        peers::scrape::subjects(),
        runs::subjects(),
        vec![Subject::new("count_two", "Arc", count_arc)],
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Notes the position, by a function that may panic, for all that the compiler is told.
#[inline(never)]
pub fn note(last: &AtomicU32, index: u32) {
    if index == u32::MAX {
        panic!("there is no such position");
    }
    last.store(index, Relaxed);
}

/// As `count_two`, with the standard library's counted pointer.
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
