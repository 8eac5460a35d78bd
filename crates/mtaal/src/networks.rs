//! The networks of the paper's Figures 2 to 5.
//!
//! ```text
//! u_i   = [w_i ; BiLSTM_c(c_i1 .. c_in)]          word vector and last states over the characters   (Figure 3)
//! e     = BiLSTM_w(u)                             the shared encoder E
//! p_k   = Attention(e W_Q, e W_K, e W_V)          softmax(Q K^T / sqrt(d)) V, k in {NER, NEN}       (Figure 4)
//! h_k   = BiLSTM_k(p_k)
//! y_k   = softmax(W_k h_k + b_k)                  for each token
//! TD(p) = softmax(BiLSTM_TD(p))                   which task a private feature comes from
//! DD(e) = softmax(BiLSTM_DD(e))                   whether a sentence is labelled                    (Figure 5)
//! ```
//!
//! Letters: `B` sentences, `T` positions, `N` tokens of a batch without padding, `U` distinct words, `H` width of a BiLSTM
//! per direction, `K` labels of a task.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::{BiLstm, Embedding, Linear};
use medner_core::params::{Params, Scope};
use tch::{Device, Tensor};

use crate::config::{Config, ModelConfig};
use crate::words::{CharacterGroup, DistinctWords, Input, Sentences};

/// Which sentences a batch is made of: only the released code treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// Labelled sentences, and whatever is scored or predicted by the task networks.
    Labelled,
    /// Unlabelled sentences in the adversarial games, and the diversity score.
    Unlabelled,
}

/// The shared encoder `E`.
pub struct Encoder {
    characters: Embedding,
    character_reader: BiLstm,
    /// The unlabelled branch's own, in the released code.
    pool_character_reader: Option<BiLstm>,
    words: Tensor,
    /// The word whose vector stays zero; -1 where padding is a word like any other.
    padding: i64,
    reader: BiLstm,
}

impl Encoder {
    fn new(scope: &Scope<'_>, config: &Config, characters: i64, words: &Tensor) -> Result<Self> {
        let ModelConfig { characters: width, hidden, .. } = config.model;
        // "a uniform distribution from [-sqrt(3 / dim), sqrt(3 / dim)]"
        let bound = (3.0 / width as f64).sqrt();
        let values = Init::Uniform { low: -bound, high: bound }.draw("characters", &[characters, width])?;
        let values = Vec::<f32>::try_from(values.f_view([-1])?)?;
        let reader = |name: &str| BiLstm::new(&(scope / name), width, hidden);
        let released = &config.released;
        let weight =
            (scope / "words").parameter("weight", &words.size(), Init::Values(words.shallow_clone()))?;
        Ok(Self {
            characters: Embedding::from_vectors(&(scope / "characters"), &values, width)?,
            character_reader: reader("character_bilstm")?,
            pool_character_reader: if released.own_characters_of_pool {
                Some(reader("pool_character_bilstm")?)
            } else {
                None
            },
            padding: if released.left_padding { -1 } else { 0 },
            words: weight,
            reader: BiLstm::new(&(scope / "bilstm"), config.model.words + 2 * hidden, hidden)?,
        })
    }

    /// `u`: the features of distinct words, `[U, words + 2 H]`.
    pub fn features(&self, words: &DistinctWords, branch: Branch) -> Result<Tensor> {
        let vectors = Tensor::f_embedding(&self.words, &words.words, self.padding, false, false)?;
        let reader = match (branch, &self.pool_character_reader) {
            (Branch::Unlabelled, Some(reader)) => reader,
            _ => &self.character_reader,
        };
        let spelled: Vec<Tensor> =
            words.groups.iter().map(|group| self.spell(group, reader)).collect::<Result<_>>()?;
        Ok(Tensor::f_cat(&[vectors, Tensor::f_cat(&spelled, 0)?], 1)?)
    }

    /// The last states of both directions over the characters, `[G, 2 H]`.
    fn spell(&self, group: &CharacterGroup, reader: &BiLstm) -> Result<Tensor> {
        let states = reader.forward(&self.characters.forward(&group.characters.ids)?, &group.characters)?;
        let (g, c, width) = states.size3()?;
        let rows = states.f_view([g * c, width])?;
        let last = gather(&rows.f_narrow(1, 0, width / 2)?, &group.last)?;
        let first = states.f_select(1, 0)?.f_narrow(1, width / 2, width / 2)?;
        Ok(Tensor::f_cat(&[last, first], 1)?)
    }

    /// `e` of sentences whose words have these features: `[U, D] -> [B, T, 2 H]`.
    pub fn read(&self, features: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let us = Tensor::f_embedding(features, &sentences.layout.ids, -1, false, false)?;
        self.reader.forward(&us, &sentences.layout)
    }

    /// `e = E(x)`: `[B, T, 2 H]`.
    pub fn forward(&self, input: &Input, branch: Branch) -> Result<Tensor> {
        self.read(&self.features(&input.words, branch)?, &input.sentences)
    }
}

/// The private decoder `D_k` of a task.
pub struct Decoder {
    projection: Linear,
    reader: BiLstm,
    output: Linear,
}

impl Decoder {
    fn new(scope: &Scope<'_>, hidden: i64, labels: i64) -> Result<Self> {
        let width = 2 * hidden;
        Ok(Self {
            projection: Linear::new(&(scope / "attention"), width, 3 * width)?,
            reader: BiLstm::new(&(scope / "bilstm"), width, hidden)?,
            output: Linear::new(&(scope / "output"), width, labels)?,
        })
    }

