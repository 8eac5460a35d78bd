//! Spans, tag schemes, scorers and significance tests for named-entity recognition.

pub mod accuracy;
pub mod conlleval;
pub mod entity;
pub mod error;
pub mod label_set;
pub mod scheme;
pub mod scorer;
pub mod scores;
pub mod seqeval;
pub mod span;

pub use accuracy::{TokenAccuracy, token_accuracy};
pub use conlleval::{ConllReport, conlleval_report, conlleval_spans};
pub use entity::{Duplicates, EntityReport, entity_report};
pub use error::{ForeignTag, MetricsError, Result, Side};
pub use label_set::{LabelSet, LegalTransitions};
pub use scheme::{Tag, TagError, TagScheme};
pub use scorer::Scorer;
pub use scores::{Counts, Scores, macro_scores, weighted_scores};
pub use seqeval::{SeqevalMode, seqeval_report};
pub use span::Span;
