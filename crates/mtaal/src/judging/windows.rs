//! Sentences of more than [`LONGEST`](crate::length::LONGEST) tokens in windows, and their judgements put side by side.

use std::borrow::Cow;

use super::Judgement;
use crate::corpus::Example;
use crate::length;

/// Sentences as the networks read them.
pub(super) struct Windows<'a> {
    /// The sentences, longer ones as several.
    read: Vec<Cow<'a, Example>>,
    /// How many each sentence is read as.
    counts: Vec<usize>,
}

impl<'a> Windows<'a> {
    /// Of these sentences.
    pub fn of(examples: &[&'a Example]) -> Self {
        let (mut read, mut counts) = (Vec::with_capacity(examples.len()), Vec::with_capacity(examples.len()));
        for &example in examples {
            let before = read.len();
            if example.len() <= length::LONGEST {
                read.push(Cow::Borrowed(example));
            } else {
                read.extend(length::windows(example.len()).map(|window| Cow::Owned(example.part(window))));
            }
            counts.push(read.len() - before);
        }
        Self { read, counts }
    }

    /// What is read.
    pub fn examples(&self) -> Vec<&Example> {
        self.read.iter().map(|example| &**example).collect()
    }

    /// The judgements of what was read as those of the sentences; none of a task that was not asked.
    pub fn join(&self, judged: Vec<Judgement>) -> Vec<Judgement> {
        if judged.is_empty() || judged.len() == self.counts.len() {
            return judged;
        }
        let mut rest = judged.into_iter();
        let whole = |&count: &usize| {
            let mut whole = Judgement::default();
            for window in rest.by_ref().take(count) {
                whole.labels.extend(window.labels);
                whole.max_log_probs.extend(window.max_log_probs);
                whole.entropies.extend(window.entropies);
            }
            whole
        };
        self.counts.iter().map(whole).collect()
    }
}
