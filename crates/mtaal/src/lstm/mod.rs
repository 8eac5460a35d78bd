//! Bidirectional LSTM over sequences of different lengths, without padding, and with inputs that are used more than once
//! projected once.
//!
//! `W x + b` depends on the input row alone. The characters of a batch are some hundred different ones, and of the 800 words of
//! 32 medical sentences half are repetitions: rows are projected once and looked up by each step that reads them. The recurrence
//! itself runs over the steps that exist, all sequences that are long enough together (`kernel`); it is an operation with a
//! gradient of its own ([`medner_core::autograd`]) on the CPU. On other devices libtorch's LSTM does the same over padded
//! sequences.

mod kernel;
mod sequences;
pub mod simd;

use std::sync::Arc;

use medner_core::layers::{Batch, BiLstm};
use medner_core::params::Scope;
use medner_core::{CoreError, Result, autograd};
use tch::{Device, Kind, Tensor};

use kernel::{Direction, Store};

pub use sequences::{Outputs, Sequences};

/// What an input, forget or output gate makes of its sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// `1 / (1 + e^-x)`.
    #[default]
    Sigmoid,
    /// `0.2 x + 0.5`, cut off at 0 and 1: Keras' until version 2.2.
    HardSigmoid,
}

/// The layer: parameters and their names are those of [`BiLstm`].
pub struct PackedBiLstm {
    padded: BiLstm,
    /// `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh` of each direction.
    directions: [[Tensor; 4]; 2],
    hidden: i64,
    gate: Gate,
}

/// Rows as a [`PackedBiLstm`] reads them.
pub enum Projected {
    /// `W x + b` of each direction, two of `[R, 4 H]`.
    Sums([Tensor; 2]),
    /// The rows themselves, where libtorch does the rest.
    Rows(Tensor),
}

impl PackedBiLstm {
    /// As [`BiLstm::new`], with gates of this kind.
    pub fn new(scope: &Scope<'_>, input: i64, hidden: i64, gate: Gate) -> Result<Self> {
        let padded = BiLstm::new(scope, input, hidden)?;
        let parameter = |name: &str, suffix: &str| {
            let name = scope.full_name(&format!("{name}_l0{suffix}"));
            scope.params().get(&name).ok_or_else(|| CoreError::State {
                missing: vec![name],
                unexpected: Vec::new(),
                mismatched: Vec::new(),
            })
        };
        let direction = |suffix: &str| -> Result<[Tensor; 4]> {
            Ok([
                parameter("weight_ih", suffix)?,
                parameter("weight_hh", suffix)?,
                parameter("bias_ih", suffix)?,
                parameter("bias_hh", suffix)?,
            ])
        };
        Ok(Self { padded, directions: [direction("")?, direction("_reverse")?], hidden, gate })
    }

    /// The states at each step, forward ones first: rows `xs: [R, D]`, of which the sequences' steps read some, to `[N, 2 H]`.
    pub fn forward(&self, xs: &Tensor, sequences: &Arc<Sequences>) -> Result<Tensor> {
        self.run(&self.project(xs)?, sequences, Outputs::Each)
    }

    /// The last states of both directions: `[R, D] -> [S, 2 H]`; 0 for a sequence without steps.
    pub fn last(&self, xs: &Tensor, sequences: &Arc<Sequences>) -> Result<Tensor> {
        self.run(&self.project(xs)?, sequences, Outputs::Last)
    }

    /// What the recurrence needs of the rows: to be computed once where many batches read the same rows.
    pub fn project(&self, xs: &Tensor) -> Result<Projected> {
        if xs.device() != Device::Cpu {
            return Ok(Projected::Rows(xs.shallow_clone()));
        }
        let project = |[weight, _, bias, more]: &[Tensor; 4]| -> Result<Tensor> {
            Ok(xs.f_linear(weight, Some(bias.f_add(more)?))?)
        };
        let [forwards, backwards] = &self.directions;
        Ok(Projected::Sums([project(forwards)?, project(backwards)?]))
    }

    /// The states of sequences whose steps read projected rows.
    pub fn run(&self, rows: &Projected, sequences: &Arc<Sequences>, outputs: Outputs) -> Result<Tensor> {
        match rows {
            Projected::Rows(xs) => self.by_operations(xs, sequences, outputs),
            Projected::Sums(sums) => {
                let [forwards, backwards] = &self.directions;
                let directions = [false, true].map(|backwards| Direction {
                    hidden: self.hidden as usize,
                    backwards,
                    outputs,
                    gate: self.gate,
                });
                recurrence(sums, [&forwards[1], &backwards[1]], directions, sequences)
            }
        }
    }

