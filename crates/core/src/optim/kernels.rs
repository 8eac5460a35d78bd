//! The rules as one pass over slices: each value of the parameters, gradients and moments is read once and written once.
//!
//! The work is cut into chunks of fixed size, so the result does not depend on the number of threads. The chunks are
//! compiled twice, once for AVX2: wider registers, the same operations in the same order (no fused multiply-add), the
//! same bits.

use rayon::prelude::*;

use super::config::Rule;

/// Values in a chunk: 64 KiB of each slice.
pub(crate) const CHUNK: usize = 1 << 14;

/// Below this many values threads cost more than they give.
pub(crate) const PARALLEL: usize = 1 << 16;

/// A rule with everything worked out that is the same for all values of a parameter at a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Update {
    Sgd { lr: f32, l2: f32 },
    Momentum { lr: f32, l2: f32, keep: f32, enter: f32, nesterov: bool },
    Adam { shrink: f32, l2: f32, w1: f32, b2: f32, w2: f32, size: f32, epsilon: f32 },
    AmsGrad { shrink: f32, l2: f32, w1: f32, b2: f32, w2: f32, size: f32, epsilon: f32 },
    AdaGrad { l2: f32, lr: f32, epsilon: f32 },
    RmsProp { l2: f32, lr: f32, alpha: f32, w: f32, epsilon: f32, momentum: f32, centered: bool },
    RAdamWarm { shrink: f32, l2: f32, w1: f32, b2: f32, w2: f32, size: f32 },
    Lookahead { alpha: f32 },
}

impl Update {
    /// The update of step `step` (from 1) with this learning rate and weight decay.
    pub fn new(rule: &Rule, step: u64, lr: f64, decay: f64) -> Self {
        let t = step as f64;
        let f = |x: f64| x as f32;
        match *rule {
            Rule::Sgd(sgd) if sgd.momentum == 0.0 => Self::Sgd { lr: f(lr), l2: f(decay) },
            Rule::Sgd(sgd) => Self::Momentum {
                lr: f(lr),
                l2: f(decay),
                keep: f(sgd.momentum),
                // PyTorch's first step takes the whole gradient.
                enter: if step == 1 { 1.0 } else { f(1.0 - sgd.dampening) },
                nesterov: sgd.nesterov,
            },
            Rule::Adam(adam) | Rule::AdamW(adam) => {
                let decoupled = matches!(rule, Rule::AdamW(_));
                let (c1, c2) = (1.0 - adam.beta1.powf(t), (1.0 - adam.beta2.powf(t)).sqrt());
                // lr / c1 * m / (sqrt(v) / c2 + epsilon), with one division a value.
                let size = f(lr / c1 * c2);
                let (shrink, l2) = decays(decoupled, lr, decay);
                let (w1, b2, w2) = (f(1.0 - adam.beta1), f(adam.beta2), f(1.0 - adam.beta2));
                let epsilon = f(adam.epsilon * c2);
                if adam.amsgrad {
                    Self::AmsGrad { shrink, l2, w1, b2, w2, size, epsilon }
                } else {
                    Self::Adam { shrink, l2, w1, b2, w2, size, epsilon }
                }
            }
            Rule::AdaGrad(adagrad) => Self::AdaGrad {
                l2: f(decay),
                lr: f(lr / (1.0 + (t - 1.0) * adagrad.lr_decay)),
                epsilon: f(adagrad.epsilon),
            },
            Rule::RmsProp(rms) => Self::RmsProp {
                l2: f(decay),
                lr: f(lr),
                alpha: f(rms.alpha),
                w: f(1.0 - rms.alpha),
                epsilon: f(rms.epsilon),
                momentum: f(rms.momentum),
                centered: rms.centered,
            },
            Rule::RAdam(radam) => {
                let (shrink, l2) = decays(radam.decoupled_weight_decay, lr, decay);
                let (w1, b2, w2) = (f(1.0 - radam.beta1), f(radam.beta2), f(1.0 - radam.beta2));
                let (c1, power) = (1.0 - radam.beta1.powf(t), radam.beta2.powf(t));
                let c2 = 1.0 - power;
                let most = 2.0 / (1.0 - radam.beta2) - 1.0;
                let length = most - 2.0 * t * power / c2;
                if length > 5.0 {
                    let rectification = ((length - 4.0) * (length - 2.0) * most
                        / ((most - 4.0) * (most - 2.0) * length))
                        .sqrt();
                    let size = f(lr * rectification * c2.sqrt() / c1);
                    Self::Adam { shrink, l2, w1, b2, w2, size, epsilon: f(radam.epsilon) }
                } else {
                    Self::RAdamWarm { shrink, l2, w1, b2, w2, size: f(lr / c1) }
                }
            }
        }
    }
}

/// `(factor of the parameter, factor of the parameter in the gradient)`.
fn decays(decoupled: bool, lr: f64, decay: f64) -> (f32, f32) {
    if decoupled { ((1.0 - lr * decay) as f32, 0.0) } else { (1.0, decay as f32) }
}

/// A stretch of values with the same update.
pub(super) struct Stretch<'a> {
    pub update: Update,
    pub values: &'a mut [f32],
    pub gradients: &'a [f32],
    /// The rule's moments; empty slices where it has fewer than three.
    pub moments: [&'a mut [f32]; 3],
}

