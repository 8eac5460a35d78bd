//! A model that meets new words, characters, entity types and concepts: larger vocabularies and label sets, and networks that
//! keep what they know.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use medner_core::tensors::NamedTensors;
use medner_data::{Sentence, Span};
use medner_metrics::LabelSet;
use tch::Tensor;

use crate::config::Config;
use crate::corpus::Encoding;
use crate::networks::{CHARACTER_VECTORS, Networks, WORD_VECTORS};
use crate::prepare::encoding_options;

/// Vocabularies and labels of these sentences, and before them those of the model before: its numbers stay, except those of
/// recognition's tags, which are few and sorted.
pub fn encoding(config: &Config, before: Option<&Encoding>, sentences: &[Sentence]) -> Result<Encoding> {
    let counted = Encoding::count(sentences, encoding_options(config)).context("labelled sentences")?;
    let Some(before) = before else { return Ok(counted) };
    let mut grown = before.clone();
    grown.words.extend(counted.words.words().map(|(_, word, _)| word.to_owned()).collect::<Vec<_>>());
    let characters = counted.characters.words().map(|(_, c, _)| c.to_owned()).collect::<Vec<_>>();
    grown.characters.extend(characters);
    let types: BTreeSet<&String> = before.ner.types().iter().chain(counted.ner.types()).collect();
    let spans: Vec<Span> = types.into_iter().map(|kind| Span::new(0, 1, kind.clone())).collect();
    grown.ner = LabelSet::from_spans(counted.ner.scheme(), &spans)?;
    grown.nen.extend(counted.nen.labels().iter().cloned());
    Ok(grown)
}

/// Writes what the networks before knew into larger ones: every value of a word, character, tag or concept that both have, and
/// everything that has no size of its own.
pub fn transplant(from: (&NamedTensors, &Encoding), into: (&Networks, &Encoding)) -> Result<()> {
    let ((old, before), (networks, after)) = (from, into);
    let tags: Vec<i64> = before.ner.tags().iter().map(|tag| after.ner.index(tag).unwrap_or(-1)).collect();
    let concepts: Vec<i64> =
        before.nen.labels().iter().map(|label| after.nen.index(label).map_or(-1, i64::from)).collect();
    let mut state = networks.params.state()?;
    for (name, new) in &mut state {
        let old = old.get(name).with_context(|| format!("the model before has no `{name}`"))?;
        let rows: Option<Vec<i64>> = match name.as_str() {
            WORD_VECTORS => Some((0..before.words.len() as i64).collect()),
            CHARACTER_VECTORS => Some((0..before.characters.len() as i64).collect()),
            "ner.output.weight" | "ner.output.bias" => Some(tags.clone()),
            "nen.output.weight" | "nen.output.bias" => Some(concepts.clone()),
            _ => None,
        };
        match rows {
            None => {
                anyhow::ensure!(
                    old.size() == new.size(),
                    "`{name}` was {:?} and is to be {:?}: the project's configuration was changed",
                    old.size(),
                    new.size()
                );
                *new = old.shallow_clone();
            }
            Some(rows) => {
                let (kept, places): (Vec<i64>, Vec<i64>) =
                    (0..).zip(rows).filter(|&(_, row)| row >= 0).unzip();
                let values = old.f_index_select(0, &Tensor::from_slice(&kept))?;
                *new = new.f_index_copy(0, &Tensor::from_slice(&places), &values)?;
            }
        }
    }
    Ok(networks.params.load(&state)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::ModelConfig;
    use crate::prepare::{build, word_matrix};
    use tch::Device;

    fn sentence(tokens: &[&str], spans: &[(usize, usize, &str, &str)]) -> Sentence {
        let mut concepts = vec!["O".to_owned(); tokens.len()];
        for (start, end, _, concept) in spans {
            concepts[*start..*end].fill((*concept).to_owned());
        }
        Sentence {
            id: tokens.join(" "),
            tokens: tokens.iter().map(ToString::to_string).collect(),
            spans: spans.iter().map(|(start, end, kind, _)| Span::new(*start, *end, *kind)).collect(),
            concepts,
            ..Sentence::default()
        }
    }

    #[test]
    fn what_was_known_stays_where_it_was_or_moves_with_its_name() {
        let model = ModelConfig { characters: 3, words: 4, hidden: 5, train_words: true };
        let config = Config { model, ..Config::default() };
        let first = vec![sentence(&["No", "fever"], &[(1, 2, "Disease", "D5")])];
        let more = [first.clone(), vec![sentence(&["Aspirin", "day"], &[(0, 1, "Chemical", "D1")])]].concat();
        let before = encoding(&config, None, &first).unwrap();
        let after = encoding(&config, Some(&before), &more).unwrap();
        assert_eq!(after.words.id("fever"), before.words.id("fever"));
        assert_eq!((before.ner.index("B-Disease"), after.ner.index("B-Disease")), (Some(1), Some(3)));
        assert_eq!((after.nen.index("D5"), after.nen.index("D1")), (Some(1), Some(2)));

        let networks = |encoding: &Encoding, seed| {
            let (words, _) = word_matrix(&config, &encoding.words, None, seed).unwrap();
            build(&config, encoding, &words, seed, Device::Cpu).unwrap()
        };
        let (small, large) = (networks(&before, 1), networks(&after, 2));
        let untouched = large.params.state().unwrap();
        transplant((&small.params.state().unwrap(), &before), (&large, &after)).unwrap();
        let value = |networks: &Networks, name: &str, row: i64| networks.params.get(name).unwrap().get(row);
        let fever = i64::from(before.words.id("fever"));
        assert!(value(&small, WORD_VECTORS, fever).equal(&value(&large, WORD_VECTORS, fever)));
        for (name, old, new) in
            [("ner.output.weight", 1, 3), ("ner.output.bias", 0, 0), ("nen.output.weight", 1, 1)]
        {
            assert!(value(&small, name, old).equal(&value(&large, name, new)), "{name}");
        }
        // What is new starts as it was drawn.
        for (name, row) in [("nen.output.weight", 2), ("ner.output.weight", 1)] {
            assert!(value(&large, name, row).equal(&untouched[name].get(row)), "{name}");
        }
    }
}
