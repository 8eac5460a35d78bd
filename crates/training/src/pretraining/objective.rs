//! What an encoder is to find in text.

use medner_core::Result;
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Reduction, Tensor};

use super::documents::Document;
use super::windows::Window;

/// Label of a place that pads a list of places.
pub const IGNORED: i64 = -100;

/// A pre-training objective with the network that it trains.
pub trait Objective {
    /// What belongs to a window besides its place.
    type Cut: Copy;
    /// A sequence with what is to be found in it.
    type Example;

    /// What is to be found, a name for each term of the loss; the first gives the perplexity.
    const TERMS: &'static [&'static str];
    /// Pieces that a sequence has beside its window's.
    const SPECIAL_PIECES: usize;
    /// Names the random stream of [`Objective::examples`].
    const STREAM: &'static [u8; 8];

    /// An epoch's windows.
    fn windows(&self, documents: &[Document], rng: &mut ChaCha8Rng) -> Vec<(Window, Self::Cut)>;

    /// Sequences of windows, the same for the same stream.
    fn examples(
        &self,
        documents: &[Document],
        windows: &[(Window, Self::Cut)],
        rng: &mut ChaCha8Rng,
    ) -> Vec<Self::Example>;

    /// Ids of a sequence, special ones included.
    fn ids(example: &Self::Example) -> &[u32];

    /// How many there are to be found in a sequence, term by term.
    fn goals(example: &Self::Example) -> Vec<usize>;

    /// The terms of some sequences, in the order of [`Objective::TERMS`].
    ///
    /// # Errors
    /// [`medner_core::CoreError::Tch`].
    fn terms(&self, examples: &[Self::Example], train: bool) -> Result<Vec<Term>>;
}

/// A term of the loss: cross-entropy.
pub struct Term {
    /// `[N, C]`, a row for each place.
    pub logits: Tensor,
    /// `[N]`, the class that is right; [`IGNORED`] at padding.
    pub labels: Tensor,
}

impl Term {
    /// Summed cross-entropy in nats.
    ///
    /// # Errors
    /// [`medner_core::CoreError::Tch`].
    pub fn loss(&self) -> Result<Tensor> {
        Ok(self.logits.f_cross_entropy_loss::<Tensor>(&self.labels, None, Reduction::Sum, IGNORED, 0.0)?)
    }

    /// How many were to be found, and how many were.
    ///
    /// # Errors
    /// [`medner_core::CoreError::Tch`].
    pub fn found(&self) -> Result<[f64; 2]> {
        let right = self.logits.f_argmax(-1, false)?.f_eq_tensor(&self.labels)?;
        let count = |mask: Tensor| -> Result<f64> { Ok(f64::try_from(mask.f_sum(Kind::Double)?)?) };
        Ok([count(self.labels.f_ne(IGNORED)?)?, count(right)?])
    }
}
