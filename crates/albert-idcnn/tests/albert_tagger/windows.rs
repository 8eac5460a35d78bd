//! Sentences longer than the encoder has positions for.

use medner_albert_idcnn::albert::AlbertConfig;
use medner_albert_idcnn::albert::tokenizer::SpecialIds;
use medner_albert_idcnn::contextual::Contextual;
use medner_core::layers::Batch;
use medner_core::params::Params;
use tch::{Device, Tensor};

fn encoder(params: &Params) -> Contextual {
    medner_core::device::reseed(1, 0);
    let config = AlbertConfig {
        embedding_size: 8,
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 32,
        max_position_embeddings: 12,
        initializer_range: 0.5,
        ..AlbertConfig::tiny(50)
    };
    let special = SpecialIds { padding: 0, unknown: 1, first: 2, separator: 3, mask: 4 };
    Contextual::new(&params.root(), &config, special).unwrap()
}

fn read(encoder: &Contextual, sentences: &[Vec<u32>]) -> Tensor {
    let _guard = tch::no_grad_guard();
    encoder.forward(&Batch::new(sentences, Device::Cpu).unwrap(), false).unwrap()
}

fn near(a: &Tensor, b: &Tensor) -> bool {
    (a - b).abs().max().double_value(&[]) < 1e-5
}

#[test]
fn a_sentence_is_read_alike_alone_and_beside_longer_ones() {
    let params = Params::new(Device::Cpu);
    let encoder = encoder(&params);
    let (short, long): (Vec<u32>, Vec<u32>) = ((5..9).collect(), (20..30).collect());
    let both = read(&encoder, &[short.clone(), long.clone()]);
    assert_eq!(both.size(), [2, 10, 16]);
    assert!(near(&both.get(0).narrow(0, 0, 4), &read(&encoder, &[short]).get(0).narrow(0, 0, 4)));
    assert!(near(&both.get(1).narrow(0, 0, 10), &read(&encoder, &[long]).get(0).narrow(0, 0, 10)));
}

#[test]
fn where_a_sentence_ends_its_neighbours_decide_nothing() {
    let params = Params::new(Device::Cpu);
    let encoder = encoder(&params);
    let long: Vec<u32> = (5..40).collect();
    for length in 1..=25 {
        let sentence: Vec<u32> = (8..8 + length).collect();
        let alone = read(&encoder, std::slice::from_ref(&sentence)).get(0);
        let beside = read(&encoder, &[long.clone(), sentence]).get(1).narrow(0, 0, i64::from(length));
        assert!(near(&beside, &alone), "{length} characters");
    }
}

#[test]
fn each_character_has_the_vector_of_the_window_in_whose_middle_it_stands() {
    let params = Params::new(Device::Cpu);
    let encoder = encoder(&params);
    let sentence: Vec<u32> = (5..28).collect();
    let whole = read(&encoder, &[sentence.clone(), vec![40, 41]]);
    // 10 characters a window, 5 further each time; the 2 at an inner edge are taken from the neighbour.
    for (start, end, from, until) in [(0, 10, 0, 8), (5, 15, 8, 13), (10, 20, 13, 18), (15, 23, 18, 23)] {
        let window = read(&encoder, &[sentence[start..end].to_vec()]).get(0);
        let (length, offset) = ((until - from) as i64, (from - start) as i64);
        let expected = window.narrow(0, offset, length);
        let found = whole.get(0).narrow(0, from as i64, length);
        assert!(near(&found, &expected), "{start}..{end}");
    }
    let short = read(&encoder, &[vec![40, 41]]).get(0).narrow(0, 0, 2);
    assert!(near(&whole.get(1).narrow(0, 0, 2), &short), "a short sentence beside it");
}