    /// `p_k`, the task's private features: `[B, T, 2 H] -> [B, T, 2 H]`. Padding gets no weight.
    pub fn private(&self, e: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let width = e.size3()?.2;
        let projected = self.projection.forward(e)?.f_chunk(3, 2)?;
        let [query, key, value] = projected.as_slice() else { unreachable!("chunk(3) gives three") };
        let scores = query.f_matmul(&key.f_transpose(1, 2)?)?.f_div_scalar((width as f64).sqrt())?;
        // A finite bound instead of minus infinity: the rows of a sentence without tokens stay numbers.
        let padding = sentences.layout.mask.f_logical_not()?.f_unsqueeze(1)?;
        Ok(scores.f_masked_fill(&padding, -1e9)?.f_softmax(-1, e.kind())?.f_matmul(value)?)
    }

    /// `W_k h_k + b_k` of the tokens: `[B, T, 2 H] -> [N, K]`; their softmax is `y_k`.
    pub fn logits(&self, private: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let states = self.reader.forward(private, &sentences.layout)?;
        let (b, t, width) = states.size3()?;
        let tokens = gather(&states.f_view([b * t, width])?, &sentences.tokens)?;
        linear(&self.output, &tokens)
    }
}

/// A discriminator: BiLSTM and softmax over two classes.
pub struct Discriminator {
    reader: BiLstm,
    output: Linear,
    /// Judges every token (the released code) instead of the sentence.
    each_token: bool,
}

impl Discriminator {
    fn new(scope: &Scope<'_>, hidden: i64, each_token: bool) -> Result<Self> {
        Ok(Self {
            reader: BiLstm::new(&(scope / "bilstm"), 2 * hidden, hidden)?,
            output: Linear::new(&(scope / "output"), 2 * hidden, 2)?,
            each_token,
        })
    }

    /// Log-probabilities of the two classes: `[B, T, 2 H] -> [B, 2]`, from the last states of both directions; or
    /// `[N, 2]`, one a token.
    pub fn log_probabilities(&self, xs: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let states = self.reader.forward(xs, &sentences.layout)?;
        let (b, t, width) = states.size3()?;
        let rows = states.f_view([b * t, width])?;
        let judged = if self.each_token {
            gather(&rows, &sentences.tokens)?
        } else {
            let ends = gather(&rows, &sentences.ends)?.f_view([2, b, width])?;
            let last = ends.f_select(0, 0)?.f_narrow(1, 0, width / 2)?;
            let first = ends.f_select(0, 1)?.f_narrow(1, width / 2, width / 2)?;
            Tensor::f_cat(&[last, first], 1)?
        };
        Ok(linear(&self.output, &judged)?.f_log_softmax(-1, xs.kind())?)
    }
}

/// Everything with parameters.
pub struct Networks {
    /// Every parameter by name; the first part of a name is `encoder`, `ner`, `nen`, `task_discriminator` or
    /// `diversity_discriminator`.
    pub params: Params,
    /// `E`.
    pub encoder: Encoder,
    /// `D_NER`.
    pub ner: Decoder,
    /// `D_NEN`.
    pub nen: Decoder,
    /// `TD`; class 0 is NER, class 1 NEN.
    pub task_discriminator: Discriminator,
    /// `DD`; class 0 is unlabelled, class 1 labelled.
    pub diversity_discriminator: Discriminator,
}

/// How many of everything there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Characters with padding and the unknown one.
    pub characters: usize,
    /// NER labels.
    pub ner: usize,
    /// NEN labels.
    pub nen: usize,
}

impl Networks {
    /// Builds the networks; `words` is the matrix of word vectors, `[V, D]`. Values are drawn from libtorch's generator.
    pub fn new(config: &Config, sizes: Sizes, words: &Tensor, device: Device) -> Result<Self> {
        let params = Params::new(device);
        let root = params.root();
        let (hidden, each_token) = (config.model.hidden, config.released.left_padding);
        let encoder = Encoder::new(&(&root / "encoder"), config, sizes.characters as i64, words)?;
        let networks = Self {
            encoder,
            ner: Decoder::new(&(&root / "ner"), hidden, sizes.ner as i64)?,
            nen: Decoder::new(&(&root / "nen"), hidden, sizes.nen as i64)?,
            task_discriminator: Discriminator::new(&(&root / "task_discriminator"), hidden, each_token)?,
            diversity_discriminator: Discriminator::new(
                &(&root / "diversity_discriminator"),
                hidden,
                each_token,
            )?,
            params,
        };
        if !config.model.train_words {
            networks.params.freeze(|name| name == WORD_VECTORS)?;
        }
        Ok(networks)
    }
}

/// The parameter that holds the word vectors.
pub const WORD_VECTORS: &str = "encoder.words.weight";

/// Rows of `[R, D]` at these places: an embedding look-up, of libtorch's ways to gather the one whose backward pass is
/// parallel.
fn gather(rows: &Tensor, places: &Tensor) -> Result<Tensor> {
    Ok(Tensor::f_embedding(rows, places, -1, false, false)?)
}

/// A linear map of rows without batch: `[R, D] -> [R, K]`.
fn linear(layer: &Linear, rows: &Tensor) -> Result<Tensor> {
    Ok(layer.forward(&rows.f_unsqueeze(0)?)?.f_squeeze_dim(0)?)
}
