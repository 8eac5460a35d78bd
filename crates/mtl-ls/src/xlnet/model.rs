//! The encoder: pieces in, a vector for each piece (or each place asked for) out.

use medner_core::init::Init;
use medner_core::layers::hashed_dropout;
use medner_core::params::Scope;
use medner_core::precision::Precision;
use medner_core::{CoreError, Result};
use tch::{Kind, Tensor};

use super::attention::{Pass, QueryPass};
use super::config::{AttentionType, XlnetConfig};
use super::layer::XlnetLayer;
use super::positions;

/// Added to the scores of what must not be seen: as in the reference, so great that nothing of the score is left.
const HIDDEN: f64 = -1e30;

/// A padded batch of pieces and what is known of them.
#[derive(Clone, Copy)]
pub struct XlnetInput<'a> {
    /// Piece ids, `[B, T]` of i64.
    pub ids: &'a Tensor,
    /// True at pieces, false at padding, `[B, T]` of bool; `None` where nothing is padded.
    pub mask: Option<&'a Tensor>,
    /// Segment ids, `[B, T]` of i64; `None`: all are of one. What is remembered is of segment 0.
    pub segments: Option<&'a Tensor>,
    /// What each layer read before, from the first to the last, each `[B, M, D]` ([`XlnetOutput::memory`]).
    pub memory: Option<&'a [Tensor]>,
    /// True where the piece of the row must not see that of the column, `[B, T, T]` of bool: an order of reading.
    pub order: Option<&'a Tensor>,
    /// The places that are asked for, `[B, P]` of i64: the query stream's.
    pub places: Option<&'a Tensor>,
}

impl<'a> XlnetInput<'a> {
    /// Pieces that all see each other.
    pub fn plain(ids: &'a Tensor) -> Self {
        Self { ids, mask: None, segments: None, memory: None, order: None, places: None }
    }

    /// Pieces with padding.
    pub fn padded(ids: &'a Tensor, mask: &'a Tensor) -> Self {
        Self { mask: Some(mask), ..Self::plain(ids) }
    }
}

/// What the encoder says.
pub struct XlnetOutput {
    /// `[B, T, D]`, or `[B, P, D]` where places were asked for. At padding it is not defined.
    pub hidden: Tensor,
    /// What each layer read, from the first to the last, with what it had remembered, each `[B, M', D]`; not part of any
    /// graph.
    pub memory: Vec<Tensor>,
}

/// An XLNet encoder. See the [module](super).
pub struct XlnetModel {
    config: XlnetConfig,
    words: Tensor,
    mask: Tensor,
    layers: Vec<XlnetLayer>,
    kind: Kind,
    recompute: bool,
}

impl XlnetModel {
    /// Parameters `word_embedding`, `mask_emb` and `layer.<i>.*`, with initial values as the reference draws them
    /// (N(0, initializer_range^2), biases of linear maps 0).
    ///
    /// # Errors
    /// [`CoreError::Config`] for sizes that no network can be built with.
    pub fn new(scope: &Scope<'_>, config: &XlnetConfig) -> Result<Self> {
        config.check()?;
        let normal = || Init::Normal { mean: 0.0, std: config.initializer_range };
        let width = config.d_model;
        let layers = (0..config.n_layer).map(|i| XlnetLayer::new(&(scope / &format!("layer.{i}")), config));
        Ok(Self {
            config: config.clone(),
            words: (scope / "word_embedding").parameter("weight", &[config.vocab_size, width], normal())?,
            mask: scope.parameter("mask_emb", &[1, 1, width], normal())?,
            layers: layers.collect::<Result<_>>()?,
            kind: Kind::Float,
            recompute: false,
        })
    }

    /// Casts the factors of matrix products to bf16 where the device wants that of a model
    /// ([`Precision::casts`]); everything else, the parameters included, stays f32.
    pub fn set_precision(&mut self, precision: Precision) {
        self.kind = if precision.casts(self.words.device()) { Kind::BFloat16 } else { Kind::Float };
    }

    /// Keeps of each layer its input alone, and computes the rest again in the backward pass, where no places are asked for and
    /// nothing is remembered: what taggers do. With dropout the random numbers are others than without this.
    pub fn recompute(&mut self) {
        self.recompute = true;
    }