    /// The same by libtorch's operations over padded sequences, on any device.
    pub fn by_operations(&self, xs: &Tensor, sequences: &Sequences, outputs: Outputs) -> Result<Tensor> {
        let Sequences { starts, lengths, rows, .. } = sequences;
        let each: Vec<&[u32]> = starts.iter().zip(lengths).map(|(&s, &n)| &rows[s..s + n]).collect();
        let batch = Batch::new(&each, xs.device())?;
        let inputs = rows_at(xs, &batch.ids)?;
        let states = match self.gate {
            Gate::Sigmoid => self.padded.forward(&inputs, &batch)?,
            Gate::HardSigmoid => self.step_by_step(&inputs, &batch.mask)?,
        };
        let (b, t, width) = states.size3()?;
        let flat = states.f_view([b * t, width])?;
        let places = |of: &dyn Fn(usize, usize) -> std::ops::Range<usize>| -> Result<Tensor> {
            let places = lengths.iter().enumerate().flat_map(|(at, &n)| of(at * t as usize, n));
            let places: Vec<i64> = places.map(|place| place as i64).collect();
            Ok(Tensor::from_slice(&places).f_to_device(xs.device())?)
        };
        match outputs {
            Outputs::Each => rows_at(&flat, &places(&|start, n| start..start + n)?),
            Outputs::Last => {
                let last = rows_at(&flat, &places(&|start, n| start + n.max(1) - 1..start + n.max(1))?)?;
                let first = rows_at(&flat, &places(&|start, _| start..start + 1)?)?;
                let last = last.f_narrow(1, 0, self.hidden)?;
                let both = Tensor::f_cat(&[last, first.f_narrow(1, self.hidden, self.hidden)?], 1)?;
                let there: Vec<f32> = lengths.iter().map(|&n| f32::from(u8::from(n > 0))).collect();
                Ok(both.f_mul(&Tensor::from_slice(&there).f_to_device(xs.device())?.f_unsqueeze(1)?)?)
            }
        }
    }
}

impl PackedBiLstm {
    /// The states of padded sequences with [`Gate::HardSigmoid`], for which libtorch has no LSTM: `[B, T, D] -> [B, T, 2 H]`.
    fn step_by_step(&self, inputs: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (b, t, _) = inputs.size3()?;
        let hard_sigmoid = |sum: &Tensor| sum.f_mul_scalar(0.2)?.f_add_scalar(0.5)?.f_clamp(0.0, 1.0);
        let mut both = Vec::with_capacity(2);
        for (direction, [weight, recurrent, bias, more]) in self.directions.iter().enumerate() {
            let sums = inputs.f_linear(weight, Some(bias.f_add(more)?))?;
            let mut state = Tensor::f_zeros([b, self.hidden], (inputs.kind(), inputs.device()))?;
            let mut cell = state.shallow_clone();
            let mut states = Vec::with_capacity(t as usize);
            let order: Vec<i64> = if direction == 0 { (0..t).collect() } else { (0..t).rev().collect() };
            for at in order {
                let sum = sums.f_select(1, at)?.f_add(&state.f_linear(recurrent, None::<&Tensor>)?)?;
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| sum.f_narrow(1, gate * self.hidden, self.hidden));
                let remembered = hard_sigmoid(&f?)?.f_mul(&cell)?;
                let new = remembered.f_add(&hard_sigmoid(&i?)?.f_mul(&g?.f_tanh()?)?)?;
                let there = mask.f_select(1, at)?.f_unsqueeze(1)?;
                state = hard_sigmoid(&o?)?.f_mul(&new.f_tanh()?)?.f_where_self(&there, &state)?;
                cell = new.f_where_self(&there, &cell)?;
                states.push(state.shallow_clone());
            }
            if direction == 1 {
                states.reverse();
            }
            both.push(Tensor::f_stack(&states, 1)?);
        }
        Ok(Tensor::f_cat(&both, 2)?)
    }
}

/// Rows of `[R, D]` by their numbers.
fn rows_at(xs: &Tensor, places: &Tensor) -> Result<Tensor> {
    Ok(Tensor::f_embedding(xs, places, -1, false, false)?)
}

