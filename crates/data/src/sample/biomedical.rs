//! English biomedical sentences after the fashion of the sets of Crichton et al.
//!
//! One grammar serves all sets; each set labels the topics it is about, with its own labels, and leaves the rest outside,
//! as the real ones do. Sets of one family (`BioNLP13CG`, `BioNLP13CG-cell`, ...) have the same sentences.

use super::lexicon::biomedical_en::{CELLS, CHEMICALS, COMPONENTS, DISEASES, GENES, SEQUENCES, SPECIES};
use super::template::{Slot, Words};

pub(super) const SLOTS: &[Slot] = &[
    Slot { name: "GENE", label: "gene", words: Words::List(GENES) },
    Slot { name: "CHEM", label: "chemical", words: Words::List(CHEMICALS) },
    Slot { name: "DIS", label: "disease", words: Words::List(DISEASES) },
    Slot { name: "SPEC", label: "species", words: Words::List(SPECIES) },
    Slot { name: "CELL", label: "cell", words: Words::List(CELLS) },
    Slot { name: "COMP", label: "component", words: Words::List(COMPONENTS) },
    Slot { name: "SEQ", label: "sequence", words: Words::List(SEQUENCES) },
];

/// What stands in a book's title, a company's or a study's name is not a mention, whatever it is elsewhere.
pub(super) const TEMPLATES: &[&str] = &[
    "Expression of {GENE} was reduced in {CELL} treated with {CHEM}.",
    "{GENE} binds the {SEQ} and activates transcription in {CELL}.",
    "Mutations of {GENE} are a frequent cause of {DIS} in {SPEC}.",
    "{CHEM}-induced {DIS} was observed in {#3-40} patients.",
    "We found that {GENE} interacts with {GENE} in the {COMP} of {CELL}.",
    "Treatment with {CHEM} ({#2-80} mg/kg) prevented {DIS} in the {SPEC}.",
    "The {SEQ} is required for the response of {GENE} to {CHEM}.",
    "In {SPEC}, {GENE} is transported from the {COMP} to the {COMP}.",
    "Patients with {DIS} had higher levels of {GENE} than controls.",
    "Strains of {SPEC} resistant to {CHEM} were isolated from {#2-60} patients.",
    "{CELL} infected with {SPEC} released {GENE} within {#2-48} hours.",
    "Loss of the {SEQ} was seen in {#10-95}% of tumours.",
    "{DIS} developed after {#2-30} days of {CHEM} and {CHEM}.",
    "Neither {CHEM} nor {CHEM} changed the binding of {GENE}.",
    "The protein was found in the {COMP} of {SPEC} {CELL}.",
    "Inhibition of {GENE} by {CHEM} protects {CELL} from apoptosis.",
    "The journal \"Advances in {~DIS}\" published {#2-40} reports on this subject.",
    "Samples were kept in a box marked \"{~SPEC}\" for {#2-30} weeks.",
    "The \"{~GENE}\" software (version {#1-9}) was used for all alignments.",
    "The \"{~CHEM}\" trial enrolled {#20-900} volunteers.",
    "Data came from the \"{~CELL}\" archive, release {#2-60}.",
    "The \"{~COMP}\" database lists {#100-990} entries.",
    "The textbook \"The {~SEQ}\" has {#5-40} chapters.",
    "These results are in agreement with {#2-9} earlier studies.",
    "Statistical analysis was performed with the t test in {#2-9} groups.",
    "All animals were examined {#2-20} times during the study.",
];

/// One set: its name, the folder of its files, the family whose sentences it shares, and its labels by topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BioSet {
    /// Name in the manifest.
    pub name: &'static str,
    /// Folder below `mtl-bioner`.
    pub folder: &'static str,
    /// Topic to label.
    labels: &'static [(&'static str, &'static str)],
}

impl BioSet {
    /// The label of a topic; `None` where the set is not about it.
    pub(super) fn label(&self, topic: &str) -> Option<&'static str> {
        self.labels.iter().find(|(t, _)| *t == topic).map(|(_, label)| *label)
    }

    /// The part of the name before `-` that related sets share.
    pub(super) fn family(&self) -> &'static str {
        match self.name.split_once('-') {
            Some((family, _)) if !matches!(self.name, "Ex-PTM" | "NCBI-disease") => family,
            _ => self.name,
        }
    }

    /// True where documents begin with a `-DOCSTART-` line.
    pub(super) fn docstart(&self) -> bool {
        self.name == "JNLPBA"
    }
}

const fn set(
    name: &'static str,
    folder: &'static str,
    labels: &'static [(&'static str, &'static str)],
) -> BioSet {
    BioSet { name, folder, labels }
}