/// Applies every stretch's update.
pub(super) fn apply(stretches: Vec<Stretch<'_>>) {
    let total: usize = stretches.iter().map(|s| s.values.len()).sum();
    if total < PARALLEL {
        stretches.into_iter().for_each(dispatch);
    } else {
        stretches.into_iter().flat_map(cut).collect::<Vec<_>>().into_par_iter().for_each(dispatch);
    }
}

fn cut(stretch: Stretch<'_>) -> impl Iterator<Item = Stretch<'_>> {
    let Stretch { update, values, gradients, moments } = stretch;
    let [mut a, mut b, mut c] = moments.map(|m| m.chunks_mut(CHUNK));
    let both = values.chunks_mut(CHUNK).zip(gradients.chunks(CHUNK));
    both.map(move |(values, gradients)| {
        let moments = [&mut a, &mut b, &mut c].map(|m| m.next().unwrap_or_default());
        Stretch { update, values, gradients, moments }
    })
}

fn dispatch(stretch: Stretch<'_>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { update_avx2(stretch) };
        return;
    }
    update(stretch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn update_avx2(stretch: Stretch<'_>) {
    update(stretch);
}

// Inlined so that the caller's instruction set applies to the loops.
#[allow(clippy::inline_always)]
#[inline(always)]
fn update(stretch: Stretch<'_>) {
    let Stretch { update, values, gradients, moments: [first, second, third] } = stretch;
    let both = values.iter_mut().zip(gradients);
    match update {
        Update::Sgd { lr, l2 } => {
            for (p, &g) in both {
                *p -= lr * (g + l2 * *p);
            }
        }
        Update::Momentum { lr, l2, keep, enter, nesterov } => {
            let carry = if nesterov { keep } else { 1.0 };
            let direct = if nesterov { 1.0 } else { 0.0 };
            for ((p, &g), m) in both.zip(first) {
                let g = g + l2 * *p;
                *m = keep * *m + enter * g;
                *p -= lr * (direct * g + carry * *m);
            }
        }
        Update::Adam { shrink, l2, w1, b2, w2, size, epsilon } => {
            for (((p, &g), m), v) in both.zip(first).zip(second) {
                let g = g + l2 * *p;
                *m += w1 * (g - *m);
                *v = b2 * *v + w2 * g * g;
                *p = shrink * *p - size * *m / (v.sqrt() + epsilon);
            }
        }
        Update::AmsGrad { shrink, l2, w1, b2, w2, size, epsilon } => {
            for ((((p, &g), m), v), top) in both.zip(first).zip(second).zip(third) {
                let g = g + l2 * *p;
                *m += w1 * (g - *m);
                *v = b2 * *v + w2 * g * g;
                *top = if *v > *top { *v } else { *top };
                *p = shrink * *p - size * *m / (top.sqrt() + epsilon);
            }
        }
        Update::AdaGrad { l2, lr, epsilon } => {
            for ((p, &g), sum) in both.zip(first) {
                let g = g + l2 * *p;
                *sum += g * g;
                *p -= lr * g / (sum.sqrt() + epsilon);
            }
        }
        Update::RmsProp { l2, lr, alpha, w, epsilon, momentum, centered } => {
            // Which of the two optional moments exist decides where they lie; four loops keep each one free of tests.
            match (centered, momentum > 0.0) {
                (false, false) => {
                    for ((p, &g), v) in both.zip(first) {
                        let g = g + l2 * *p;
                        *v = alpha * *v + w * g * g;
                        *p -= lr * g / (v.sqrt() + epsilon);
                    }
                }
                (true, false) => {
                    for (((p, &g), v), mean) in both.zip(first).zip(second) {
                        let g = g + l2 * *p;
                        *v = alpha * *v + w * g * g;
                        *mean += w * (g - *mean);
                        *p -= lr * g / ((*v - *mean * *mean).sqrt() + epsilon);
                    }
                }
                (false, true) => {
                    for (((p, &g), v), m) in both.zip(first).zip(second) {
                        let g = g + l2 * *p;
                        *v = alpha * *v + w * g * g;
                        *m = momentum * *m + g / (v.sqrt() + epsilon);
                        *p -= lr * *m;
                    }
                }
                (true, true) => {
                    for ((((p, &g), v), mean), m) in both.zip(first).zip(second).zip(third) {
                        let g = g + l2 * *p;
                        *v = alpha * *v + w * g * g;
                        *mean += w * (g - *mean);
                        *m = momentum * *m + g / ((*v - *mean * *mean).sqrt() + epsilon);
                        *p -= lr * *m;
                    }
                }
            }
        }
        Update::RAdamWarm { shrink, l2, w1, b2, w2, size } => {
            for (((p, &g), m), v) in both.zip(first).zip(second) {
                let g = g + l2 * *p;
                *m += w1 * (g - *m);
                *v = b2 * *v + w2 * g * g;
                *p = shrink * *p - size * *m;
            }
        }
        Update::Lookahead { alpha } => {
            for (p, slow) in values.iter_mut().zip(first) {
                *slow += alpha * (*p - *slow);
                *p = *slow;
            }
        }
    }
}
