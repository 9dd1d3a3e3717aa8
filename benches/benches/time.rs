//! Every subject by the clock. The peers of a case follow each other, so that a machine which is
//! slow for a while is slow for all of them.

use criterion::Criterion;
use mapisync_benches::cases::CASES;
use mapisync_benches::subjects;
use std::time::{Duration, Instant};

fn main() {
    std::panic::set_hook(Box::new(|_| {})); // so that panics' messages are not measured
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    let subjects = subjects();
    for case in CASES {
        let mut group = criterion.benchmark_group(case.key);
        for subject in subjects.iter().filter(|subject| subject.case == case.key) {
            group.bench_function(subject.peer, |bencher| {
                bencher.iter_custom(|times| {
                    let started = Instant::now();
                    (subject.run)(times);
                    started.elapsed()
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