/// Every set of the manifest.
pub(super) const SETS: &[BioSet] = &[
    set("BC2GM", "BC2GM-IOB", &[("gene", "GENE")]),
    set("BC4CHEMD", "BC4CHEMD", &[("chemical", "Chemical")]),
    set("BC5CDR", "BC5CDR-IOB", &[("chemical", "Chemical"), ("disease", "Disease")]),
    set("BC5CDR-chem", "BC5CDR-chem-IOB", &[("chemical", "Chemical")]),
    set("BC5CDR-disease", "BC5CDR-disease-IOB", &[("disease", "Disease")]),
    set("BioNLP09", "BioNLP09-IOB", &[("gene", "Protein")]),
    set("BioNLP11EPI", "BioNLP11EPI-IOB", &[("gene", "Protein")]),
    set(
        "BioNLP11ID",
        "BioNLP11ID-IOB",
        &[
            ("chemical", "Chemical"),
            ("species", "Organism"),
            ("gene", "Protein"),
            ("sequence", "Regulon-operon"),
        ],
    ),
    set("BioNLP11ID-chem", "BioNLP11ID-chem-IOB", &[("chemical", "Chemical")]),
    set("BioNLP11ID-ggp", "BioNLP11ID-ggp-IOB", &[("gene", "Protein")]),
    set("BioNLP11ID-species", "BioNLP11ID-species-IOB", &[("species", "Organism")]),
    set(
        "BioNLP13CG",
        "BioNLP13CG-IOB",
        &[
            ("gene", "Gene_or_gene_product"),
            ("chemical", "Simple_chemical"),
            ("species", "Organism"),
            ("cell", "Cell"),
            ("component", "Cellular_component"),
            ("disease", "Cancer"),
        ],
    ),
    set("BioNLP13CG-cc", "BioNLP13CG-cc-IOB", &[("component", "Cellular_component")]),
    set("BioNLP13CG-cell", "BioNLP13CG-cell-IOB", &[("cell", "Cell")]),
    set("BioNLP13CG-chem", "BioNLP13CG-chem-IOB", &[("chemical", "Simple_chemical")]),
    set("BioNLP13CG-ggp", "BioNLP13CG-ggp-IOB", &[("gene", "Gene_or_gene_product")]),
    set("BioNLP13CG-species", "BioNLP13CG-species-IOB", &[("species", "Organism")]),
    set("BioNLP13GE", "BioNLP13GE-IOB", &[("gene", "Protein")]),
    set(
        "BioNLP13PC",
        "BioNLP13PC-IOB",
        &[
            ("component", "Cellular_component"),
            ("sequence", "Complex"),
            ("gene", "Gene_or_gene_product"),
            ("chemical", "Simple_chemical"),
        ],
    ),
    set("BioNLP13PC-cc", "BioNLP13PC-cc-IOB", &[("component", "Cellular_component")]),
    set("BioNLP13PC-chem", "BioNLP13PC-chem-IOB", &[("chemical", "Simple_chemical")]),
    set("BioNLP13PC-ggp", "BioNLP13PC-ggp-IOB", &[("gene", "Gene_or_gene_product")]),
    set(
        "CRAFT",
        "CRAFT-IOB",
        &[
            ("chemical", "CHEBI"),
            ("cell", "CL"),
            ("gene", "GGP"),
            ("component", "GO"),
            ("sequence", "SO"),
            ("species", "Taxon"),
        ],
    ),
    set("CRAFT-cc", "CRAFT-cc-IOB", &[("component", "GO")]),
    set("CRAFT-cell", "CRAFT-cell-IOB", &[("cell", "CL")]),
    set("CRAFT-chem", "CRAFT-chem-IOB", &[("chemical", "CHEBI")]),
    set("CRAFT-ggp", "CRAFT-ggp-IOB", &[("gene", "GGP")]),
    set("CRAFT-species", "CRAFT-species-IOB", &[("species", "NCBITaxon")]),
    set("Ex-PTM", "Ex-PTM-IOB", &[("gene", "Protein")]),
    set(
        "JNLPBA",
        "JNLPBA",
        &[
            ("gene", "protein"),
            ("sequence", "DNA"),
            ("component", "RNA"),
            ("cell", "cell_type"),
            ("species", "cell_line"),
        ],
    ),
    set("NCBI-disease", "NCBI-disease-IOB", &[("disease", "Disease")]),
    set("linnaeus", "linnaeus-IOB", &[("species", "Species")]),
];

/// Words of a stretch of text: cut at spaces, punctuation at either end of a word stands alone.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let edge = |c: char| "()\",.;:%".contains(c);
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let core = word.trim_matches(edge);
        if core.is_empty() {
            tokens.extend(word.chars().map(String::from));
            continue;
        }
        let head = word.find(core).expect("a trimmed word is part of the word");
        tokens.extend(word[..head].chars().map(String::from));
        tokens.push(core.to_owned());
        tokens.extend(word[head + core.len()..].chars().map(String::from));
    }
    tokens
}
