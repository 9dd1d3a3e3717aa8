//! The gate: compares the measured values with the limits.

use crate::cases::{
    CASES, CPP, CRATES, Case, Limit, Measured, OURS, PEERS, RUN_DESCRIPTORS, RUN_HEAP, case_of, get,
};

/// Returns a line for every limit that is exceeded and for every count that is missing or unknown.
pub fn check_counts(counts: &Measured) -> Vec<String> {
    let mut failures = Vec::new();
    for (case, peer) in counts.keys() {
        if case_of(case).is_none_or(|case| case.repeats.is_none()) {
            failures.push(format!("{case}: the table has no row to count"));
        }
        if !PEERS.contains(&peer.as_str()) {
            failures.push(format!("{case}: the table has no column for {peer}"));
        }
    }
    for case in CASES.iter().filter(|case| case.repeats.is_some()) {
        let mut count = |peer| {
            let count = get(counts, case.key, peer);
            if count.is_none() {
                failures.push(format!("{}: {peer} has no count", case.key));
            }
            count
        };
        let (ours, cpp) = (count(OURS), count(CPP));
        let crates = case.over_crates.map(|over| (over, CRATES.map(count)));
        let (Some(ours), Some(cpp)) = (ours, cpp) else {
            continue;
        };
        let limit = match case.limit {
            Limit::Plus(more) => cpp + more,
            Limit::Times(factor) => cpp * factor,
            Limit::Reported(_) => f64::INFINITY,
        };
        if ours > limit {
            failures.push(format!(
                "{}: {ours:.2} instructions, limit {limit:.2}, C++ {cpp:.2}",
                case.key
            ));
        }
        if let Some((over, crates)) = crates {
            let best = crates.into_iter().flatten().fold(f64::INFINITY, f64::min);
            if ours > best + over {
                failures.push(format!(
                    "{}: {ours:.2} instructions, limit {:.2}, best other crate {best:.2}",
                    case.key,
                    best + over
                ));
            }
        }
    }
    failures
}

/// Returns a line for every limit of memory that is exceeded and for every value that is missing.
pub fn check_memory(measured: &Measured) -> Vec<String> {
    let over = |(key, limit)| match get(measured, key, OURS) {
        None => Some(format!("{key}: {OURS} has no value")),
        Some(value) if value > limit => Some(format!("{key}: {value}, limit {limit}")),
        Some(_) => None,
    };
    memory_limits().filter_map(over).collect()
}

/// Returns the keys that the program `memory` prints, with their limits.
fn memory_limits() -> impl Iterator<Item = (&'static str, f64)> {
    let runs = [
        ("runs_heap", RUN_HEAP),
        ("runs_descriptors", RUN_DESCRIPTORS),
    ];
    let allocations = |case: &'static Case| Some((case.key, case.allocations?));
    CASES.iter().filter_map(allocations).chain(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// C++ and the best crate, so that either is the stricter limit.
    const BASES: [(f64, f64); 2] = [(1000.0, 5000.0), (5000.0, 1000.0)];

    /// Returns counts of all cases. Ours takes as many instructions as it may.
    fn at_the_limits((cpp, best): (f64, f64)) -> Measured {
        let mut counts = Measured::new();
        for case in CASES.iter().filter(|case| case.repeats.is_some()) {
            let mut insert = |peer, count| counts.insert(key(case.key, peer), count);
            insert(CPP, cpp);
            let mut ours = match case.limit {
                Limit::Plus(more) => cpp + more,
                Limit::Times(factor) => cpp * factor,
                Limit::Reported(_) => 1_000_000.0,
            };
            if let Some(over) = case.over_crates {
                // The best crate is not the same one in all cases.
                for (at, name) in CRATES.into_iter().enumerate() {
                    let is_best = (case.key.len() + at).is_multiple_of(CRATES.len());
                    insert(name, if is_best { best } else { 9000.0 });
                }
                ours = ours.min(best + over);
            }
            insert(OURS, ours);
        }
        counts
    }

    fn key(case: &str, peer: &str) -> (String, String) {
        (case.to_owned(), peer.to_owned())
    }

    #[test]
    fn counts_at_the_limits_pass() {
        for bases in BASES {
            assert_eq!(check_counts(&at_the_limits(bases)), [""; 0]);
        }
    }

    #[test]
    fn one_instruction_over_a_limit_fails() {
        for (bases, case) in BASES
            .iter()
            .flat_map(|bases| CASES.iter().map(move |case| (bases, case)))
        {
            let mut counts = at_the_limits(*bases);
            let Some(ours) = counts.get_mut(&key(case.key, OURS)) else {
                continue;
            };
            *ours += 1.0;
            let limited = !matches!(case.limit, Limit::Reported(_));
            let failures = check_counts(&counts);
            assert_eq!(
                failures.len(),
                usize::from(limited),
                "{}: {failures:?}",
                case.key
            );
            let of_the_case = |line: &String| line.starts_with(&format!("{}: ", case.key));
            assert!(failures.iter().all(of_the_case), "{failures:?}");
        }
    }

    #[test]
    fn a_missing_count_fails() {
        let complete = at_the_limits(BASES[0]);
        for missing in complete.keys() {
            let mut counts = complete.clone();
            counts.remove(missing);
            assert_eq!(check_counts(&counts).len(), 1, "{missing:?}");
        }
    }

    #[test]
    fn an_unknown_case_or_peer_fails() {
        for unknown in [
            key("no_such_case", OURS),
            key("count_two_threads", OURS),
            key("call", "no such peer"),
        ] {
            let mut counts = at_the_limits(BASES[0]);
            counts.insert(unknown, 1.0);
            assert_eq!(check_counts(&counts).len(), 1);
        }
    }

    #[test]
    fn a_memory_limit_that_is_exceeded_or_a_missing_value_fails() {
        let at_limits: Measured = memory_limits()
            .map(|(name, limit)| (key(name, OURS), limit))
            .collect();
        assert_eq!(check_memory(&at_limits), [""; 0]);
        for one in at_limits.keys() {
            let mut measured = at_limits.clone();
            *measured.get_mut(one).unwrap() += 0.1;
            assert_eq!(check_memory(&measured).len(), 1, "{one:?}");
            measured.remove(one);
            assert_eq!(check_memory(&measured).len(), 1, "{one:?}");
        }
    }

    #[test]
    fn every_subject_has_a_row_and_every_row_has_subjects() {
        let subjects = mapisync_benches::subjects();
        let measured = |peer| -> BTreeSet<&str> {
            let subjects = subjects.iter().filter(|subject| subject.peer == peer);
            subjects.map(|subject| subject.case).collect()
        };
        let rows: BTreeSet<&str> = CASES.iter().map(|case| case.key).collect();
        assert_eq!(rows.len(), CASES.len());
        assert_eq!(measured(OURS), rows);
        assert_eq!(measured(CPP), rows);
        for name in CRATES {
            assert!(measured(name).is_subset(&rows), "{name}");
        }
    }
}
