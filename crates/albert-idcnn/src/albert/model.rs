//! The encoder: pieces in, a vector for each piece (and one for the sequence) out.

use medner_core::layers::Linear;
use medner_core::params::Scope;
use medner_core::precision::Precision;
use medner_core::{CoreError, Result};
use tch::{Kind, Tensor};

use super::config::AlbertConfig;
use super::embeddings::AlbertEmbeddings;
use super::layer::{AlbertTransformer, Pass};

/// Whether the sequence gets a vector of its own, `tanh(W x_[CLS])`: pre-training needs it, taggers do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooler {
    /// With parameters `pooler`.
    With,
    /// Without.
    Without,
}

/// A padded batch of pieces.
#[derive(Clone, Copy)]
pub struct AlbertInput<'a> {
    /// Piece ids, `[B, T]` of i64.
    pub ids: &'a Tensor,
    /// True at pieces, false at padding, `[B, T]` of bool; `None` where nothing is padded.
    pub mask: Option<&'a Tensor>,
    /// Segment ids, `[B, T]` of i64; `None`: all 0.
    pub segments: Option<&'a Tensor>,
}

/// An ALBERT encoder. See the [module](super).
pub struct AlbertModel {
    config: AlbertConfig,
    embeddings: AlbertEmbeddings,
    encoder: AlbertTransformer,
    pooler: Option<Linear>,
    kind: Kind,
}

impl AlbertModel {
    /// Parameters `embeddings.*`, `encoder.*` and, if asked for, `pooler.*`, with initial values as the reference draws
    /// them (N(0, initializer_range^2), biases 0).
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig, pooler: Pooler) -> Result<Self> {
        config.check()?;
        let width = config.hidden_size;
        Ok(Self {
            config: config.clone(),
            embeddings: AlbertEmbeddings::new(&(scope / "embeddings"), config)?,
            encoder: AlbertTransformer::new(&(scope / "encoder"), config)?,
            pooler: match pooler {
                Pooler::With => {
                    Some(Linear::normal(&(scope / "pooler"), width, width, config.initializer_range)?)
                }
                Pooler::Without => None,
            },
            kind: Kind::Float,
        })
    }

    /// Casts the factors of matrix products to bf16 where the device wants that of a model
    /// ([`Precision::casts`]); everything else, the parameters included, stays f32.
    pub fn set_precision(&mut self, precision: Precision) {
        let casts = precision.casts(self.embeddings.words().device());
        self.kind = if casts { Kind::BFloat16 } else { Kind::Float };
    }

    /// The sizes.
    pub fn config(&self) -> &AlbertConfig {
        &self.config
    }

    /// `H`.
    pub fn width(&self) -> i64 {
        self.config.hidden_size
    }

    /// Number type of the matrix products.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The word table `[V, E]`.
    pub fn words(&self) -> &Tensor {
        self.embeddings.words()
    }

    /// A vector for each piece, `[B, T, H]`. At padding they are not defined.
    ///
    /// # Errors
    /// [`CoreError::Config`] where `T` is more than `max_position_embeddings`, [`CoreError::Shape`], [`CoreError::Tch`].
    pub fn forward(&self, input: AlbertInput<'_>, train: bool) -> Result<Tensor> {
        self.run(input, None, train)
    }

    /// The vectors at `positions: [B, P]` of i64 alone, `[B, P, H]`: equal to gathering them from
    /// [`AlbertModel::forward`], without computing the others in the last layer.
    ///
    /// # Errors
    /// As [`AlbertModel::forward`].
    pub fn forward_at(&self, input: AlbertInput<'_>, positions: &Tensor, train: bool) -> Result<Tensor> {
        self.run(input, Some(positions), train)
    }

    /// The vector of the sequence from that of its first piece, `first: [B, H] -> [B, H]`.
    ///
    /// # Errors
    /// [`CoreError::Config`] for a model without a pooler.
    pub fn pool(&self, first: &Tensor) -> Result<Tensor> {
        let message = || "this encoder was built without its pooler".into();
        let pooler = self
            .pooler
            .as_ref()
            .ok_or_else(|| CoreError::Config { key: "pooler".into(), message: message() })?;
        Ok(pooler.forward(first)?.f_tanh()?)
    }

    fn run(&self, input: AlbertInput<'_>, rows: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let AlbertInput { ids, mask, segments } = input;
        let shape = ids.size();
        let [_, length] = shape[..] else {
            return Err(CoreError::Shape {
                what: "piece ids".into(),
                expected: "[B, T]".into(),
                found: shape,
            });
        };
        if length > self.config.max_position_embeddings {
            return Err(CoreError::Config {
                key: "max_position_embeddings".into(),
                message: format!(
                    "a sequence of {length} pieces is longer than the encoder's {} positions; cut it, or window it with overlap",
                    self.config.max_position_embeddings
                ),
            });
        }
        for (what, other) in [("mask", mask), ("segments", segments)] {
            if let Some(found) = other.map(Tensor::size).filter(|size| *size != shape) {
                return Err(CoreError::Shape { what: what.into(), expected: format!("{shape:?}"), found });
            }
        }
        // A finite bound instead of minus infinity: rows that see nothing stay numbers.
        let bias = mask
            .map(|mask| {
                let hidden = mask.f_logical_not()?.f_to_kind(self.kind)?.f_mul_scalar(-1e9)?;
                hidden.f_view([shape[0], 1, 1, length])
            })
            .transpose()?;
        let embedded = self.embeddings.forward(ids, segments, train)?;
        self.encoder.forward(&embedded, rows, Pass { bias: bias.as_ref(), kind: self.kind, train })
    }
}
