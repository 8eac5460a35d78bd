//! From sentences to numbers: words, characters, and the labels of both tasks.

use std::collections::BTreeSet;
use std::ops::Range;

use medner_data::vocabulary::Normalisation;
use medner_data::{DataError, Result, Sentence, Span, TagScheme, Vocabulary};
use medner_metrics::LabelSet;
use serde::{Deserialize, Serialize};

use super::concepts::ConceptSet;
use super::forms::Forms;
use super::{MISSING, OUTSIDE};

/// What the paper leaves open and the released code decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodingOptions {
    /// Released code: characters are taken from the lower-cased word, so that nothing of its case is left. The paper does not
    /// say; by default the characters keep their case, as in the model that its character layer is taken from.
    pub lowercase_characters: bool,
    /// Released code: a mention without concept (`-1`) is trained and scored as `O` in the normalisation layer, although
    /// Table 1 counts `-1` among the 2,311 labels of BC5CDR. By default it is a label.
    pub missing_as_outside: bool,
}

impl EncodingOptions {
    /// As the paper has it.
    pub const PAPER: Self = Self { lowercase_characters: false, missing_as_outside: false };
    /// As the released code does it.
    pub const RELEASED: Self = Self { lowercase_characters: true, missing_as_outside: true };
}

/// Vocabularies and label sets; saved in a model's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// Words in lower case; 0 is padding, 1 every unknown word.
    pub words: Vocabulary,
    /// Characters; 0 is padding, 1 every unknown character.
    pub characters: Vocabulary,
    /// Tags of recognition: `O`, then `B-` and `I-` of each type.
    pub ner: LabelSet,
    /// Labels of normalisation: `O`, then the concepts.
    pub nen: ConceptSet,
    /// How sentences are turned into numbers.
    pub options: EncodingOptions,
}

/// One sentence of `T` tokens in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// `[T]`: the words' numbers.
    pub words: Vec<u32>,
    /// `[T]`: the surface forms' numbers in [`Forms`], which has their characters.
    pub forms: Vec<u32>,
    /// `[T]`: tags of recognition.
    pub ner: Vec<u32>,
    /// `[T]`: labels of normalisation.
    pub nen: Vec<u32>,
}

impl Example {
    /// `T`.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True for a sentence without tokens, which no reader gives.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// These tokens of it as a sentence of their own.
    ///
    /// # Panics
    /// For tokens that it does not have.
    #[must_use]
    pub fn part(&self, tokens: Range<usize>) -> Self {
        let of = |numbers: &[u32]| numbers[tokens.clone()].to_vec();
        Self { words: of(&self.words), forms: of(&self.forms), ner: of(&self.ner), nen: of(&self.nen) }
    }
}

/// Sentences in numbers and the surface forms that they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The sentences, in the order given.
    pub examples: Vec<Example>,
    /// The surface forms of all of them.
    pub forms: Forms,
}

impl Encoding {
    /// Collects words, characters and labels. Table 1 counts them over all sentences of the data set, those that the length
    /// filter drops included (9,839 words of NCBI; 9,534 without them), and so is it to be called.
    ///
    /// # Errors
    /// Where there is not one mention, so that no tags can be named.
    pub fn count(sentences: &[Sentence], options: EncodingOptions) -> Result<Self> {
        let all = || sentences.iter();
        let lowercase = Normalisation { lowercase: true, ..Normalisation::default() };
        let words = Vocabulary::count(all().flat_map(|s| &s.tokens), 1, lowercase);
        let characters = words_characters(all().flat_map(|s| &s.tokens), options);
        let spans: BTreeSet<&Span> = all().flat_map(|s| &s.spans).collect();
        let ner = LabelSet::from_spans(TagScheme::Bio, spans)
            .map_err(|e| DataError::item("labels of recognition", e.to_string()))?;
        let concepts: BTreeSet<&str> = all().flat_map(|s| &s.concepts).map(String::as_str).collect();
        let nen =
            ConceptSet::new(concepts.into_iter().filter(|&c| !(options.missing_as_outside && c == MISSING)));
        Ok(Self { words, characters, ner, nen, options })
    }

