//! The taggers of Table 2 (Li et al. 2022, section 3 and section 4.3.1).
//!
//! ```text
//! X = dropout(E(characters))                       E: a table of vectors, or ALBERT ([`crate::contextual`]); section 3.1, "a dropout layer between the embedding layer and the IDCNN"
//! Y = BiLSTM(X)  or  IDCNN(X)                      section 3.2
//! M = MHA(Y)     or  Y where heads = 0             equations 3 to 5
//! P = M W + b                                      emissions
//! S(X, y) = sum_i P[i, y_i] + sum_i W[y_i, y_i+1]  equation 6; loss = -log P(y | X), equations 7 and 8
//! ```

use medner_core::Result;
use medner_core::crf::{ConstrainAt, Constraints, Crf, Posterior, Reduction};
use medner_core::layers::{Batch, BiLstm, Embedding, Idcnn, Linear, MultiHeadAttention, hashed_dropout};
use medner_core::params::Params;
use medner_core::precision::Precision;
use medner_metrics::LabelSet;
use tch::{Device, Tensor};

use crate::albert::AlbertConfig;
use crate::albert::tokenizer::SpecialIds;
use crate::config::{Encoder, ModelConfig};
use crate::contextual::Contextual;

/// A tagger: characters in, tags out.
pub struct Tagger {
    /// Every parameter by name.
    pub params: Params,
    input: Input,
    reader: Reader,
    attention: Option<MultiHeadAttention>,
    attention_residual: bool,
    output: Linear,
    crf: Crf,
    dropout: f64,
}

/// What stands for a character.
enum Input {
    Vectors(Embedding),
    Albert(Box<Contextual>),
}

/// What reads the sentence.
enum Reader {
    Bilstm(BiLstm),
    Idcnn(Idcnn),
}

/// What the first layer is, and what it starts from.
pub enum Start<'a> {
    /// N(0, 1), a vector for each of so many characters.
    Random(usize),
    /// Given vectors, row-major `[V, D]`.
    Vectors(&'a [f32]),
    /// An ALBERT of these sizes with random values, and the special entries of its vocabulary.
    Albert(&'a AlbertConfig, SpecialIds),
}

/// Where the parameters of the encoder are, in [`Tagger::params`].
pub const ENCODER: &str = "albert";

impl Tagger {
    /// Builds the network on `device`; libtorch's generator decides the random values.
    pub fn new(config: &ModelConfig, start: &Start<'_>, labels: &LabelSet, device: Device) -> Result<Self> {
        let params = Params::new(device);
        let root = params.root();
        let scope = &root / "embedding";
        let (input, embedding) = match start {
            Start::Random(size) => {
                let table = Embedding::new(&scope, *size as i64, config.embedding)?;
                (Input::Vectors(table), config.embedding)
            }
            Start::Vectors(vectors) => {
                let table = Embedding::from_vectors(&scope, vectors, config.embedding)?;
                (Input::Vectors(table), config.embedding)
            }
            Start::Albert(albert, special) => {
                let encoder = Contextual::new(&(&root / ENCODER), albert, *special)?;
                let width = encoder.width();
                (Input::Albert(Box::new(encoder)), width)
            }
        };
        let (reader, width) = match config.encoder {
            Encoder::Bilstm => {
                let layer = BiLstm::new(&(&root / "bilstm"), embedding, config.hidden)?;
                (Reader::Bilstm(layer), 2 * config.hidden)
            }
            Encoder::Idcnn => {
                let layer = Idcnn::new(&(&root / "idcnn"), embedding, &config.idcnn)?;
                let width = layer.width();
                (Reader::Idcnn(layer), width)
            }
        };
        let attention = match config.heads {
            0 => None,
            heads => Some(MultiHeadAttention::new(&(&root / "attention"), width, heads, 0.0)?),
        };
        let tags = labels.tags();
        let output = Linear::new(&(&root / "output"), width, tags.len() as i64)?;
        // Training sees all paths, as the paper's CRF; a prediction never breaks the scheme.
        let crf = Crf::new(&(&root / "crf"), tags.len() as i64)?
            .constrained(Constraints::of_scheme(labels.scheme(), tags)?, ConstrainAt::Decoding)?;
        let (attention_residual, dropout) = (config.attention_residual, config.dropout);
        Ok(Self { params, input, reader, attention, attention_residual, output, crf, dropout })
    }

    /// On CUDA, what the encoder's products are computed in; those of the small network above it stay f32.
    pub fn set_precision(&mut self, precision: Precision) {
        if let Input::Albert(encoder) = &mut self.input {
            encoder.set_precision(precision);
        }
    }

    /// Emissions, `[B, T, K]`.
    pub fn emissions(&self, batch: &Batch, train: bool) -> Result<Tensor> {
        let xs = match &self.input {
            Input::Vectors(table) => table.forward(&batch.ids)?,
            Input::Albert(encoder) => encoder.forward(batch, train)?,
        };
        let xs = hashed_dropout(&xs, self.dropout, train)?;
        // Columns that pad all sentences: an encoder leaves them out, and so does what can do without them.
        let (length, padded) = (xs.size()[1], batch.padded() as i64);
        let mask = batch.mask.f_narrow(1, 0, length)?;
        let (ys, mask) = match &self.reader {
            Reader::Bilstm(layer) if length < padded => {
                let xs = xs.f_constant_pad_nd([0, 0, 0, padded - length])?;
                (layer.forward(&xs, batch)?, batch.mask.shallow_clone())
            }
            Reader::Bilstm(layer) => (layer.forward(&xs, batch)?, mask),
            Reader::Idcnn(layer) => (layer.forward(&xs, &mask)?, mask),
        };
        let ys = match &self.attention {
            None => ys,
            Some(attention) => {
                let attended = attention.forward(&ys, &mask, train)?;
                if self.attention_residual { ys.f_add(&attended)? } else { attended }
            }
        };
        let emissions = self.output.forward(&ys)?;
        let missing = padded - emissions.size()[1];
        if missing == 0 { Ok(emissions) } else { Ok(emissions.f_constant_pad_nd([0, 0, 0, missing])?) }
    }

    /// Mean negative log-likelihood of `tags` (`[B, T]` of i64) over the batch's sentences, in training mode.
    pub fn loss(&self, batch: &Batch, tags: &Tensor) -> Result<Tensor> {
        self.crf.nll(&self.emissions(batch, true)?, tags, &batch.lengths, Reduction::Mean)
    }

    /// The best tags of each sentence.
    pub fn decode(&self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let _guard = tch::no_grad_guard();
        let decoded = self.crf.decode(&self.emissions(batch, false)?, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).collect())
    }

    /// The best tags of each sentence, and the posterior that tells how sure they are.
    pub fn decode_with_posterior(&self, batch: &Batch) -> Result<Vec<(Vec<u32>, Posterior)>> {
        let _guard = tch::no_grad_guard();
        let emissions = self.emissions(batch, false)?;
        let decoded = self.crf.decode(&emissions, &batch.lengths)?;
        let posteriors = self.crf.posteriors(&emissions, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).zip(posteriors).collect())
    }
}
