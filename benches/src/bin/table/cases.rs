//! The rows of the table: what each case is called, how often it is done to be counted, and what it may cost.

/// What a case may cost in instructions, against C++ in the same run.
#[derive(Clone, Copy)]
pub enum Limit {
    /// So many more.
    Over(f64),
    /// Fewer.
    Below,
    /// So many times as many.
    Times(f64),
    /// As it comes; the peers are the measure.
    None,
}

pub struct Case {
    pub key: &'static str,
    pub title: &'static str,
    pub limit: Limit,
    /// Between which two numbers of times the difference is counted; what comes before and after is no part of it.
    pub times: (u64, u64),
    /// Whether callgrind counts it.
    pub counted: bool,
    /// How many instructions more than a crate's it may take, for what it does and no crate.
    pub more_than_crates: f64,
}

const fn case(key: &'static str, title: &'static str, limit: Limit) -> Case {
    Case {
        key,
        title,
        limit,
        times: (1000, 2000),
        counted: true,
        more_than_crates: 0.0,
    }
}

/// A call of an object of ours: the catch, the question whether there is a text, and the text's length.
const fn guarded(case: Case, more_than_crates: f64) -> Case {
    Case {
        more_than_crates,
        ..case
    }
}

const fn rare(case: Case, few: u64, more: u64) -> Case {
    Case {
        times: (few, more),
        ..case
    }
}

use Limit::{Below, Over, Times};

pub const CASES: &[Case] = &[
    case("call", "call into an object of C++, `ComPtr`", Over(0.0)),
    case("call_ref", "the same, `ComRef`", Over(0.0)),
    case("clone", "`clone` and drop of such a pointer", Limit::None),
    case("cast", "`cast` and drop, two interfaces", Limit::None),
    case("cast_miss", "`cast` to what it has not", Limit::None),
    guarded(
        case(
            "thunk",
            "C++ calls the object: `Progress`, which cannot panic",
            Over(10.0),
        ),
        3.0,
    ),
    guarded(
        case("thunk_doubt", "… which may, and is caught", Over(10.0)),
        5.0,
    ),
    guarded(
        case(
            "thunk_text",
            "… with a text of 40 characters, whose length ours measures",
            Limit::None,
        ),
        148.0,
    ),
    case("count", "AddRef + Release", Over(4.0)),
    case(
        "query_unknown",
        "QueryInterface, two interfaces: IUnknown",
        Over(0.0),
    ),
    case("query_first", "… the first", Over(0.0)),
    case("query_second", "… the second", Over(0.0)),
    case("query_miss", "… a miss", Over(0.0)),
    case(
        "query4_first",
        "QueryInterface, four interfaces: the first",
        Limit::None,
    ),
    case("query4_second", "… the second", Limit::None),
    case("query4_last", "… the last", Limit::None),
    case("query4_miss", "… a miss", Limit::None),
    case("create", "create + destroy, by a handle of its type", Below),
    case("create_interface", "… by an interface pointer", Below),
    case(
        "text_wide",
        "`Progress` with a literal in UTF-16",
        Over(0.0),
    ),
    case("text_ascii", "with 40 characters, ASCII", Limit::None),
    case("text_cyrillic", "… Cyrillic", Limit::None),
    case("text_japanese", "… Japanese", Limit::None),
    case("text_emoji", "… emoji", Limit::None),
    case("text_300", "with 300 characters, ASCII", Limit::None),
    case(
        "read",
        "a text of 40 characters that comes in, to `String`",
        Limit::None,
    ),
    rare(
        case("panic", "a method that panics, or throws", Limit::None),
        100,
        200,
    ),
    rare(
        case(
            "report",
            "one of 100,000 reports in one run: a position",
            Times(1.1),
        ),
        1000,
        100_000,
    ),
    rare(
        case("report_wide", "… a text in UTF-16", Times(1.1)),
        1000,
        100_000,
    ),
    rare(
        case("report_text", "… a text in UTF-8", Times(1.1)),
        1000,
        100_000,
    ),
    rare(case("run_1", "a whole run, 1 report", Limit::None), 20, 220),
    rare(case("run_1000", "… 1,000 reports", Limit::None), 20, 120),
    rare(case("run_100000", "… 100,000 reports", Limit::None), 1, 4),
    Case {
        counted: false,
        ..case(
            "count_two",
            "AddRef + Release on two threads at once",
            Limit::None,
        )
    },
];

/// The peers, in the order of the columns.
pub const PEERS: &[&str; 6] = &[
    OURS,
    CPP,
    PLAIN,
    mapisync_benches::peers::com_rs::NAME,
    mapisync_benches::peers::windows::NAME,
    mapisync_benches::peers::scrape::NAME,
];
pub const OURS: &str = mapisync_benches::peers::ours::NAME;
pub const CPP: &str = mapisync_benches::peers::cpp::NAME;
/// No crate, but there to show what it leaves out.
pub const PLAIN: &str = mapisync_benches::peers::plain::NAME;

/// The case of a key.
pub fn case_of(key: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.key == key)
}

/// What was measured, by the keys of the case and the peer.
pub type Measured = std::collections::BTreeMap<(String, String), f64>;

/// A value, or nothing.
pub fn get(measured: &Measured, case: &str, peer: &str) -> Option<f64> {
    measured.get(&(case.to_owned(), peer.to_owned())).copied()
}
