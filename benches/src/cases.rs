//! The table's rows: each case with its limits.

use crate::peers::{com_rs, cpp, ours, scrape, windows};

/// The name of this crate in the tables.
pub const OURS: &str = ours::NAME;
/// The name of C++ in the tables.
pub const CPP: &str = cpp::NAME;
/// The other Rust COM crates.
pub const CRATES: [&str; 3] = [com_rs::NAME, windows::NAME, scrape::NAME];
/// The peers, in the order of the columns.
pub const PEERS: [&str; 5] = [OURS, CPP, CRATES[0], CRATES[1], CRATES[2]];

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

/// A row of the tables.
pub struct Case {
    /// The key of the case.
    pub key: &'static str,
    /// The text of the row. It begins with "…" if it continues the row above.
    pub title: &'static str,
    /// The limit of instructions compared with C++.
    pub limit: Limit,
    /// At most this many instructions more than the best other crate, or `None` where no crate has
    /// this case.
    pub over_crates: Option<f64>,
    /// At most this many allocations, or `None` where the standard library or threads make them.
    pub allocations: Option<usize>,
    /// The case's count is the difference between two processes, which repeat it this often.
    pub repeats: (u64, u64),
}

const fn case(key: &'static str, title: &'static str, limit: Limit, over: Option<f64>) -> Case {
    Case { key, title, limit, over_crates: over, allocations: Some(0), repeats: (1000, 2000) }
}

impl Case {
    const fn allocations(self, allocations: Option<usize>) -> Case {
        Case { allocations, ..self }
    }

    const fn repeats(self, few: u64, more: u64) -> Case {
        let repeats = (few, more);
        Case { repeats, ..self }
    }
}

/// The limit compared with the best other crate.
const CRATE: Option<f64> = Some(8.0);
/// This limit where the method may panic. Only our thunk catches the panic, so it may cost more.
const CATCH: Option<f64> = Some(12.0);

const PANIC: Limit = Reported("nearly all instructions are those of the language's runtime");

/// All cases.
#[rustfmt::skip] // one line for each case
pub const CASES: &[Case] = &[
    case("call", "`Progress` of an object in C++, by `ComPtr`", Plus(0.0), CRATE),
    case("call_ref", "… by `ComRef`", Plus(0.0), None),
    case("clone", "`clone` and drop of a pointer to it", Plus(0.0), CRATE),
    case("cast", "`cast` of a pointer to it and drop", Plus(12.0), CRATE),
    case("cast_miss", "… to an interface that it does not have", Plus(12.0), CRATE),
    case("thunk", "C++ calls `Progress`, which cannot panic", Plus(12.0), CRATE),
    case("thunk_may_panic", "… which may panic", Plus(12.0), CATCH),
    case("count", "AddRef + Release", Plus(4.0), CRATE),
    case("query_unknown", "QueryInterface of two interfaces: IUnknown", Plus(12.0), CRATE),
    case("query_first", "… the first", Plus(12.0), CRATE),
    case("query_second", "… the second", Plus(12.0), CRATE),
    case("query_miss", "… a missing one", Plus(12.0), CRATE),
    case("query4_first", "QueryInterface of four interfaces: the first", Plus(12.0), CRATE),
    case("query4_second", "… the second", Plus(12.0), CRATE),
    case("query4_last", "… the last", Plus(12.0), CRATE),
    case("query4_miss", "… a missing one", Plus(12.0), CRATE),
    case("create", "create + destroy, by a handle of its type", Plus(10.0), CRATE).allocations(Some(1)),
    case("create_interface", "… by an interface pointer", Plus(10.0), CRATE).allocations(Some(1)),
    case("string_out_ascii", "a string out: 40 characters of ASCII", Times(0.7), CRATE),
    case("string_out_cyrillic", "… Cyrillic", Times(2.2), CRATE),
    case("string_out_japanese", "… Japanese", Times(2.2), CRATE),
    case("string_out_emoji", "… emoji", Times(2.2), CRATE),
    case("string_out_300", "… 300 characters of ASCII", Times(0.7), CRATE).allocations(Some(1)),
    case("report", "a store reports an index to our host", Plus(12.0), None)
        .allocations(None).repeats(1000, 100_000),
    case("report_string", "… and 40 characters of ASCII", Times(1.0), None)
        .allocations(None).repeats(1000, 100_000),
    case("panic", "`Progress` panics, or throws", PANIC, None).allocations(None).repeats(100, 200),
];