    /// The sizes.
    pub fn config(&self) -> &XlnetConfig {
        &self.config
    }

    /// `D`.
    pub fn width(&self) -> i64 {
        self.config.d_model
    }

    /// Number type of the matrix products.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The word table `[V, D]`.
    pub fn words(&self) -> &Tensor {
        &self.words
    }

    /// The vectors of the pieces, or of the places asked for.
    ///
    /// # Errors
    /// [`CoreError::Shape`] for inputs that do not fit each other, [`CoreError::Tch`].
    pub fn forward(&self, input: XlnetInput<'_>, train: bool) -> Result<Tensor> {
        Ok(self.run(input, train, false)?.hidden)
    }

    /// The same, with what each layer read.
    ///
    /// # Errors
    /// As [`XlnetModel::forward`].
    pub fn forward_and_remember(&self, input: XlnetInput<'_>, train: bool) -> Result<XlnetOutput> {
        self.run(input, train, true)
    }

    fn run(&self, input: XlnetInput<'_>, train: bool, remember: bool) -> Result<XlnetOutput> {
        let remembered = self.check(input)?;
        let length = input.ids.size()[1];
        let (seen, device, dropped) = (remembered + length, input.ids.device(), self.config.dropout);
        let masks = self.masks(input, remembered)?;
        let differ = input.segments.map(|segments| differ(segments, remembered)).transpose()?;
        let differ_rows = match (&differ, input.places) {
            (Some(differ), Some(places)) => Some(rows_at(differ, places)?),
            _ => None,
        };
        let distances =
            positions::encoding(length, seen, self.config.d_model, self.config.clamp_len, device)?;
        let distances = hashed_dropout(&distances, dropped, train)?;
        let words = Tensor::f_embedding(&self.words, input.ids, -1, false, false)?;
        let mut content = hashed_dropout(&words, dropped, train)?;
        let mut asked = match input.places {
            None => None,
            Some(places) => {
                let (b, p) = places.size2()?;
                let start = self.mask.f_expand([b, p, self.config.d_model], false)?;
                Some(hashed_dropout(&start, dropped, train)?)
            }
        };
        let query = input.places.map(|places| QueryPass {
            places,
            differ: differ_rows.as_ref(),
            hidden: masks.query.as_ref(),
        });
        let pass = Pass {
            distances: &distances,
            differ: differ.as_ref(),
            hidden: masks.content.as_ref(),
            query,
            kind: self.kind,
            train,
        };
        let mut memory = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let before = input.memory.map(|memory| &memory[index]);
            if remember {
                memory.push(self.remember(before, &content)?);
            }
            if self.recompute && train && asked.is_none() && before.is_none() {
                content = layer.forward_again(&content, pass)?;
            } else {
                (content, asked) = layer.forward(&content, asked.as_ref(), before, pass)?;
            }
        }
        Ok(XlnetOutput {
            hidden: hashed_dropout(asked.as_ref().unwrap_or(&content), dropped, train)?,
            memory,
        })
    }

    /// What is remembered after `content: [B, T, D]`: the last `mem_len` of what was and what is.
    fn remember(&self, before: Option<&Tensor>, content: &Tensor) -> Result<Tensor> {
        let content = content.f_detach()?;
        let all = match before {
            Some(before) => Tensor::f_cat(&[&before.f_detach()?, &content], 1)?,
            None => content,
        };
        let length = all.size()[1];
        let kept = self.config.mem_len.filter(|&n| n > 0).map_or(length, |n| n.min(length));
        Ok(all.f_narrow(1, length - kept, kept)?)
    }

    /// Checks the shapes; the number of pieces remembered.
    fn check(&self, input: XlnetInput<'_>) -> Result<i64> {
        let shape = input.ids.size();
        let refuse = |what: &str, expected: String, found: Vec<i64>| {
            Err(CoreError::Shape { what: what.into(), expected, found })
        };
        let [b, length] = shape[..] else { return refuse("piece ids", "[B, T]".into(), shape) };
        for (what, other) in [("mask", input.mask), ("segments", input.segments)] {
            if let Some(found) = other.map(Tensor::size).filter(|size| *size != shape) {
                return refuse(what, format!("{shape:?}"), found);
            }
        }
        if let Some(found) = input.order.map(Tensor::size).filter(|size| *size != [b, length, length]) {
            return refuse("order", format!("{:?}", [b, length, length]), found);
        }
        if let Some(found) = input.places.map(Tensor::size).filter(|s| s.len() != 2 || s[0] != b) {
            return refuse("places", format!("[{b}, P]"), found);
        }
        let Some(memory) = input.memory else { return Ok(0) };
        if memory.len() != self.layers.len() {
            return refuse("memory", format!("{} layers", self.layers.len()), vec![memory.len() as i64]);
        }
        let remembered = memory[0].size().get(1).copied().unwrap_or(0);
        let expected = [b, remembered, self.config.d_model];
        match memory.iter().map(Tensor::size).find(|size| *size != expected) {
            Some(found) => refuse("memory", format!("{expected:?}"), found),
            None => Ok(remembered),
        }
    }

    /// What must not be seen, as numbers that are added to the scores.
    fn masks(&self, input: XlnetInput<'_>, remembered: i64) -> Result<Masks> {
        let (b, length) = input.ids.size2()?;
        let device = input.ids.device();
        // True is hidden; everything remembered is seen.
        let padding = input.mask.map(|mask| mask.f_logical_not()?.f_unsqueeze(1)).transpose()?;
        let later = match self.config.attn_type {
            AttentionType::Bi => None,
            AttentionType::Uni => Some(Tensor::f_ones([1, length, length], (Kind::Bool, device))?.f_triu(1)?),
        };
        let order = match (input.order, &later) {
            (Some(order), Some(later)) => Some(order.f_logical_or(later)?),
            (Some(order), None) => Some(order.shallow_clone()),
            (None, Some(later)) => Some(later.shallow_clone()),
            (None, None) => None,
        };
        let hidden = match (padding, order) {
            (Some(padding), Some(order)) => Some(padding.f_logical_or(&order)?),
            (padding, order) => padding.or(order),
        };
        let Some(hidden) = hidden else { return Ok(Masks { content: None, query: None }) };
        let added = |hidden: &Tensor| -> Result<Tensor> {
            let added = hidden.f_to_kind(self.kind)?.f_mul_scalar(HIDDEN)?;
            Ok(if remembered > 0 { added.f_constant_pad_nd([remembered, 0])? } else { added })
        };
        let query = match input.places {
            None => None,
            Some(places) => {
                let all = hidden.f_expand([b, length, length], false)?.f_to_kind(Kind::Float)?;
                Some(added(&rows_at(&all, places)?)?)
            }
        };
        // A piece sees itself in the content stream, whatever the order. Where only padding is hidden, that concerns padding
        // alone, whose vectors nobody reads.
        let content = if hidden.size()[1] == 1 {
            added(&hidden)?
        } else {
            let own = Tensor::f_eye(length, (Kind::Bool, device))?.f_logical_not()?.f_unsqueeze(0)?;
            added(&hidden.f_logical_and(&own)?)?
        };
        Ok(Masks { content: Some(content), query })
    }
}

/// Added to the scores of each stream.
struct Masks {
    /// `[B or 1, T or 1, S]`
    content: Option<Tensor>,
    /// `[B, P, S]`
    query: Option<Tensor>,
}

/// 1 where two pieces are of different segments: `[B, T] -> [B, T, S]`.
fn differ(segments: &Tensor, remembered: i64) -> Result<Tensor> {
    let all = segments.f_constant_pad_nd([remembered, 0])?;
    let differ = segments.f_unsqueeze(2)?.f_ne_tensor(&all.f_unsqueeze(1)?)?;
    Ok(differ.f_to_kind(Kind::Float)?)
}

/// The rows of `xs: [B, T, S]` at `places: [B, P]`.
fn rows_at(xs: &Tensor, places: &Tensor) -> Result<Tensor> {
    let (b, p) = places.size2()?;
    let index = places.f_unsqueeze(-1)?.f_expand([b, p, xs.size()[2]], false)?;
    Ok(xs.f_gather(1, &index, false)?)
}