    /// Sentences with both layers of labels, in numbers.
    ///
    /// An entity that the source's sentence splitter cut begins with an `I-` tag in the files; here it begins with `B-`, as
    /// conlleval reads it (4 of NCBI's 6,824 kept entities and 5 of BC5CDR's 27,545).
    ///
    /// # Errors
    /// [`DataError::Item`] for a type or concept that the label sets do not know, with the sentence's identifier.
    pub fn encode<'a>(&self, sentences: impl IntoIterator<Item = &'a Sentence>) -> Result<Encoded> {
        let mut encoded = Encoded::default();
        for sentence in sentences {
            let tags = self
                .ner
                .encode(sentence.tokens.len(), &sentence.spans)
                .map_err(|e| DataError::item(&sentence.id, e.to_string()))?;
            let nen = self.concept_numbers(sentence)?;
            let mut example = self.unlabelled(&sentence.tokens, &mut encoded.forms);
            example.ner = tags.into_iter().map(|tag| tag as u32).collect();
            example.nen = nen;
            encoded.examples.push(example);
        }
        Ok(encoded)
    }

    /// Sentences without labels, in numbers: both layers are `O`.
    pub fn encode_text<'a>(&self, sentences: impl IntoIterator<Item = &'a [String]>) -> Encoded {
        let mut encoded = Encoded::default();
        for tokens in sentences {
            let example = self.unlabelled(tokens, &mut encoded.forms);
            encoded.examples.push(example);
        }
        encoded
    }

    fn unlabelled(&self, tokens: &[String], forms: &mut Forms) -> Example {
        let outside = vec![0; tokens.len()];
        Example {
            words: self.words.encode(tokens),
            forms: tokens.iter().map(|token| forms.number(token, &self.characters)).collect(),
            ner: outside.clone(),
            nen: outside,
        }
    }

    fn concept_numbers(&self, sentence: &Sentence) -> Result<Vec<u32>> {
        let number = |concept: &String| {
            let concept =
                if self.options.missing_as_outside && concept == MISSING { OUTSIDE } else { concept };
            self.nen.index(concept).ok_or_else(|| {
                let message = format!(
                    "the concept `{concept}` is none of the {} that the model knows; train a model that knows it, or label the mention `{MISSING}`",
                    self.nen.len()
                );
                DataError::item(&sentence.id, message)
            })
        };
        if sentence.concepts.len() != sentence.tokens.len() {
            let message = "has no concept for each token; read it with `Collection::from_sentences`";
            return Err(DataError::item(&sentence.id, message));
        }
        sentence.concepts.iter().map(number).collect()
    }
}

