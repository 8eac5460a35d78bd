//! The recurrence of one direction over sequences of different lengths, forward and backward, without padding.
//!
//! ```text
//! [i f g o] = p_t + h_{t-1} U^T                    p_t = W x_t + b, given
//! c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
//! h_t = sigmoid(o) tanh(c_t)
//! ```
//!
//! A step is one matrix product over the states of the sequences that still run, by libtorch, and one walk over the gates. What
//! libtorch would need some ten operations a step for, each a call and a pass, is done in the walk. Backward, with `dh_t` what
//! comes from above and from the step after:
//!
//! ```text
//! dc_t  = dc_{t+1} f_{t+1} + dh_t o (1 - tanh(c_t)^2)
//! dp_t  = [dc g i(1-i)   dc c_{t-1} f(1-f)   dc i (1-g^2)   dh tanh(c_t) o(1-o)]
//! dh_{t-1} += dp_t U,      dU = sum_t dp_t^T h_{t-1}
//! ```
//!
//! With [`Gate::HardSigmoid`] for the sigmoids, whose slope `s (1 - s)` is then 0.2 where `0 < s < 1` and 0 elsewhere.

use medner_core::Result;
use tch::{Device, Kind, Tensor};

use super::sequences::{Outputs, Sequences};
use super::simd::{Machine, for_each_machine, hard_sigmoid, sigmoid, tanh};
use super::{Gate, values, values_mut};

/// One direction: `H` wide, written to (and read from) its columns of the rows `[.., 2 H]` of the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    pub hidden: usize,
    pub backwards: bool,
    pub outputs: Outputs,
    pub gate: Gate,
}

impl Direction {
    /// The columns of a row that are this direction's.
    fn columns(self, row: usize) -> std::ops::Range<usize> {
        let start = (2 * row + usize::from(self.backwards)) * self.hidden;
        start..start + self.hidden
    }
}

/// Time-major: `[steps, 4 H]` gates after their activations, `[steps, H]` cells, their tanh, and states. Where nothing is kept
/// for a backward pass, room for the first step's sequences is enough.
pub(super) struct Store {
    pub gates: Tensor,
    cells: Tensor,
    tanhs: Tensor,
    pub states: Tensor,
    keep: bool,
}

impl Store {
    pub(super) fn new(sequences: &Sequences, hidden: usize, keep: bool) -> Result<Self> {
        let rows = if keep { sequences.steps() } else { sequences.first_steps() } as i64;
        let empty = |width: usize| Tensor::f_empty([rows, width as i64], (Kind::Float, Device::Cpu));
        let (gates, cells) = (empty(4 * hidden)?, empty(hidden)?);
        Ok(Self { gates, cells, tanhs: empty(hidden)?, states: empty(hidden)?, keep })
    }
}

/// `projected: [R, 4 H]`, `recurrent_t: [H, 4 H]` (`U` transposed), `output: [.., 2 H]`.
pub(super) fn forward(
    sequences: &Sequences,
    direction: Direction,
    projected: &[f32],
    recurrent_t: &Tensor,
    store: &mut Store,
    output: &mut [f32],
) -> Result<()> {
    let Direction { hidden: h, backwards, outputs, .. } = direction;
    let machine = Machine::here();
    let mut before = 0;
    for (t, &n) in sequences.active.iter().enumerate() {
        let at = if store.keep { sequences.offsets[t] } else { 0 };
        let gates = &mut values_mut(&mut store.gates)[at * 4 * h..][..n * 4 * h];
        for (own, &sequence) in gates.chunks_exact_mut(4 * h).zip(&sequences.order) {
            let row = sequences.rows[sequences.step(sequence, t, backwards)] as usize;
            own.copy_from_slice(&projected[row * 4 * h..][..4 * h]);
        }
        let cells = values_mut(&mut store.cells);
        if t == 0 {
            cells[..n * h].fill(0.0);
        } else {
            cells.copy_within(before * h..(before + n) * h, at * h);
            let states = store.states.f_narrow(0, before as i64, n as i64)?;
            let _ = store.gates.f_narrow(0, at as i64, n as i64)?.f_addmm_(&states, recurrent_t)?;
        }
        let room = at * h..(at + n) * h;
        let gates = &mut values_mut(&mut store.gates)[at * 4 * h..][..n * 4 * h];
        let cells = &mut values_mut(&mut store.cells)[room.clone()];
        let states = &mut values_mut(&mut store.states)[room.clone()];
        activate(machine, direction, gates, cells, &mut values_mut(&mut store.tanhs)[room], states);
        for (state, &sequence) in states.chunks_exact(h).zip(&sequences.order) {
            let row = match outputs {
                Outputs::Each => sequences.step(sequence, t, backwards),
                Outputs::Last if t + 1 == sequences.lengths[sequence] => sequence,
                Outputs::Last => continue,
            };
            output[direction.columns(row)].copy_from_slice(state);
        }
        before = at;
    }
    if outputs == Outputs::Last {
        for (sequence, _) in sequences.lengths.iter().enumerate().filter(|(_, length)| **length == 0) {
            output[direction.columns(sequence)].fill(0.0);
        }
    }
    Ok(())
}