/// The values of a contiguous f32 tensor on the CPU.
pub fn values(tensor: &Tensor) -> &[f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == Device::Cpu);
    // SAFETY: the tensor's memory is as long as it has elements, and lives as long as the borrow.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast_const().cast(), tensor.numel()) }
}

/// The same to write into; only for tensors that nothing else has a handle of.
fn values_mut(tensor: &mut Tensor) -> &mut [f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == Device::Cpu);
    // SAFETY: as above; the tensor was made by the caller and has not been shared.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

/// Both directions as one operation: `projected` two of `[R, 4 H]`, `recurrent` two of `[4 H, H]`.
fn recurrence(
    projected: &[Tensor; 2],
    recurrent: [&Tensor; 2],
    directions: [Direction; 2],
    sequences: &Arc<Sequences>,
) -> Result<Tensor> {
    let Direction { hidden, outputs, .. } = directions[0];
    let rows = match outputs {
        Outputs::Each => sequences.steps(),
        Outputs::Last => sequences.len(),
    };
    let inputs = [&projected[0], &projected[1], recurrent[0], recurrent[1]];
    let wanted = inputs.map(Tensor::requires_grad);
    // Without a graph nothing computed requires a gradient, though a parameter does.
    let keep = wanted[0] || wanted[1];
    let [one, two, ..] = inputs;
    let plain = [one.f_detach()?.f_contiguous()?, two.f_detach()?.f_contiguous()?];
    let weights = [recurrent[0].f_detach()?, recurrent[1].f_detach()?];
    let mut output = Tensor::f_empty([rows as i64, 2 * hidden as i64], (Kind::Float, Device::Cpu))?;
    let mut stores = Vec::with_capacity(2);
    for ((direction, projected), weight) in directions.into_iter().zip(&plain).zip(&weights) {
        let mut store = Store::new(sequences, hidden, keep)?;
        let transposed = weight.f_transpose(0, 1)?.f_contiguous()?;
        let to = values_mut(&mut output);
        kernel::forward(sequences, direction, values(projected), &transposed, &mut store, to)?;
        stores.push(store);
    }
    if !keep {
        return Ok(output);
    }
    let shape = projected[0].size();
    let sequences = Arc::clone(sequences);
    autograd::attach(&output, &inputs, move |upstream| {
        let upstream = upstream.f_contiguous()?;
        let (mut by_row, mut by_weight) = (Vec::with_capacity(4), Vec::with_capacity(2));
        for (at, (direction, store)) in directions.into_iter().zip(&stores).enumerate() {
            let gates = kernel::backward(&sequences, direction, &weights[at], store, values(&upstream))?;
            let gradient = || input_gradient(&sequences, direction.backwards, &shape, &gates);
            by_row.push(wanted[at].then(gradient).transpose()?);
            let gradient = || weight_gradient(&sequences, &gates, &store.states);
            by_weight.push(wanted[2 + at].then(gradient).transpose()?);
        }
        by_row.append(&mut by_weight);
        Ok(by_row)
    })
}

/// The sum over the steps that read a row, for each row: `[R, 4 H]`.
fn input_gradient(sequences: &Sequences, backwards: bool, shape: &[i64], gates: &Tensor) -> Result<Tensor> {
    let mut gradient = Tensor::f_zeros(shape, (Kind::Float, Device::Cpu))?;
    let (into, from, width) = (values_mut(&mut gradient), values(gates), shape[1] as usize);
    sequences.for_each_step(backwards, |step, row| {
        let own = &from[step * width..][..width];
        for (sum, &d) in into[row * width..][..width].iter_mut().zip(own) {
            *sum += d;
        }
    });
    Ok(gradient)
}

/// `dU = sum_t dp_t^T h_{t-1}` as one matrix product.
fn weight_gradient(sequences: &Sequences, gates: &Tensor, states: &Tensor) -> Result<Tensor> {
    let (steps, hidden) = states.size2()?;
    let first = sequences.first_steps() as i64;
    let mut before = Tensor::f_empty([steps - first, hidden], (Kind::Float, Device::Cpu))?;
    let (into, from, h) = (values_mut(&mut before), values(states), hidden as usize);
    let mut filled = 0;
    for (offset, &n) in sequences.offsets.iter().zip(sequences.active.iter().skip(1)) {
        into[filled..][..n * h].copy_from_slice(&from[offset * h..][..n * h]);
        filled += n * h;
    }
    Ok(gates.f_narrow(0, first, steps - first)?.f_transpose(0, 1)?.f_matmul(&before)?)
}
