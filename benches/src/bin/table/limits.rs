//! Compares the counts with the limits.

use mapisync_benches::cases::{CASES, CPP, CRATES, Case, Limit, OURS, PEERS};
use std::collections::{BTreeMap, BTreeSet};

/// Instructions, by the keys of case and peer.
pub type Counts = BTreeMap<(&'static str, &'static str), f64>;

/// Returns the count of a case and a peer, if the peer has the case.
pub fn count(counts: &Counts, case: &Case, peer: &'static str) -> Option<f64> {
    counts.get(&(case.key, peer)).copied()
}

/// Returns the most instructions that ours may take: the limit compared with C++ or that compared
/// with the best other crate, whichever is stricter.
pub fn limit(counts: &Counts, case: &Case) -> f64 {
    let of = |peer| count(counts, case, peer).unwrap_or(f64::INFINITY);
    let cpp = match case.limit {
        Limit::Plus(more) => of(CPP) + more,
        Limit::Times(factor) => of(CPP) * factor,
        Limit::Reported(_) => f64::INFINITY,
    };
    let best = CRATES.map(of).into_iter().fold(f64::INFINITY, f64::min);
    cpp.min(best + case.over_crates.unwrap_or(f64::INFINITY))
}

/// Returns a line for every limit that is exceeded and for every count that is missing or unknown.
pub fn failures(counts: &Counts) -> Vec<String> {
    let mut failures = Vec::new();
    let counted: BTreeSet<_> = counts.keys().copied().collect();
    for (case, peer) in rows().symmetric_difference(&counted) {
        failures.push(format!("{case} of {peer}: a row without a count, or a count without a row"));
    }
    for case in CASES {
        let limit = limit(counts, case);
        if count(counts, case, OURS).is_some_and(|ours| ours > limit) {
            let of_all = PEERS.map(|peer| count(counts, case, peer));
            failures.push(format!("{}: {of_all:?}, limit {limit:.1}", case.key));
        }
    }
    failures
}

/// Returns each case with each peer that has it.
fn rows() -> BTreeSet<(&'static str, &'static str)> {
    let peers = |case: &Case| case.over_crates.map_or(&PEERS[..2], |_| &PEERS);
    let row = |case: &'static Case| peers(case).iter().map(|peer| (case.key, *peer));
    CASES.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns counts of all cases. Ours takes as many instructions as it may.
    fn at_the_limits(cpp: f64, best: f64) -> Counts {
        let mut counts: Counts = rows().into_iter().map(|key| (key, 9000.0)).collect();
        for (number, case) in CASES.iter().enumerate() {
            counts.insert((case.key, CPP), cpp);
            let mut ours = match case.limit {
                Limit::Plus(more) => cpp + more,
                Limit::Times(factor) => cpp * factor,
                Limit::Reported(_) => 1_000_000.0,
            };
            if let Some(over) = case.over_crates {
                counts.insert((case.key, CRATES[number % 3]), best);
                ours = ours.min(best + over);
            }
            counts.insert((case.key, OURS), ours);
        }
        counts
    }

    #[test]
    fn one_instruction_over_a_limit_fails() {
        // Either C++ or the best crate is the stricter limit.
        for (cpp, best) in [(1000.0, 5000.0), (5000.0, 1000.0)] {
            let counts = at_the_limits(cpp, best);
            assert_eq!(failures(&counts), [""; 0]);
            for case in CASES {
                let mut counts = counts.clone();
                *counts.get_mut(&(case.key, OURS)).unwrap() += 1.0;
                let expected = usize::from(!matches!(case.limit, Limit::Reported(_)));
                assert_eq!(failures(&counts).len(), expected, "{}", case.key);
            }
        }
    }

    #[test]
    fn a_missing_count_fails_and_so_does_an_unknown_one() {
        let complete = at_the_limits(1000.0, 5000.0);
        for missing in complete.keys() {
            let mut counts = complete.clone();
            counts.remove(missing);
            assert_eq!(failures(&counts).len(), 1, "{missing:?}");
        }
        for unknown in [("no such case", OURS), ("call", "no such peer")] {
            let mut counts = complete.clone();
            counts.insert(unknown, 1.0);
            assert_eq!(failures(&counts).len(), 1, "{unknown:?}");
        }
    }

    #[test]
    fn every_row_has_its_subjects_and_every_subject_has_a_row() {
        let subjects = mapisync_benches::subjects();
        let subjects: Vec<_> = subjects.iter().map(|one| (one.case, one.peer)).collect();
        assert_eq!(subjects.iter().copied().collect::<BTreeSet<_>>(), rows());
        assert_eq!(subjects.len(), rows().len());
    }
}
