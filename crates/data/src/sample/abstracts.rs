//! Titles and abstracts with diseases, chemicals and their concept identifiers.
//!
//! The identifiers are made up (`D9.....`, outside the range of the real thesaurus), except that they behave like real
//! ones: several words may share one (`SYNONYMS`), a composite mention has two, and some mentions have none (`-1`).

use super::lexicon::biomedical_en::{CHEMICALS, DISEASES};
use super::template::{Slot, Words};

/// Pairs of names of one concept: the second gets the identifier of the first.
const SYNONYMS: &[(&str, &str)] = &[
    ("hypertension", "high blood pressure"),
    ("seizures", "convulsions"),
    ("stroke", "cerebrovascular accident"),
    ("paracetamol", "acetaminophen"),
    ("dopamine", "3-hydroxytyramine"),
    ("deafness", "hearing loss"),
    ("anemia", "low hemoglobin"),
    ("renal failure", "kidney failure"),
    ("hepatitis", "liver inflammation"),
    ("dementia", "cognitive decline"),
];

const OTHER_NAMES: &[&str] = &[
    "high blood pressure",
    "convulsions",
    "cerebrovascular accident",
    "hearing loss",
    "low hemoglobin",
    "kidney failure",
    "liver inflammation",
    "cognitive decline",
    "convulsions",
    "hearing loss",
    "kidney failure",
];

/// Mentions of two diseases at once.
const COMPOSITES: &[(&str, &str, &str)] = &[
    ("breast and ovarian cancer", "breast cancer", "ovarian cancer"),
    ("breast and colon cancer", "breast cancer", "colon cancer"),
    ("colon and ovarian cancer", "colon cancer", "ovarian cancer"),
    ("heart and renal failure", "heart failure", "renal failure"),
    ("cystic and pulmonary fibrosis", "cystic fibrosis", "pulmonary fibrosis"),
    ("Parkinson and Huntington disease", "Parkinson disease", "Huntington disease"),
    ("colon or breast cancer", "colon cancer", "breast cancer"),
    ("ovarian or breast cancer", "ovarian cancer", "breast cancer"),
    ("renal and heart failure", "renal failure", "heart failure"),
    ("ovarian and colon cancer", "ovarian cancer", "colon cancer"),
    ("Huntington or Parkinson disease", "Huntington disease", "Parkinson disease"),
];
const COMPOSITE_NAMES: &[&str] = &[
    "breast and ovarian cancer",
    "breast and colon cancer",
    "colon and ovarian cancer",
    "heart and renal failure",
    "cystic and pulmonary fibrosis",
    "Parkinson and Huntington disease",
    "colon or breast cancer",
    "ovarian or breast cancer",
    "renal and heart failure",
    "ovarian and colon cancer",
    "Huntington or Parkinson disease",
];

/// Slots of the disease corpus: the PubTator types of the NCBI set.
pub(super) const NCBI_SLOTS: &[Slot] = &[
    Slot { name: "DIS", label: "SpecificDisease", words: Words::List(DISEASES) },
    Slot { name: "ALIAS", label: "DiseaseClass", words: Words::List(OTHER_NAMES) },
    Slot { name: "MOD", label: "Modifier", words: Words::List(DISEASES) },
    Slot { name: "BOTH", label: "CompositeMention", words: Words::List(COMPOSITE_NAMES) },
];

pub(super) const NCBI_TITLES: &[&str] = &[
    "A new locus for {DIS} on chromosome {#1-22}.",
    "{MOD} families with mutations in {#2-9} exons.",
    "Linkage analysis of {DIS} in {#3-60} families.",
    "Genetic heterogeneity of {BOTH}.",
];

pub(super) const NCBI_SENTENCES: &[&str] = &[
    "{DIS} is an inherited disorder that affects {#2-90} in 100,000 people.",
    "We studied {#4-80} {MOD} families from {#2-9} countries.",
    "{#2-40} patients had both {DIS} and {DIS}.",
    "The {MOD} gene was mapped to chromosome {#1-22}.",
    "Carriers are at risk of {BOTH} before the age of {#30-70}.",
    "Most patients also suffered from {ALIAS} or {DIS}.",
    "No mutation was found in {#3-50} controls.",
    "The {~DIS} Society of Europe supported {#2-30} of these studies.",
    "Samples came from the \"{~DIS}\" repository, release {#2-40}.",
    "These data suggest that {DIS} is genetically distinct from {DIS}.",
    "Severe {ALIAS} was the first sign in {#2-40} carriers.",
    "A missense change was seen in {#2-9} {MOD} pedigrees.",
];

/// Slots of the chemical-disease corpus.
pub(super) const CDR_SLOTS: &[Slot] = &[
    Slot { name: "DIS", label: "Disease", words: Words::List(DISEASES) },
    Slot { name: "ALIAS", label: "Disease", words: Words::List(OTHER_NAMES) },
    Slot { name: "CHEM", label: "Chemical", words: Words::List(CHEMICALS) },
];

pub(super) const CDR_TITLES: &[&str] = &[
    "{CHEM}-induced {DIS}: report of {#2-9} cases.",
    "Effect of {CHEM} on {DIS} in {#10-90} rats.",
    "{DIS} after long-term use of {CHEM}, a review of {#2-60} reports.",
    "{CHEM} reverses {ALIAS} caused by {CHEM}.",
];

pub(super) const CDR_SENTENCES: &[&str] = &[
    "A {#20-88}-year-old man developed {DIS} after {#2-30} days of {CHEM}.",
    "{CHEM} ({#2-90} mg/kg) was given to {#6-60} animals.",
    "{DIS} resolved when {CHEM} was withdrawn.",
    "Neither {DIS} nor {ALIAS} was seen with {CHEM} alone.",
    "The incidence of {DIS} was {#2-60}% with {CHEM} and {#2-60}% with {CHEM}.",
    "{CHEM}-treated patients had less {ALIAS} than controls.",
    "We conclude that {CHEM} may cause {DIS}.",
    "The {~CHEM} Trialists Group followed {#40-900} volunteers.",
    "Figures are those of the \"{~DIS}\" registry of {#1990-2015}.",
    "Plasma levels were measured after {#2-24} hours.",
    "Blood was drawn {#2-9} times from all animals.",
];

/// The made-up identifiers of a mention's text; none where the thesaurus has no entry for it.
pub(super) fn concepts(text: &str) -> Vec<String> {
    if let Some((_, first, second)) = COMPOSITES.iter().find(|(name, ..)| *name == text) {
        return [first, second].into_iter().filter_map(|name| identifier(name)).collect();
    }
    let preferred = SYNONYMS.iter().find(|(_, other)| *other == text).map_or(text, |(first, _)| first);
    identifier(preferred).into_iter().collect()
}

fn identifier(name: &str) -> Option<String> {
    let place = |list: &[&str], base: usize| list.iter().position(|w| *w == name).map(|i| base + i);
    place(DISEASES, 90_100)
        .or_else(|| place(CHEMICALS, 91_100))
        // One in 23 words stands for what the thesaurus lacks.
        .filter(|number| number % 23 != 0)
        .map(|number| format!("D9{number}"))
}

/// Words, numbers and single punctuation marks of a text, as byte ranges: the way the three-column files cut it.
pub(super) fn token_ranges(text: &str) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    let mut glue = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c.is_alphanumeric() {
            match ranges.last_mut().filter(|_| glue) {
                Some(last) => last.1 = end,
                None => ranges.push((at, end)),
            }
            glue = true;
        } else {
            if !c.is_whitespace() {
                ranges.push((at, end));
            }
            glue = false;
        }
    }
    ranges
}
