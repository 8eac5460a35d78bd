//! Spans, tag schemes, scorers and significance tests for named-entity recognition.
//!
//! No tensors here: this crate builds and tests on a machine without libtorch. It reads no files either: it is given spans
//! or tags, unit by unit, and gives back numbers. A unit is a sentence or a record, whatever the significance tests are to
//! resample.
//!
//! ```
//! use medner_metrics::{LabelSet, Scorer, Span, TagScheme, bootstrap_f1, entity_report};
//!
//! // From spans to tag numbers and back.
//! let labels = LabelSet::new(TagScheme::Bio, ["Disease", "Drug"])?;
//! let gold = vec![Span::new(0, 2, "Disease"), Span::new(3, 4, "Drug")];
//! assert_eq!(labels.encode(5, &gold)?, [1, 2, 0, 3, 0]);
//! let predicted = labels.decode(&[1, 2, 0, 1, 0]);
//!
//! // Strict entity scores, the primary ones: here one of two is right.
//! let report = entity_report(&[gold], &[predicted])?;
//! assert_eq!(report.micro_scores().f1, 0.5);
//! assert_eq!(report.per_type["Drug"].recall(), 0.0);
//!
//! // The same from tags, as four scorers read them.
//! let gold = [vec!["B-Disease", "I-Disease", "O"]];
//! let predicted = [vec!["I-Disease", "I-Disease", "O"]];
//! let f1 = |scorer: Scorer| scorer.report(TagScheme::Bio, &gold, &predicted).map(|r| r.micro.f1());
//! assert_eq!(f1(Scorer::Entity)?, 1.0);
//! assert_eq!(f1(Scorer::SeqevalStrict)?, 0.0);
//!
//! // How far the number could be chance.
//! let interval = bootstrap_f1(&report.units, 0.95, 1000, 1)?;
//! assert!(interval.low <= interval.f1 && interval.f1 <= interval.high);
//! # Ok::<(), medner_metrics::MetricsError>(())
//! ```
//!
//! # Modules
//!
//! | module | idea |
//! | --- | --- |
//! | [`span`] | an entity mention as token offsets and a label |
//! | [`scheme`] | BIO, BIOES and BMES tags to spans and back, strictly or leniently; conversion |
//! | [`label_set`] | entity types under a scheme, each tag's number, which tag may follow which |
//! | [`scores`] | counts; precision, recall, F1; micro, macro, weighted |
//! | [`entity`] | strict entity scoring over spans: the primary score |
//! | [`conlleval`] | the CoNLL shared tasks' reading of tags and its printed report |
//! | [`seqeval`] | seqeval's reading of tags, default and strict |
//! | [`scorer`] | the four of them by name, to print side by side |
//! | [`accuracy`] | token accuracy, of tags or any other value |
//! | [`confusion`](mod@confusion) | which type is taken for which |
//! | [`error_analysis`] | each mention's kind of error, with a listing for error tables |
//! | [`significance`] | bootstrap interval and paired randomisation over units |
//! | [`seeds`] | mean and spread over seeds, t-tests |
//! | [`error`] | the one error type: unit, place and remedy |
//!
//! # Where the scorers differ
//!
//! On legal BIO tags all four agree (a property test). Elsewhere they read the same tags as other entities. Each line is
//! tested in `tests/scorers_differ.rs`.
//!
//! | tags | `entity`, `seqeval-default` | `conlleval` | `seqeval-strict` |
//! | --- | --- | --- | --- |
//! | `I-X I-X O` (orphan at the start) | X 0..2 | X 0..2 | none |
//! | `O I-X O` (orphan after `O`) | X 1..2 | X 1..2 | none |
//! | `B-X I-X I-Y I-Y` (type changes inside) | X 0..2, Y 2..4 | the same | X 0..2 |
//! | `B-X I-Y` | X 0..1, Y 1..2 | the same | X 0..1 |
//! | `B-X I-X O` read as IOBES (not closed) | X 0..2 | X 0..2 | none |
//! | `B-X E-Y O` | X 0..1, Y 1..2 | the same | none |
//! | `O E-X O` | X 1..2 | X 1..2 | none |
//! | `S-X E-X O` | X 0..1, X 1..2 | X 0..2 | X 0..1 |
//! | `B-X E-X I-X` | X 0..2, X 2..3 | the same | X 0..2 |
//! | `B-X E-X B-X E-X` (legal IOBES) | X 0..2, X 2..4 | X 0..4 | X 0..2, X 2..4 |
//! | `S-X S-X O` (legal IOBES) | X 0..1, X 1..2 | X 0..2 | X 0..1, X 1..2 |
//!
//! So conlleval is to be given BIO only, and the strict mode punishes a tagger without hard constraints for what the others
//! forgive. A tag that is not of the scheme at all is an error with its place for every scorer, never an outside token.
//!
//! # Conventions
//!
//! - Scores are fractions from 0 to 1, and 0/0 is 0. Only conlleval's printed report is in per cent.
//! - The same mention twice in a unit counts once and is reported ([`Duplicates`]).
//! - Everything random depends on the seed alone, not on the number of threads.
//! - Maps are sorted, so that reports and JSON are the same bytes each time.

pub mod accuracy;
pub mod confusion;
pub mod conlleval;
pub mod entity;
pub mod error;
pub mod error_analysis;
pub mod label_set;
pub mod scheme;
pub mod scorer;
pub mod scores;
pub mod seeds;
pub mod seqeval;
pub mod significance;
pub mod span;

pub use accuracy::{TokenAccuracy, token_accuracy};
pub use confusion::{Confusion, confusion};
pub use conlleval::{ConllReport, conlleval_report, conlleval_spans};
pub use entity::{Duplicates, EntityReport, entity_report};
pub use error::{ForeignTag, MetricsError, Result, Side};
pub use error_analysis::{ErrorExample, ErrorKind, ErrorReport, Excerpt, error_report};
pub use label_set::{LabelSet, LegalTransitions};
pub use scheme::{Tag, TagError, TagScheme, UnknownScheme};
pub use scorer::Scorer;
pub use scores::{Counts, Scores, macro_scores, weighted_scores};
pub use seeds::{Summary, TTest, t_test_one_sample, t_test_paired, t_test_welch};
pub use seqeval::{SeqevalMode, seqeval_report};
pub use significance::{DEFAULT_REPLICATES, Interval, Randomisation, bootstrap_f1, randomisation_f1};
pub use span::Span;