/// The gradient of the projected input, time-major, `[steps, 4 H]`, from that of the output, `[.., 2 H]`; `recurrent: [4 H, H]`.
pub(super) fn backward(
    sequences: &Sequences,
    direction: Direction,
    recurrent: &Tensor,
    store: &Store,
    upstream: &[f32],
) -> Result<Tensor> {
    let Direction { hidden: h, backwards, outputs, .. } = direction;
    let machine = Machine::here();
    // The gates are turned into gradients: on a copy, so that a graph may be walked twice.
    let mut gates = store.gates.f_detach_copy()?;
    let (cells, tanhs) = (values(&store.cells), values(&store.tanhs));
    let width = sequences.first_steps();
    let mut dh = Tensor::f_zeros([width as i64, h as i64], (Kind::Float, Device::Cpu))?;
    let (mut dc, zero) = (vec![0.0; width * h], vec![0.0; width * h]);
    for t in (0..sequences.active.len()).rev() {
        let (n, offset) = (sequences.active[t], sequences.offsets[t]);
        let from_above = values_mut(&mut dh);
        for (own, &sequence) in from_above.chunks_exact_mut(h).zip(&sequences.order[..n]) {
            let row = match outputs {
                Outputs::Each => sequences.step(sequence, t, backwards),
                Outputs::Last if t + 1 == sequences.lengths[sequence] => sequence,
                Outputs::Last => continue,
            };
            for (d, &u) in own.iter_mut().zip(&upstream[direction.columns(row)]) {
                *d += u;
            }
        }
        let own = &mut values_mut(&mut gates)[offset * 4 * h..][..n * 4 * h];
        let before = if t > 0 { &cells[sequences.offsets[t - 1] * h..][..n * h] } else { &zero[..n * h] };
        let tanhs = &tanhs[offset * h..][..n * h];
        differentiate(machine, direction, own, before, tanhs, &mut from_above[..n * h], &mut dc[..n * h]);
        // `differentiate` leaves dh at 0: what comes from this step's product is all that goes back.
        if t > 0 {
            let own = gates.f_narrow(0, offset as i64, n as i64)?;
            let _ = dh.f_narrow(0, 0, n as i64)?.f_addmm_(&own, recurrent)?;
        }
    }
    Ok(gates)
}

for_each_machine! {
    /// Gates from their sums, and with them cells (from those before) and states. Short loops over few arrays, which the
    /// compiler turns into vector instructions.
    fn activate(
        direction: Direction, gates: &mut [f32], cells: &mut [f32], tanhs: &mut [f32], states: &mut [f32]
    ) {
        let Direction { hidden: h, gate, .. } = direction;
        for gates in gates.chunks_exact_mut(4 * h) {
            let (i_and_f, g_and_o) = gates.split_at_mut(2 * h);
            let (g, o) = g_and_o.split_at_mut(h);
            for sums in [i_and_f, o] {
                match gate {
                    Gate::Sigmoid => sums.iter_mut().for_each(|x| *x = sigmoid(*x)),
                    Gate::HardSigmoid => sums.iter_mut().for_each(|x| *x = hard_sigmoid(*x)),
                }
            }
            for x in g {
                *x = tanh(*x);
            }
        }
        for (gates, cells) in gates.chunks_exact(4 * h).zip(cells.chunks_exact_mut(h)) {
            let (i_and_f, g_and_o) = gates.split_at(2 * h);
            let (i, f) = i_and_f.split_at(h);
            for (((c, &i), &f), &g) in cells.iter_mut().zip(i).zip(f).zip(g_and_o) {
                *c = f * *c + i * g;
            }
        }
        for (t, &c) in tanhs.iter_mut().zip(cells.iter()) {
            *t = tanh(c);
        }
        for ((gates, states), tanhs) in
            gates.chunks_exact(4 * h).zip(states.chunks_exact_mut(h)).zip(tanhs.chunks_exact(h))
        {
            for ((s, &o), &t) in states.iter_mut().zip(&gates[3 * h..]).zip(tanhs) {
                *s = o * t;
            }
        }
    }
}

/// The slope of [`hard_sigmoid`] where its value is `s`.
#[allow(clippy::inline_always)]
#[inline(always)]
fn hard_slope(s: f32) -> f32 {
    if s > 0.0 && s < 1.0 { 0.2 } else { 0.0 }
}

for_each_machine! {
    /// Gates become the gradient of their sums; `dc` that of the cell before, `dh` 0.
    fn differentiate(
        direction: Direction, gates: &mut [f32], before: &[f32], tanhs: &[f32], dh: &mut [f32], dc: &mut [f32]
    ) {
        let Direction { hidden: h, gate, .. } = direction;
        let rows = gates.chunks_exact_mut(4 * h).zip(before.chunks_exact(h)).zip(tanhs.chunks_exact(h));
        for (((gates, before), tanhs), (dh, dc)) in rows.zip(dh.chunks_exact_mut(h).zip(dc.chunks_exact_mut(h))) {
            let (gate_i, rest) = gates.split_at_mut(h);
            let (gate_f, rest) = rest.split_at_mut(h);
            let (gate_g, gate_o) = rest.split_at_mut(h);
            for k in 0..h {
                let (i, f, g, o) = (gate_i[k], gate_f[k], gate_g[k], gate_o[k]);
                let cell = dc[k] + dh[k] * o * (1.0 - tanhs[k] * tanhs[k]);
                (gate_i[k], gate_f[k], gate_o[k]) = match gate {
                    Gate::Sigmoid => (
                        cell * g * i * (1.0 - i),
                        cell * before[k] * f * (1.0 - f),
                        dh[k] * tanhs[k] * o * (1.0 - o),
                    ),
                    Gate::HardSigmoid => (
                        cell * g * hard_slope(i),
                        cell * before[k] * hard_slope(f),
                        dh[k] * tanhs[k] * hard_slope(o),
                    ),
                };
                gate_g[k] = cell * i * (1.0 - g * g);
                dc[k] = cell * f;
                dh[k] = 0.0;
            }
        }
    }
}
