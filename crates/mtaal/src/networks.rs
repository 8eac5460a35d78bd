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
//! Letters: `B` sentences, `T` positions, `N` words of a batch, one sentence after the other, `U` distinct words, `H` width of a
//! BiLSTM per direction, `K` labels of a task.

use medner_core::Result;
use medner_core::init::Init;
use medner_core::layers::Linear;
use medner_core::params::{Params, Scope};
use tch::{Device, Tensor};

use crate::attention::Attention;
use crate::config::{Config, ModelConfig};
use crate::keras;
use crate::lstm::{Gate, Outputs, PackedBiLstm, Projected};
use crate::words::{Branch, DistinctWords, Input, Sentences};

/// The shared encoder `E`.
pub struct Encoder {
    /// A vector for each character, `[C, D]`.
    characters: Tensor,
    character_reader: PackedBiLstm,
    /// The unlabelled branch's own, in the released code.
    pool_character_reader: Option<PackedBiLstm>,
    words: Tensor,
    /// The word whose vector stays zero; -1 where padding is a word like any other.
    padding: i64,
    reader: PackedBiLstm,
}

impl Encoder {
    fn new(scope: &Scope<'_>, config: &Config, characters: i64, words: &Tensor) -> Result<Self> {
        let ModelConfig { characters: width, hidden, .. } = config.model;
        // "a uniform distribution from [-sqrt(3 / dim), sqrt(3 / dim)]"
        let bound = (3.0 / width as f64).sqrt();
        let characters = (scope / "characters").parameter(
            "weight",
            &[characters, width],
            Init::Uniform { low: -bound, high: bound },
        )?;
        let reader = |name: &str, input: i64| PackedBiLstm::new(&(scope / name), input, hidden, gate(config));
        let released = &config.released;
        let weight =
            (scope / "words").parameter("weight", &words.size(), Init::Values(words.shallow_clone()))?;
        Ok(Self {
            characters,
            character_reader: reader("character_bilstm", width)?,
            pool_character_reader: if released.own_characters_of_pool {
                Some(reader("pool_character_bilstm", width)?)
            } else {
                None
            },
            padding: if released.left_padding { -1 } else { 0 },
            words: weight,
            reader: reader("bilstm", config.model.words + 2 * hidden)?,
        })
    }

    /// `u`: the features of distinct words, `[U, words + 2 H]`, or `[2 U, words + 2 H]` for both branches.
    pub fn features(&self, words: &DistinctWords<'_>, branch: Branch) -> Result<Tensor> {
        let vectors = Tensor::f_embedding(&self.words, &words.words, self.padding, false, false)?;
        let of = |reader: &PackedBiLstm| -> Result<Tensor> {
            Ok(Tensor::f_cat(&[&vectors, &reader.last(&self.characters, &words.spelling)?], 1)?)
        };
        let unlabelled = self.pool_character_reader.as_ref().unwrap_or(&self.character_reader);
        match branch {
            Branch::Labelled => of(&self.character_reader),
            Branch::Unlabelled => of(unlabelled),
            Branch::Both => Ok(Tensor::f_cat(&[of(&self.character_reader)?, of(unlabelled)?], 0)?),
        }
    }

    /// The same as the sentence BiLSTM reads them: to be computed once for all sentences with these words.
    pub fn project(&self, words: &DistinctWords<'_>, branch: Branch) -> Result<Projected> {
        self.reader.project(&self.features(words, branch)?)
    }

    /// `e` of sentences with these words: `[N, 2 H]`.
    pub fn read(&self, words: &Projected, sentences: &Sentences) -> Result<Tensor> {
        self.reader.run(words, &sentences.words, Outputs::Each)
    }

    /// `e = E(x)`: `[N, 2 H]`.
    pub fn forward(&self, input: &Input<'_>) -> Result<Tensor> {
        self.read(&self.project(&input.words, input.branch)?, &input.sentences)
    }
}

/// The private decoder `D_k` of a task.
pub struct Decoder {
    attention: Attention,
    reader: PackedBiLstm,
    output: Linear,
}

impl Decoder {
    fn new(scope: &Scope<'_>, config: &Config, labels: i64) -> Result<Self> {
        let hidden = config.model.hidden;
        let width = 2 * hidden;
        Ok(Self {
            attention: Attention::new(&(scope / "attention"), width, config.released.additive_attention)?,
            reader: PackedBiLstm::new(&(scope / "bilstm"), width, hidden, gate(config))?,
            output: Linear::new(&(scope / "output"), width, labels)?,
        })
    }

