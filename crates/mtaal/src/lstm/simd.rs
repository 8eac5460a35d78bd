//! Plain loops compiled for each instruction set, with an exponential that they can be compiled with.
//!
//! No operation is contracted or reordered by the compiler, so that every machine computes the same bits.

/// What the machine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 256-bit registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Anything.
    Plain,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Plain
    }
}

/// `e^x` to about two units in the last place, for |x| up to 80: 2^n with the whole number n, times a polynomial of the rest.
#[allow(clippy::inline_always)] // So that the caller's instruction set applies.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to a whole number in the low bits.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut rest = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        rest = rest * r + coefficient;
    }
    let polynomial = rest * r * r + r + 1.0;
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32).wrapping_add(127) << 23;
    polynomial * f32::from_bits(power as u32)
}

#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x.clamp(-80.0, 80.0)))
}

/// Keras 2.2's: a straight line between 0 at -2.5 and 1 at 2.5.
#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn hard_sigmoid(x: f32) -> f32 {
    (0.2 * x + 0.5).clamp(0.0, 1.0)
}

#[allow(clippy::inline_always)]
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x.clamp(-40.0, 40.0)))
}

/// Compiles the body for each instruction set and picks the machine's.
macro_rules! for_each_machine {
    ($(#[$doc:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        $visible fn $name(machine: Machine, $($argument: $type),*) $(-> $result)? {
            #[allow(clippy::inline_always)]
            #[inline(always)]
            fn body($($argument: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $type),*) $(-> $result)? { body($($argument),*) }
            match machine {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the machine has AVX2.
                Machine::Avx2 => unsafe { avx2($($argument),*) },
                Machine::Plain => body($($argument),*),
            }
        }
    };
}

pub(super) use for_each_machine;

/// Sums and maxima side by side: the order of the additions is that of the lanes, whatever the registers are.
const LANES: usize = 16;

for_each_machine! {
    /// Of a row of logits: the first greatest one's number, its log-probability, and the entropy of their softmax.
    fn summary(row: &[f32]) -> (u32, f32, f32) {
        let (blocks, rest) = row.as_chunks::<LANES>();
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for block in blocks {
            for (most, &x) in lanes.iter_mut().zip(block) {
                *most = if x > *most { x } else { *most };
            }
        }
        let most = lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
        let (mut weights, mut moments) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        for block in blocks {
            for lane in 0..LANES {
                let x = block[lane] - most;
                let weight = exp(x.max(-80.0));
                weights[lane] += weight;
                moments[lane] += weight * x;
            }
        }
        let (mut weight, mut moment) = (weights.iter().sum::<f32>(), moments.iter().sum::<f32>());
        for &x in rest {
            let own = exp((x - most).max(-80.0));
            weight += own;
            moment += own * (x - most);
        }
        let log = weight.ln();
        let first = row.iter().position(|&x| x == most).unwrap_or(0);
        // With a logit of infinity the moment is no number: let it be seen.
        let entropy = log - moment / weight;
        (first as u32, -log, if entropy < 0.0 { 0.0 } else { entropy })
    }
}

/// Of a row of logits: the first greatest one's number, its log-probability, and the entropy of their softmax.
pub fn summarise_row(row: &[f32]) -> (u32, f32, f32) {
    summary(Machine::here(), row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hard_sigmoid_is_a_line_between_0_and_1() {
        let found = [-9.0, -2.5, -1.0, 0.0, 2.0, 2.5, 9.0].map(hard_sigmoid);
        for (found, expected) in found.into_iter().zip([0.0, 0.0, 0.3, 0.5, 0.9, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn the_activations_are_those_of_the_library_to_a_few_units() {
        for step in -4000..4000 {
            let x = step as f32 * 0.02;
            let exact = f64::from(x).exp();
            assert!(
                (f64::from(exp(x.clamp(-80.0, 80.0))) / f64::from(x.clamp(-80.0, 80.0)).exp() - 1.0).abs()
                    < 5e-7,
                "{x}"
            );
            let exact_sigmoid = 1.0 / (1.0 + 1.0 / exact);
            assert!((f64::from(sigmoid(x)) - exact_sigmoid).abs() < 2e-7, "{x}");
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7, "{x}");
        }
    }
}
