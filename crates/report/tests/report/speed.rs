//! A report of many runs takes little time.

use std::fmt::Write as _;

use medner_metrics::Counts;

use crate::results::{path, record, repository};

/// What a release build may take for 5,000 records, in seconds of the processor: on an idle machine it is less by the
/// clock, since records are read on all cores.
const LIMIT: f64 = 2.0;

#[test]
fn five_thousand_records_take_less_than_two_seconds() {
    if cfg!(debug_assertions) {
        eprintln!("skipped: a build without optimisation says nothing about speed");
        return;
    }
    let repository = repository();
    let folder = repository.path("results/cpu/toy/runs");
    let mut runs = "hash,tables\n".to_owned();
    for i in 0..5_000 {
        let mut run = record(&format!("System {}", i / 5), "idcnn", i / 5, i % 5 + 1, 0.7);
        // As many scored sentences and bytes as a run on CCKS-2019 has.
        let units = (0..379).map(|u| Counts::new(u % 30, u % 29, u % 23)).collect();
        run.outcome.units.insert("ner".into(), medner_experiment::Units(units));
        for task in ["anatomy", "disease", "drug", "exam", "operation", "test"] {
            for metric in ["precision", "recall", "f1"] {
                run.outcome.score(task, metric, 0.801_234_567_891 + i as f64 * 1e-6);
            }
        }
        run.save(&path(&folder, &run)).unwrap();
        let _ = writeln!(runs, "{},table2", run.cell.hash);
    }
    repository.write("results/cpu/toy/runs.csv", &runs);
    let before = children_seconds();
    let clock = std::time::Instant::now();
    repository.out(&["report", "--profile", "cpu"], 0);
    let (used, wall) = (children_seconds() - before, clock.elapsed().as_secs_f64());
    let size = std::fs::metadata(repository.path("results/cpu/report/index.html")).unwrap().len();
    println!("{used:.2} s of the processor, {wall:.2} s by the clock, a page of {} kB", size / 1000);
    assert!(used < LIMIT, "{used:.2} s for 5,000 records");
    assert!(size < 5_000_000, "a page of {size} bytes");
}

/// Seconds that the ended children of this process have used.
fn children_seconds() -> f64 {
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a struct of the right type that lives through the call.
    let status = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(status, 0);
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
