//! Every subject by the clock. The peers of a case take turns in several rounds, so that a machine
//! which is slow for a while is slow for all of them.

use criterion::{BenchmarkId, Criterion};
use mapisync_benches::{Subject, subjects};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 9;

fn main() {
    std::panic::set_hook(Box::new(|_| {})); // so that panics' messages are not measured
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(20))
        .measurement_time(Duration::from_millis(60))
        .sample_size(10)
        .without_plots()
        .configure_from_args();
    let subjects = subjects();
    let mut cases: Vec<&str> = Vec::new();
    for subject in &subjects {
        if !cases.contains(&subject.case) {
            cases.push(subject.case);
        }
    }
    for case in cases {
        let mut group = criterion.benchmark_group(case);
        for round in 0..ROUNDS {
            for Subject { peer, run, .. } in subjects.iter().filter(|one| one.case == case) {
                group.bench_function(BenchmarkId::new(*peer, round), |bencher| {
                    bencher.iter_custom(|times| {
                        let started = Instant::now();
                        run(times);
                        started.elapsed()
                    });
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}
