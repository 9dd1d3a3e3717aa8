//! The table's rows: each case with its limits.

/// The limit of a case's instructions compared with C++ in the same run.
#[derive(Clone, Copy)]
pub enum Limit {
    /// At most this many instructions more than C++.
    Plus(f64),
    /// At most this many times the instructions of C++.
    Times(f64),
    /// No limit, for this reason.
    Reported(&'static str),
}

use Limit::{Plus, Reported, Times};

const CALL: Limit = Plus(0.0);
const THUNK: Limit = Plus(12.0);
const ADD_REF_RELEASE: Limit = Plus(4.0);
const QUERY_INTERFACE: Limit = Plus(12.0);
const CREATION: Limit = Plus(10.0);
const ASCII_OUT: Limit = Times(0.7);
const OTHERS_OUT: Limit = Times(2.2);
const STRING_IN: Limit =
    Reported("ours becomes a `&str`, that of C++ a `std::string`, and the crates pass the pointer");
const RUN: Limit = Reported("the instructions depend on how threads meet");
const PANIC: Limit = Reported("nearly all instructions are those of the language's runtime");
const CONTENTION: Limit = Reported("contention costs time, so only the clock measures it");

/// The limit compared with the best other Rust COM crate.
const OVER_CRATES: f64 = 8.0;
/// This limit where the method may panic. Only our thunk catches the panic, so it may cost more.
const OVER_CRATES_WITH_CATCH: f64 = 12.0;

/// The limits of 1,000 runs at once, for each run: bytes of heap and descriptors.
pub const RUN_HEAP: f64 = 1024.0;
pub const RUN_DESCRIPTORS: f64 = 3.0;

pub struct Case {
    pub key: &'static str,
    pub title: &'static str,
    pub limit: Limit,
    /// At most this many instructions more than the best other crate, or `None` where no crate has
    /// this case.
    pub over_crates: Option<f64>,
    /// At most this many allocations, or `None` where the standard library or threads make them.
    pub allocations: Option<f64>,
    /// The case's count is the difference between two processes, which repeat it this often. With
    /// `None` it has no count.
    pub repeats: Option<(u64, u64)>,
}

/// A case that allocates nothing and that the other crates have as well.
const fn case(key: &'static str, title: &'static str, limit: Limit) -> Case {
    Case {
        key,
        title,
        limit,
        over_crates: Some(OVER_CRATES),
        allocations: Some(0.0),
        repeats: Some((1000, 2000)),
    }
}

impl Case {
    const fn over_crates(self, over_crates: Option<f64>) -> Case {
        Case {
            over_crates,
            ..self
        }
    }

    const fn allocating(self, allocations: Option<f64>) -> Case {
        Case {
            allocations,
            ..self
        }
    }

    const fn repeated(self, repeats: Option<(u64, u64)>) -> Case {
        Case { repeats, ..self }
    }
}

const fn string_in(key: &'static str, title: &'static str) -> Case {
    case(key, title, STRING_IN).over_crates(None)
}

const fn report(key: &'static str, title: &'static str, limit: Limit) -> Case {
    case(key, title, limit)
        .over_crates(None)
        .repeated(Some((1000, 100_000)))
}

const fn run(key: &'static str, title: &'static str, few: u64, more: u64) -> Case {
    case(key, title, RUN)
        .over_crates(None)
        .allocating(None)
        .repeated(Some((few, more)))
}

#[rustfmt::skip] // one line for each case
pub const CASES: &[Case] = &[
    case("call", "`Progress` of an object in C++, by `ComPtr`", CALL),
    case("call_ref", "… by `ComRef`", CALL).over_crates(None),
    case("clone", "`clone` and drop of a pointer to it", CALL),
    case("cast", "`cast` of a pointer to it and drop", QUERY_INTERFACE),
    case("cast_miss", "… to an interface that it does not have", QUERY_INTERFACE),
    case("thunk", "C++ calls `Progress`, which cannot panic", THUNK),
    case("thunk_may_panic", "… which may panic", THUNK).over_crates(Some(OVER_CRATES_WITH_CATCH)),
    case("count", "AddRef + Release", ADD_REF_RELEASE),
    case("query_unknown", "QueryInterface of two interfaces: IUnknown", QUERY_INTERFACE),
    case("query_first", "… the first", QUERY_INTERFACE),
    case("query_second", "… the second", QUERY_INTERFACE),
    case("query_miss", "… a missing one", QUERY_INTERFACE),
    case("query4_first", "QueryInterface of four interfaces: the first", QUERY_INTERFACE),
    case("query4_second", "… the second", QUERY_INTERFACE),
    case("query4_last", "… the last", QUERY_INTERFACE),
    case("query4_miss", "… a missing one", QUERY_INTERFACE),
    case("create", "create + destroy, by a handle of its type", CREATION).allocating(Some(1.0)),
    case("create_interface", "… by an interface pointer", CREATION).allocating(Some(1.0)),
    case("string_out_ascii", "a string out: 40 characters of ASCII", ASCII_OUT),
    case("string_out_cyrillic", "… Cyrillic", OTHERS_OUT),
    case("string_out_japanese", "… Japanese", OTHERS_OUT),
    case("string_out_emoji", "… emoji", OTHERS_OUT),
    case("string_out_300", "… 300 characters of ASCII", ASCII_OUT).allocating(Some(1.0)),
    string_in("string_in_ascii", "a string in: 40 characters of ASCII"),
    string_in("string_in_cyrillic", "… Cyrillic"),
    string_in("string_in_japanese", "… Japanese"),
    string_in("string_in_emoji", "… emoji"),
    string_in("string_in_300", "… 300 characters of ASCII"),
    report("report", "a store reports an index to our host", THUNK),
    report("report_string", "… and 40 characters of ASCII", Times(1.0)),
    case("panic", "`Progress` panics, or throws", PANIC)
        .over_crates(None)
        .allocating(None)
        .repeated(Some((100, 200))),
    run("run_1", "a whole run, 1 report", 20, 220),
    run("run_1000", "… 1,000 reports", 20, 120),
    run("run_100000", "… 100,000 reports", 1, 4),
    case("count_two_threads", "AddRef + Release on two threads at once", CONTENTION)
        .over_crates(None)
        .allocating(None)
        .repeated(None),
];

/// The peers, in the order of the columns.
pub const PEERS: &[&str; 6] = &[OURS, CPP, PLAIN, CRATES[0], CRATES[1], CRATES[2]];
pub const OURS: &str = mapisync_benches::peers::ours::NAME;
pub const CPP: &str = mapisync_benches::peers::cpp::NAME;
pub const PLAIN: &str = mapisync_benches::peers::plain::NAME;
/// The other Rust COM crates.
pub const CRATES: [&str; 3] = [
    mapisync_benches::peers::com_rs::NAME,
    mapisync_benches::peers::windows::NAME,
    mapisync_benches::peers::scrape::NAME,
];

/// Returns the case with this key.
pub fn case_of(key: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.key == key)
}

/// Measured values, by the keys of case and peer.
pub type Measured = std::collections::BTreeMap<(String, String), f64>;

/// Returns the value of a case and a peer, if it was measured.
pub fn get(measured: &Measured, case: &str, peer: &str) -> Option<f64> {
    measured.get(&(case.to_owned(), peer.to_owned())).copied()
}
