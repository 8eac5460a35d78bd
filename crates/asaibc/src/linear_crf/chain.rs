//! A linear chain in `f64`: marginals and the best path.
//!
//! With `E[t, k]` the score of label `k` at position `t` and `A[i, j]` that of the move from `i` to `j`, a path scores the sum of
//! both, and `Z` is the sum of the exponentials of all paths' scores. Marginals are computed with scaled probabilities: the forward
//! vector of each position is divided by its sum, and the logarithms of the sums are added up. Where a sum is 0 or not finite
//! (scores hundreds apart), the sentence is computed again in the log domain, which is slower and safe for all finite scores.

use medner_metrics::LegalTransitions;

/// The moves of a chain with `K` labels.
pub(super) struct Chain {
    tags: usize,
    /// `A`, `[K, K]`.
    moves: Vec<f64>,
    /// `exp(A - greatest)`.
    factors: Vec<f64>,
    /// The greatest of `A`.
    greatest: f64,
}

/// One thread's memory.
#[derive(Default)]
pub(super) struct Scratch {
    /// Forward vectors, `[T, K]`, each of sum 1.
    forward: Vec<f64>,
    /// `exp(E - greatest of the position)`, `[T, K]`.
    local: Vec<f64>,
    /// Sums that the forward vectors were divided by, `[T]`.
    sums: Vec<f64>,
    backward: Vec<f64>,
    after: Vec<f64>,
    pairs: Vec<f64>,
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    greatest + values.map(|x| (x - greatest).exp()).sum::<f64>().ln()
}

impl Chain {
    /// `moves`: `[K, K]`, row by row from the label before.
    pub(super) fn new(tags: usize, moves: &[f64]) -> Self {
        assert_eq!(moves.len(), tags * tags, "a score for each pair of labels");
        let greatest = moves.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self {
            tags,
            moves: moves.to_vec(),
            factors: moves.iter().map(|x| (x - greatest).exp()).collect(),
            greatest,
        }
    }

    /// Returns `log Z`, writes the labels' marginals `[T, K]`, and adds the expected number of each move to `pairs` `[K, K]`.
    pub(super) fn marginals(
        &self,
        scores: &[f64],
        marginals: &mut [f64],
        pairs: &mut [f64],
        scratch: &mut Scratch,
    ) -> f64 {
        self.scaled(scores, marginals, pairs, scratch)
            .unwrap_or_else(|| self.in_logs(scores, marginals, pairs))
    }