    /// `p_k`, the task's private features: `[N, 2 H] -> [N, 2 H]`. A word attends to its own sentence.
    pub fn private(&self, e: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        self.attention.forward(e, sentences)
    }

    /// `W_k h_k + b_k` of the judged words: `[N, 2 H] -> [M, K]`; their softmax is `y_k`.
    pub fn logits(&self, private: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let states = self.reader.forward(private, &sentences.states)?;
        linear(&self.output, &judged(states, sentences)?)
    }
}

fn gate(config: &Config) -> Gate {
    if config.released.hard_sigmoid_gates { Gate::HardSigmoid } else { Gate::Sigmoid }
}

/// A discriminator: BiLSTM and softmax over two classes.
pub struct Discriminator {
    reader: PackedBiLstm,
    output: Linear,
    /// Judges every token (the released code) instead of the sentence.
    each_token: bool,
    /// Its losses are means over the filling words too (the released code).
    padding_in_losses: bool,
}

impl Discriminator {
    fn new(scope: &Scope<'_>, config: &Config) -> Result<Self> {
        let hidden = config.model.hidden;
        Ok(Self {
            reader: PackedBiLstm::new(&(scope / "bilstm"), 2 * hidden, hidden, gate(config))?,
            output: Linear::new(&(scope / "output"), 2 * hidden, 2)?,
            each_token: config.released.judges_each_token,
            padding_in_losses: config.released.judges_padding,
        })
    }

    /// Log-probabilities of the two classes: `[N, 2 H] -> [B, 2]`, from the last states of both directions; or `[M, 2]`, one a
    /// judged word.
    pub fn log_probabilities(&self, xs: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        let states = if self.each_token {
            judged(self.reader.forward(xs, &sentences.states)?, sentences)?
        } else {
            self.reader.last(xs, &sentences.states)?
        };
        self.classes(&states)
    }

    /// The same as the losses are means of them. In the released code `reduce_mean` takes all positions, so that the filling
    /// words are judged as well: `[N, 2 H] -> [N, 2]`; only its scores cut them off.
    pub fn log_probabilities_for_losses(&self, xs: &Tensor, sentences: &Sentences) -> Result<Tensor> {
        if self.padding_in_losses {
            self.classes(&self.reader.forward(xs, &sentences.states)?)
        } else {
            self.log_probabilities(xs, sentences)
        }
    }

    fn classes(&self, states: &Tensor) -> Result<Tensor> {
        Ok(linear(&self.output, states)?.f_log_softmax(-1, states.kind())?)
    }
}

/// Rows of the judged words only.
fn judged(states: Tensor, sentences: &Sentences) -> Result<Tensor> {
    match &sentences.judged {
        None => Ok(states),
        Some(steps) => gather(&states, steps),
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
        let encoder = Encoder::new(&(&root / "encoder"), config, sizes.characters as i64, words)?;
        let networks = Self {
            encoder,
            ner: Decoder::new(&(&root / "ner"), config, sizes.ner as i64)?,
            nen: Decoder::new(&(&root / "nen"), config, sizes.nen as i64)?,
            task_discriminator: Discriminator::new(&(&root / "task_discriminator"), config)?,
            diversity_discriminator: Discriminator::new(&(&root / "diversity_discriminator"), config)?,
            params,
        };
        if config.released.keras_initial_values {
            keras::start(&networks.params)?;
        }
        if !config.model.train_words {
            networks.params.freeze(|name| name == WORD_VECTORS)?;
        }
        Ok(networks)
    }
}

/// The parameter that holds the character vectors.
pub const CHARACTER_VECTORS: &str = "encoder.characters.weight";

/// The parameter that holds the word vectors.
pub const WORD_VECTORS: &str = "encoder.words.weight";

/// Rows of `[R, D]` at these places: an embedding look-up, of libtorch's ways to gather the one whose backward pass is
/// parallel.
pub(crate) fn gather(rows: &Tensor, places: &Tensor) -> Result<Tensor> {
    Ok(Tensor::f_embedding(rows, places, -1, false, false)?)
}

/// A linear map of rows without batch: `[R, D] -> [R, K]`.
pub(crate) fn linear(layer: &Linear, rows: &Tensor) -> Result<Tensor> {
    Ok(layer.forward(&rows.f_unsqueeze(0)?)?.f_squeeze_dim(0)?)
}
