//! `medner compare A B`: what changed between two sets of results beyond noise.
//!
//! Results are run records (a folder with `runs/`, or folders of such) or CSVs (`runs.csv` or a result table): of two
//! commits, two machines, two settings.
//!
//! | module | idea |
//! | --- | --- |
//! | [`results`] | both forms as one shape: scores by place and seed |
//! | [`settings`] | what differs of configuration, data and versions |
//! | [`changes`] | the tests, and what is missing on either side |
//! | [`command`] | the command |
//!
//! Runs of one name in two tables with other configurations are two systems ([`namesakes`](crate::namesakes)).
//!
//! A score is compared over seeds: by a paired t-test where both sides have two seeds or more in common, else by Welch's;
//! from a table, by Welch's test of means and deviations. With a single common seed the sentences decide, where both runs
//! stored their counts per sentence (paired approximate randomisation of F1). Holm's correction goes over all scores of
//! the comparison. Equal numbers are equal, whatever a test says; a difference that nothing can test is listed apart, and
//! so are seconds, which are another machine's or another hour's.

pub mod changes;
pub mod command;
pub mod results;
pub mod settings;