fn words_characters<'a>(tokens: impl Iterator<Item = &'a String>, options: EncodingOptions) -> Vocabulary {
    let normalisation = Normalisation { lowercase: options.lowercase_characters, ..Normalisation::default() };
    // Each form once: how often a character is counted does not matter, and forms are a tenth of the tokens.
    let forms: BTreeSet<&String> = tokens.collect();
    let mut buffer = [0_u8; 4];
    let mut counts = medner_data::vocabulary::WordCounts::new(normalisation);
    for character in forms.into_iter().flat_map(|form| form.chars()) {
        counts.add([&*character.encode_utf8(&mut buffer)]);
    }
    counts.build(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_data::vocabulary::UNK;

    use super::*;

    fn sentences() -> Vec<Sentence> {
        let sentence = |id: &str, tokens: &[&str], spans: Vec<Span>, concepts: &[&str]| Sentence {
            id: id.to_owned(),
            tokens: tokens.iter().map(|&t| t.to_owned()).collect(),
            spans,
            concepts: concepts.iter().map(|&c| c.to_owned()).collect(),
            ..Sentence::default()
        };
        vec![
            sentence("1", &["Ant", "bite", "."], vec![Span::new(0, 2, "Disease")], &["D2", "D2", "O"]),
            sentence("2", &["ant", "."], vec![Span::new(0, 1, "Chemical")], &["-1", "O"]),
        ]
    }

    #[test]
    fn sentences_become_numbers() {
        let sentences = sentences();
        let encoding = Encoding::count(&sentences, EncodingOptions::PAPER).unwrap();
        // `.` and `ant` twice, `bite` once; forms `.`, `Ant`, `ant`, `bite` have the characters t (3), n (2), and A a b e i . once.
        assert_eq!(encoding.words.len(), 5);
        assert_eq!(encoding.characters.len(), 10);
        assert_eq!(encoding.ner.tags(), ["O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease"]);
        assert_eq!(encoding.nen.labels(), ["O", "-1", "D2"]);
        let Encoded { examples, forms } = encoding.encode(&sentences).unwrap();
        assert_eq!((&examples[0].ner, &examples[0].nen), (&vec![3, 4, 0], &vec![2, 2, 0]));
        assert_eq!((&examples[1].ner, &examples[1].nen), (&vec![1, 0], &vec![1, 0]));
        assert_eq!((examples[0].len(), examples[0].words[0]), (3, examples[1].words[0]));
        // `Ant` and `ant` are one word in two forms.
        assert_eq!((&examples[0].forms, &examples[1].forms), (&vec![0, 1, 2], &vec![3, 2]));
        assert_eq!(forms.len(), 4);
        assert_ne!(forms.characters(0)[0], forms.characters(3)[0]);
        assert_eq!(forms.characters(0)[1..], forms.characters(3)[1..]);
    }

    #[test]
    fn the_released_code_has_no_case_and_no_label_for_missing_concepts() {
        let sentences = sentences();
        let encoding = Encoding::count(&sentences, EncodingOptions::RELEASED).unwrap();
        assert_eq!(
            (encoding.characters.len(), encoding.nen.labels()),
            (9, &["O".to_owned(), "D2".to_owned()][..])
        );
        let Encoded { examples, forms } = encoding.encode(&sentences).unwrap();
        assert_eq!((&examples[1].nen, &examples[1].ner), (&vec![0, 0], &vec![1, 0]));
        assert_eq!((&examples[0].forms, &examples[1].forms), (&vec![0, 1, 2], &vec![0, 2]));
        assert_eq!(forms.len(), 3);
    }

    #[test]
    fn new_words_are_unknown_and_new_labels_are_errors() {
        let encoding = Encoding::count(&sentences(), EncodingOptions::PAPER).unwrap();
        let tokens = ["Bee".to_owned(), "bite".to_owned()];
        let text = encoding.encode_text([&tokens[..]]);
        assert_eq!((text.examples[0].words[0], &text.examples[0].ner), (UNK, &vec![0, 0]));
        assert_eq!(text.forms.characters(0)[0], UNK, "no form of the corpus has a capital B");
        let mut other = sentences();
        other[1].concepts[0] = "D7".to_owned();
        let error = encoding.encode(&other).unwrap_err().to_string();
        assert!(error.starts_with("2: the concept `D7` is none of the 3"), "{error}");
        other[1].spans[0].label = "Gene".to_owned();
        let error = encoding.encode(&other).unwrap_err().to_string();
        assert!(error.starts_with("2: ") && error.contains("`Gene`"), "{error}");
        other[0].concepts.clear();
        assert!(encoding.encode(&other).unwrap_err().to_string().starts_with("1: has no concept"));
    }

    #[test]
    fn an_encoding_survives_json() {
        let encoding = Encoding::count(&sentences(), EncodingOptions::RELEASED).unwrap();
        let text = serde_json::to_string(&encoding).unwrap();
        assert_eq!(serde_json::from_str::<Encoding>(&text).unwrap(), encoding);
    }
}