    /// Nothing where the scaled numbers leave the range of `f64`; then nothing is added to `pairs`.
    fn scaled(
        &self,
        scores: &[f64],
        marginals: &mut [f64],
        pairs: &mut [f64],
        scratch: &mut Scratch,
    ) -> Option<f64> {
        let k = self.tags;
        let steps = scores.len() / k;
        let Scratch { forward, local, sums, backward, after, pairs: expected } = scratch;
        forward.clear();
        forward.resize(steps * k, 0.0);
        local.resize(steps * k, 0.0);
        sums.clear();
        let mut log_z = 0.0;
        for t in 0..steps {
            let here = t * k..(t + 1) * k;
            let greatest = scores[here.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for (factor, score) in local[here.clone()].iter_mut().zip(&scores[here.clone()]) {
                *factor = (score - greatest).exp();
            }
            let (before, now) = forward.split_at_mut(t * k);
            let now = &mut now[..k];
            if t == 0 {
                now.copy_from_slice(&local[here]);
            } else {
                for (weight, row) in before[(t - 1) * k..].iter().zip(self.factors.chunks_exact(k)) {
                    for (sum, factor) in now.iter_mut().zip(row) {
                        *sum += weight * factor;
                    }
                }
                for (sum, factor) in now.iter_mut().zip(&local[here]) {
                    *sum *= factor;
                }
                log_z += self.greatest;
            }
            let sum: f64 = now.iter().sum();
            // Below the normal numbers precision is lost before the sum is 0.
            if !sum.is_normal() {
                return None;
            }
            for x in &mut *now {
                *x /= sum;
            }
            sums.push(sum);
            log_z += sum.ln() + greatest;
        }
        expected.clear();
        expected.resize(k * k, 0.0);
        backward.clear();
        backward.resize(k, 1.0);
        after.resize(k, 0.0);
        for t in (0..steps).rev() {
            let here = t * k..(t + 1) * k;
            let now = &forward[here.clone()];
            for ((marginal, forward), backward) in
                marginals[here.clone()].iter_mut().zip(now).zip(backward.iter())
            {
                *marginal = forward * backward;
            }
            if t == 0 {
                break;
            }
            for ((after, factor), backward) in after.iter_mut().zip(&local[here]).zip(backward.iter()) {
                *after = factor * backward / sums[t];
            }
            let before = &forward[(t - 1) * k..t * k];
            for (i, weight) in before.iter().enumerate() {
                let mut sum = 0.0;
                for ((expected, factor), after) in
                    expected[i * k..(i + 1) * k].iter_mut().zip(&self.factors[i * k..]).zip(after.iter())
                {
                    *expected += weight * after;
                    sum += factor * after;
                }
                backward[i] = sum;
            }
            if !backward.iter().all(|x| x.is_finite()) {
                return None;
            }
        }
        for ((pairs, expected), factor) in pairs.iter_mut().zip(expected.iter()).zip(&self.factors) {
            *pairs += expected * factor;
        }
        Some(log_z)
    }

    /// The same in the log domain.
    fn in_logs(&self, scores: &[f64], marginals: &mut [f64], pairs: &mut [f64]) -> f64 {
        let k = self.tags;
        let steps = scores.len() / k;
        let mut forward = scores.to_vec();
        for t in 1..steps {
            for j in 0..k {
                let before = &forward[(t - 1) * k..t * k];
                forward[t * k + j] += log_sum_exp((0..k).map(|i| before[i] + self.moves[i * k + j]));
            }
        }
        let log_z = log_sum_exp(forward[(steps - 1) * k..].iter().copied());
        let mut backward = vec![0.0; k];
        for t in (0..steps).rev() {
            for i in 0..k {
                marginals[t * k + i] = (forward[t * k + i] + backward[i] - log_z).exp();
            }
            if t == 0 {
                break;
            }
            let after: Vec<f64> = (0..k).map(|j| scores[t * k + j] + backward[j]).collect();
            for i in 0..k {
                let row = &self.moves[i * k..(i + 1) * k];
                let start = forward[(t - 1) * k + i];
                for j in 0..k {
                    pairs[i * k + j] += (start + row[j] + after[j] - log_z).exp();
                }
                backward[i] = log_sum_exp(row.iter().zip(&after).map(|(a, b)| a + b));
            }
        }
        log_z
    }

    /// The score of one path.
    pub(super) fn path_score(&self, scores: &[f64], path: &[u16]) -> f64 {
        let k = self.tags;
        let local: f64 = path.iter().enumerate().map(|(t, &i)| scores[t * k + i as usize]).sum();
        let moves: f64 =
            path.windows(2).map(|pair| self.moves[pair[0] as usize * k + pair[1] as usize]).sum();
        local + moves
    }

    /// The best path, of equally good ones that with the smaller labels at its end; of all paths, or of those that `legal` allows.
    pub(super) fn best_path(&self, scores: &[f64], legal: Option<&LegalTransitions>) -> Vec<u16> {
        let k = self.tags;
        let steps = scores.len() / k;
        if steps == 0 {
            return Vec::new();
        }
        let allowed = |score: f64, allowed: bool| if allowed { score } else { f64::NEG_INFINITY };
        let mut best: Vec<f64> =
            (0..k).map(|j| allowed(scores[j], legal.is_none_or(|l| l.start[j]))).collect();
        let mut from = vec![0_u16; steps * k];
        for t in 1..steps {
            let mut next = vec![f64::NEG_INFINITY; k];
            for j in 0..k {
                for (i, before) in best.iter().enumerate() {
                    let score = allowed(before + self.moves[i * k + j], legal.is_none_or(|l| l.allows(i, j)));
                    if score > next[j] {
                        next[j] = score;
                        from[t * k + j] = i as u16;
                    }
                }
                next[j] += scores[t * k + j];
            }
            best = next;
        }
        let mut last = 0;
        let mut greatest = f64::NEG_INFINITY;
        for (j, score) in best.iter().enumerate() {
            let score = allowed(*score, legal.is_none_or(|l| l.end[j]));
            if score > greatest {
                (last, greatest) = (j, score);
            }
        }
        let mut path = vec![last as u16; steps];
        for t in (1..steps).rev() {
            path[t - 1] = from[t * k + path[t] as usize];
        }
        path
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_metrics::{LabelSet, TagScheme};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn draw(rng: &mut ChaCha8Rng, n: usize, width: f64) -> Vec<f64> {
        (0..n).map(|_| rng.random_range(-width..width)).collect()
    }

    /// Every path of `T` positions and `K` labels.
    fn paths(k: usize, steps: usize) -> impl Iterator<Item = Vec<u16>> {
        (0..k.pow(steps as u32))
            .map(move |code| (0..steps).map(|t| (code / k.pow(t as u32) % k) as u16).collect())
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{a} for {b}");
    }

    /// All paths, one by one, are the oracle; for small scores and for scores that leave the range of scaled numbers.
    #[test]
    fn marginals_are_those_of_all_paths() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (k, steps) in [(1, 1), (1, 4), (2, 1), (3, 2), (4, 5), (3, 6)] {
            for width in [0.5, 5.0, 900.0] {
                let (scores, moves) = (draw(&mut rng, steps * k, width), draw(&mut rng, k * k, width));
                let chain = Chain::new(k, &moves);
                let all: Vec<(Vec<u16>, f64)> =
                    paths(k, steps).map(|p| (p.clone(), chain.path_score(&scores, &p))).collect();
                let log_z = log_sum_exp(all.iter().map(|(_, score)| *score));
                let mut expected = (vec![0.0; steps * k], vec![0.0; k * k]);
                for (path, score) in &all {
                    let p = (score - log_z).exp();
                    for (t, &i) in path.iter().enumerate() {
                        expected.0[t * k + i as usize] += p;
                    }
                    for pair in path.windows(2) {
                        expected.1[pair[0] as usize * k + pair[1] as usize] += p;
                    }
                }
                let mut found = (vec![0.0; steps * k], vec![0.0; k * k]);
                close(chain.marginals(&scores, &mut found.0, &mut found.1, &mut Scratch::default()), log_z);
                let mut logs = (vec![0.0; steps * k], vec![0.0; k * k]);
                close(chain.in_logs(&scores, &mut logs.0, &mut logs.1), log_z);
                for (a, b) in [(&found.0, &expected.0), (&found.1, &expected.1)] {
                    a.iter().zip(b).for_each(|(a, b)| close(*a, *b));
                }
                for (a, b) in [(&logs.0, &expected.0), (&logs.1, &expected.1)] {
                    a.iter().zip(b).for_each(|(a, b)| close(*a, *b));
                }
                let best = chain.path_score(&scores, &chain.best_path(&scores, None));
                close(best, all.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }

    #[test]
    fn the_log_domain_takes_over_where_scaled_numbers_vanish() {
        // The only good label of the second position is reached by a move of e^-2000 against the others.
        let chain = Chain::new(2, &[0.0, -2000.0, 0.0, -2000.0]);
        let scores = [0.0, 0.0, -3000.0, 0.0];
        let mut work = (vec![0.0; 4], vec![0.0; 4], Scratch::default());
        assert!(chain.scaled(&scores, &mut work.0, &mut work.1, &mut work.2).is_none());
        assert_eq!(work.1, [0.0; 4]);
        close(chain.marginals(&scores, &mut work.0, &mut work.1, &mut work.2), -2000.0 + 2.0_f64.ln());
        work.1.iter().zip([0.0, 0.5, 0.0, 0.5]).for_each(|(found, expected)| close(*found, expected));
    }

    #[test]
    fn a_constrained_path_is_the_best_of_the_legal_ones() {
        let labels = LabelSet::new(TagScheme::Bio, ["X", "Y"]).unwrap();
        let (legal, k) = (labels.legal_transitions(), labels.len());
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..20 {
            let (scores, moves) = (draw(&mut rng, 4 * k, 3.0), draw(&mut rng, k * k, 3.0));
            let chain = Chain::new(k, &moves);
            let is_legal = |p: &[u16]| {
                legal.start[p[0] as usize] && p.windows(2).all(|w| legal.allows(w[0] as usize, w[1] as usize))
            };
            let best = paths(k, 4)
                .filter(|p| is_legal(p))
                .map(|p| chain.path_score(&scores, &p))
                .fold(f64::NEG_INFINITY, f64::max);
            let path = chain.best_path(&scores, Some(&legal));
            assert!(is_legal(&path), "{path:?}");
            close(chain.path_score(&scores, &path), best);
        }
        assert!(Chain::new(k, &vec![0.0; k * k]).best_path(&[], Some(&legal)).is_empty());
    }
}
