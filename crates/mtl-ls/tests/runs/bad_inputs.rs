//! Sentences of no words, of thousands of pieces, of one long word; labels and pieces that the model does not know.

use medner_core::precision::Precision;
use medner_data::plain_text::Text;
use medner_data::{Sentence, Span};
use medner_metrics::{LabelSet, TagScheme};
use medner_mtl_ls::config::{InputConfig, LabelMode};
use medner_mtl_ls::encoder;
use medner_mtl_ls::pretraining::config::VocabularyConfig;
use medner_mtl_ls::pretraining::vocabulary::tokenizer;
use medner_mtl_ls::tagging::{Encoded, WordPieces, XlnetCrf};
use medner_mtl_ls::xlnet::{XlnetConfig, XlnetTokenizer, folder, heads::XlnetForPreTraining};
use tch::Device;

fn pieces() -> XlnetTokenizer {
    let words = "the gene of a patient with cancer".split(' ').map(String::from).collect();
    let text = Text { name: "t".into(), documents: vec![words] };
    let vocabulary = VocabularyConfig { source: "text".into(), trim: true, min_count: 1 };
    tokenizer(&vocabulary, &[text]).unwrap()
}

fn sentence(tokens: Vec<String>) -> Sentence {
    Sentence { id: "s".into(), tokens, ..Sentence::default() }
}

fn labels() -> LabelSet {
    LabelSet::new(TagScheme::Bio, ["disease"]).unwrap()
}

fn tagger(rows: i64, mode: LabelMode) -> XlnetCrf {
    medner_core::device::reseed(1, 0);
    let config = XlnetConfig::of_width(rows, 2, 32);
    XlnetCrf::new(&config, &labels(), mode, Precision::F32, Device::Cpu).unwrap()
}

#[test]
fn whatever_its_length_every_word_of_a_sentence_is_read() {
    let pieces = pieces();
    let sentences = [
        sentence(Vec::new()),
        // Three thousand pieces.
        sentence((0..1500).map(|i| if i % 3 == 0 { "patient" } else { "ton" }.to_owned()).collect()),
        // A word of more than two hundred pieces between others.
        sentence(vec!["the".into(), "t".repeat(230), "gene".into()]),
        // Words of which normalisation leaves nothing.
        sentence(vec!["\u{200b}".into(), "\u{7}".into(), "é".into()]),
    ];
    for mode in [LabelMode::X, LabelMode::First, LabelMode::Repeat] {
        let input = InputConfig { labels: mode, ..InputConfig::default() };
        let encoded = Encoded::new(&sentences, &WordPieces::new(&pieces), &labels(), &input).unwrap();
        assert_eq!(encoded.windowed, 2);
        let longest = encoded.lengths().into_iter().max().unwrap();
        assert!(longest > 230, "the long word is whole: {longest}");
        let total: usize = encoded.lengths().iter().sum();
        assert!(total > 3230, "{total}");
        let tagger = tagger(pieces.len() as i64, mode);
        let mut read: Vec<Vec<usize>> = encoded.words.iter().map(|&n| vec![0; n]).collect();
        for sequence in 0..encoded.sequences.len() {
            for (sentence, word, _) in encoded.word_places(sequence) {
                read[sentence][word] += 1;
            }
        }
        assert!(read.iter().flatten().all(|&times| times == 1));
        let spans = encoded.predict(&labels(), Device::Cpu, |batch| tagger.decode(batch)).unwrap();
        assert_eq!(spans.len(), 4);
        assert!(spans[0].is_empty());
    }
}

#[test]
fn an_unknown_label_and_an_unknown_piece_are_named() {
    let pieces = pieces();
    let mut sentence = sentence(vec!["the".into(), "gene".into()]);
    sentence.spans = vec![Span::new(1, 2, "gene")];
    let input = InputConfig::default();
    let words = WordPieces::new(&pieces);
    let message = Encoded::new(std::slice::from_ref(&sentence), &words, &labels(), &input);
    let message = message.err().unwrap().to_string();
    assert!(
        message.contains("`s`") && message.contains("`gene`") && message.contains("disease"),
        "{message}"
    );
    sentence.spans.clear();
    let encoded = Encoded::new(&[sentence], &words, &labels(), &input).unwrap();
    let batch = encoded.batch(&[0], Device::Cpu).unwrap();
    let message = tagger(6, LabelMode::X).decode(&batch).unwrap_err().to_string();
    assert!(message.contains("6 rows") && message.contains("two models"), "{message}");
}

#[test]
fn an_encoder_s_folder_whose_files_do_not_fit_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("encoder");
    let pieces = pieces();
    let config = XlnetConfig::of_width(pieces.len() as i64, 2, 32);
    let params = medner_core::params::Params::new(Device::Cpu);
    let _ = XlnetForPreTraining::new(&params.root(), &config).unwrap();
    let open = || encoder::open(&folder).err().map(|e| format!("{e:#}")).unwrap_or_default();
    assert!(open().contains("does not exist"), "{}", open());
    folder::save(&folder, &config, pieces.file(), &params.state().unwrap()).unwrap();
    assert_eq!(open(), "");
    std::fs::write(folder.join("tokenizer.json"), b"{").unwrap();
    assert!(open().contains("tokenizer.json") && open().contains("copy it again"), "{}", open());
    let other = XlnetConfig { vocab_size: config.vocab_size + 1, ..config };
    folder::save(&folder, &other, pieces.file(), &params.state().unwrap()).unwrap();
    assert!(open().contains("not of one model"), "{}", open());
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    assert!(open().contains("spiece.model"), "{}", open());
}
