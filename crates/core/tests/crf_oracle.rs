//! The CRF against enumeration of all paths, and its properties on random inputs.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use medner_core::crf::{
    Constraints, EmissionBatch, Posterior, Potentials, SpanQuery, SpanReader, decode, log_partition,
    marginals, n_best, nll, nll_with_gradient,
};
use medner_core::metrics::TagScheme;
use proptest::prelude::*;

/// A single sentence and its parameters.
#[derive(Clone, Debug)]
struct Problem {
    k: usize,
    t: usize,
    emissions: Vec<f32>,
    start: Vec<f32>,
    end: Vec<f32>,
    transitions: Vec<f32>,
}

impl Problem {
    fn potentials(&self) -> Potentials {
        Potentials::new(&self.start, &self.end, &self.transitions, None).unwrap()
    }

    /// All paths with their scores, by adding up the definition.
    fn paths(&self) -> Vec<(Vec<u32>, f64)> {
        let k = self.k;
        let mut paths = vec![Vec::new()];
        for _ in 0..self.t {
            paths = paths
                .into_iter()
                .flat_map(|p: Vec<u32>| {
                    (0..k as u32).map(move |j| p.iter().copied().chain(std::iter::once(j)).collect())
                })
                .collect();
        }
        let score = |p: &[u32]| {
            let mut s = f64::from(self.start[p[0] as usize]) + f64::from(self.end[p[p.len() - 1] as usize]);
            for (t, &j) in p.iter().enumerate() {
                s += f64::from(self.emissions[t * k + j as usize]);
            }
            for w in p.windows(2) {
                s += f64::from(self.transitions[w[0] as usize * k + w[1] as usize]);
            }
            s
        };
        paths.into_iter().map(|p| (p.clone(), score(&p))).collect()
    }

    fn oracle(&self) -> Oracle {
        let paths = self.paths();
        let best = paths.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let log_z = best + paths.iter().map(|p| (p.1 - best).exp()).sum::<f64>().ln();
        Oracle { paths, log_z }
    }
}

struct Oracle {
    paths: Vec<(Vec<u32>, f64)>,
    log_z: f64,
}

impl Oracle {
    /// Probability of the paths for which `holds`.
    fn probability(&self, holds: impl Fn(&[u32]) -> bool) -> f64 {
        self.paths.iter().filter(|p| holds(&p.0)).map(|p| (p.1 - self.log_z).exp()).sum()
    }
}

fn problem(k: usize, t: usize, size: f32) -> impl Strategy<Value = Problem> {
    let scores = |n: usize| prop::collection::vec(-size..size, n);
    (scores(k * t), scores(k), scores(k), scores(k * k)).prop_map(
        move |(emissions, start, end, transitions)| Problem { k, t, emissions, start, end, transitions },
    )
}

fn small() -> impl Strategy<Value = Problem> {
    (1_usize..=4, 1_usize..=5, prop::sample::select(vec![1.0_f32, 10.0, 400.0, 10_000.0]))
        .prop_flat_map(|(k, t, size)| problem(k, t, size))
}

fn check_against_oracle(p: &Problem) {
    let (k, t) = (p.k, p.t);
    let oracle = p.oracle();
    let potentials = Arc::new(p.potentials());
    let lengths = [t];
    let batch = EmissionBatch::new(&p.emissions, &lengths, t, k).unwrap();

    let log_z = log_partition(&potentials, &batch).unwrap()[0];
    assert!((log_z - oracle.log_z).abs() <= 1e-9 * oracle.log_z.abs().max(1.0), "{log_z} {}", oracle.log_z);

    let gold: Vec<i64> = (0..t).map(|i| ((i * 7 + 3) % k) as i64).collect();
    let gold_path: Vec<u32> = gold.iter().map(|&x| x as u32).collect();
    let gold_score = oracle.paths.iter().find(|x| x.0 == gold_path).unwrap().1;
    let g = nll_with_gradient(&potentials, &batch, &gold, 1.0).unwrap();
    let loss = oracle.log_z - gold_score;
    // A forbidden gold path has infinite loss.
    assert!(g.nll[0] == loss || (g.nll[0] - loss).abs() <= 1e-9 * oracle.log_z.abs().max(1.0));
    assert_eq!(nll(&potentials, &batch, &gold).unwrap()[0], g.nll[0]);

    let unary = marginals(&potentials, &batch).unwrap();
    let posterior = Posterior::new(&potentials, &batch, 0).unwrap();
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    let is = |b: bool| f64::from(u8::from(b));
    for i in 0..t {
        for j in 0..k {
            let expected = oracle.probability(|y| y[i] as usize == j);
            near(f64::from(unary[i * k + j]), expected);
            near(posterior.unary(i)[j], expected);
            near(f64::from(g.emissions[i * k + j]), expected - is(gold[i] == j as i64));
        }
    }
    for j in 0..k {
        near(f64::from(g.start[j]), oracle.probability(|y| y[0] as usize == j) - is(gold[0] == j as i64));
        near(
            f64::from(g.end[j]),
            oracle.probability(|y| y[t - 1] as usize == j) - is(gold[t - 1] == j as i64),
        );
    }
    let mut expected = vec![0.0; k * k];
    for i in 1..t {
        let pairs = posterior.pairwise(i);
        for (place, pair) in pairs.iter().enumerate() {
            let p = oracle.probability(|y| y[i - 1] as usize * k + y[i] as usize == place);
            near(*pair, p);
            expected[place] += p - is(gold[i - 1] as usize * k + gold[i] as usize == place);
        }
    }
    for (found, expected) in g.transitions.iter().zip(&expected) {
        near(f64::from(*found), *expected);
    }

    let decoded = decode(&potentials, &batch).unwrap();
    let best = oracle.paths.iter().map(|x| x.1).fold(f64::NEG_INFINITY, f64::max);
    assert!((decoded.scores[0] - best).abs() < 1e-9 * best.abs().max(1.0));
    let own = oracle.paths.iter().find(|x| x.0 == decoded.sentence(0)).unwrap().1;
    assert!((own - best).abs() < 1e-9 * best.abs().max(1.0));
    assert!(decoded.scores[0] <= log_z + 1e-9 * log_z.abs().max(1.0));

    let mut ranked: Vec<f64> = oracle.paths.iter().map(|x| x.1).filter(|s| s.is_finite()).collect();
    ranked.sort_by(|a, b| b.total_cmp(a));
    for n in [1, 3, 7, 2000] {
        let list = &n_best(&potentials, &batch, n).unwrap()[0];
        assert_eq!(list.len(), n.min(ranked.len()));
        for (found, expected) in list.iter().zip(&ranked) {
            assert!((found.score - expected).abs() < 1e-9 * expected.abs().max(1.0));
            let own = oracle.paths.iter().find(|x| x.0 == found.tags).unwrap().1;
            assert!((own - found.score).abs() < 1e-9 * own.abs().max(1.0));
        }
        let distinct: std::collections::BTreeSet<_> = list.iter().map(|x| &x.tags).collect();
        assert_eq!(distinct.len(), list.len());
    }
    assert_eq!(n_best(&potentials, &batch, 1).unwrap()[0][0].score, decoded.scores[0]);

    let allowed: Vec<bool> = (0..k).map(|j| j % 2 == 0).collect();
    for start in 0..t {
        for end in start + 1..=t {
            let tags = &gold_path[start..end];
            let query = SpanQuery { start, tags, before: None, after: None };
            near(posterior.span(&query), oracle.probability(|y| &y[start..end] == tags));
            let query = SpanQuery { start, tags, before: Some(&allowed), after: Some(&allowed) };
            near(
                posterior.span(&query),
                oracle.probability(|y| {
                    &y[start..end] == tags
                        && (start == 0 || allowed[y[start - 1] as usize])
                        && (end == t || allowed[y[end] as usize])
                }),
            );
        }
    }
    let past_the_end = SpanQuery { start: t, tags: &[0], before: None, after: None };
    assert_eq!(posterior.span(&past_the_end), 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_quantities_are_those_of_the_enumeration(p in small()) {
        check_against_oracle(&p);
    }

    #[test]
    fn strongly_forbidden_moves(mut p in small(), places in prop::collection::vec(0_usize..16, 1..8), hard in any::<bool>()) {
        // Staying on tag 0 stays allowed, so that one path is left.
        let n = p.transitions.len();
        for place in places {
            if place % n != 0 {
                p.transitions[place % n] = if hard { f32::NEG_INFINITY } else { -1e4 };
            }
        }
        check_against_oracle(&p);
    }

    #[test]
    fn gradient_is_the_slope_of_the_loss(p in problem(4, 5, 2.0)) {
        let gold = [0_i64, 3, 1, 2, 2];
        let loss = |p: &Problem| {
            let batch = EmissionBatch::new(&p.emissions, &[5], 5, 4).unwrap();
            nll(&p.potentials(), &batch, &gold).unwrap()[0]
        };
        let batch = EmissionBatch::new(&p.emissions, &[5], 5, 4).unwrap();
        let g = nll_with_gradient(&p.potentials(), &batch, &gold, 1.0).unwrap();
        // A step that is exact in f32 where the value is: the difference actually taken is used.
        let slope = |field: fn(&mut Problem) -> &mut Vec<f32>, i: usize| {
            let (mut up, mut down) = (p.clone(), p.clone());
            field(&mut up)[i] += 1e-3;
            field(&mut down)[i] -= 1e-3;
            let step = f64::from(field(&mut up)[i]) - f64::from(field(&mut down)[i]);
            (loss(&up) - loss(&down)) / step
        };
        for (i, &found) in g.emissions.iter().enumerate() {
            prop_assert!((f64::from(found) - slope(|p| &mut p.emissions, i)).abs() < 1e-5);
        }
        for (i, &found) in g.transitions.iter().enumerate() {
            prop_assert!((f64::from(found) - slope(|p| &mut p.transitions, i)).abs() < 1e-5);
        }
        for i in 0..4 {
            prop_assert!((f64::from(g.start[i]) - slope(|p| &mut p.start, i)).abs() < 1e-5);
            prop_assert!((f64::from(g.end[i]) - slope(|p| &mut p.end, i)).abs() < 1e-5);
        }
    }

    #[test]
    fn larger_sentences_keep_the_laws(
        (p, n) in (5_usize..40, 1_usize..120, prop::sample::select(vec![0.1_f32, 3.0, 100.0]))
            .prop_flat_map(|(k, t, size)| (problem(k, t, size), 1_usize..6)),
    ) {
        let potentials = p.potentials();
        let batch = EmissionBatch::new(&p.emissions, std::slice::from_ref(&p.t), p.t, p.k).unwrap();
        for row in marginals(&potentials, &batch).unwrap().chunks(p.k) {
            prop_assert!((row.iter().map(|&x| f64::from(x)).sum::<f64>() - 1.0).abs() < 1e-5);
            prop_assert!(row.iter().all(|&x| x >= 0.0));
        }
        let log_z = log_partition(&potentials, &batch).unwrap()[0];
        let decoded = decode(&potentials, &batch).unwrap();
        prop_assert!(decoded.scores[0] <= log_z + 1e-9 * log_z.abs());
        let path = decoded.sentence(0);
        let own = potentials.score(&p.emissions, path.iter().map(|&x| x as usize));
        prop_assert!((own - decoded.scores[0]).abs() < 1e-6 * own.abs().max(1.0));
        let list = &n_best(&potentials, &batch, n).unwrap()[0];
        prop_assert!(list.windows(2).all(|w| w[0].score >= w[1].score && w[0].tags != w[1].tags));
        prop_assert_eq!(&list[0].tags, path);
    }

    #[test]
    fn constrained_paths_are_legal(
        p in problem(9, 12, 5.0),
        scheme in prop::sample::select(vec![TagScheme::Bio, TagScheme::Bioes, TagScheme::Bmes]),
    ) {
        let labels = ["a".to_owned(), "b".to_owned(), "c".to_owned(), "d".to_owned()];
        let count = if scheme == TagScheme::Bio { 4 } else { 2 };
        let tags = scheme.tags(&labels[..count]);
        prop_assert_eq!(tags.len(), 9);
        let constraints = Constraints::of_scheme(scheme, &tags).unwrap();
        let potentials = Arc::new(Potentials::new(&p.start, &p.end, &p.transitions, Some(&constraints)).unwrap());
        let batch = EmissionBatch::new(&p.emissions, &[12], 12, 9).unwrap();
        let decoded = decode(&potentials, &batch).unwrap();
        prop_assert!(constraints.allow(decoded.sentence(0)));
        let names: Vec<&str> = decoded.sentence(0).iter().map(|&i| tags[i as usize].as_str()).collect();
        prop_assert!(scheme.decode(&names).is_ok());
        for path in &n_best(&potentials, &batch, 20).unwrap()[0] {
            prop_assert!(constraints.allow(&path.tags));
        }
        // What is not allowed has probability exactly 0.
        let posterior = Posterior::new(&potentials, &batch, 0).unwrap();
        for (pair, &legal) in posterior.pairwise(5).iter().zip(&constraints.transitions) {
            prop_assert!(legal || *pair == 0.0);
        }
        // A legal gold path has a finite loss, an illegal one an infinite one.
        let legal = vec![0_i64; 12];
        prop_assert!(nll(&potentials, &batch, &legal).unwrap()[0].is_finite());
        let mut illegal = legal;
        illegal[3] = 2;
        prop_assert_eq!(nll(&potentials, &batch, &illegal).unwrap()[0], f64::INFINITY);
    }

    #[test]
    fn entities_have_the_probability_of_being_read(p in problem(3, 5, 1.5)) {
        let tags = ["O", "B-a", "I-a"];
        let reader = SpanReader::new(TagScheme::Bio, &tags).unwrap();
        let potentials = Arc::new(p.potentials());
        let batch = EmissionBatch::new(&p.emissions, &[5], 5, 3).unwrap();
        let posterior = Posterior::new(&potentials, &batch, 0).unwrap();
        let oracle = p.oracle();
        let read = |y: &[u32]| {
            let names: Vec<&str> = y.iter().map(|&i| tags[i as usize]).collect();
            TagScheme::Bio.decode_lenient(&names)
        };
        for start in 0..5 {
            for end in start + 1..=5 {
                for first in [1_u32, 2] {
                    let mut path = vec![2; end - start];
                    path[0] = first;
                    let expected = oracle.probability(|y| {
                        y[start..end] == path && read(y).iter().any(|s| (s.start, s.end) == (start, end))
                    });
                    let found = reader.probability(&posterior, start, &path);
                    prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
                }
            }
        }
    }
}

/// Sentences of a batch do not influence each other, padding is not read, and the batch's width does not matter.
#[test]
fn padding_is_never_read() {
    let (k, lengths) = (5, [3_usize, 0, 7, 1]);
    let value = |b: usize, t: usize, j: usize| ((b * 37 + t * 11 + j * 5) % 17) as f32 * 0.25 - 2.0;
    let start: Vec<f32> = (0..k).map(|j| j as f32 * 0.1).collect();
    let end: Vec<f32> = (0..k).map(|j| j as f32 * -0.2).collect();
    let transitions: Vec<f32> = (0..k * k).map(|x| (x % 7) as f32 * 0.3 - 1.0).collect();
    let potentials = Potentials::new(&start, &end, &transitions, None).unwrap();
    let run = |steps: usize, pad: f32| {
        let mut emissions = vec![pad; lengths.len() * steps * k];
        let mut tags = vec![-100_i64; lengths.len() * steps];
        for (b, &length) in lengths.iter().enumerate() {
            for t in 0..length {
                tags[b * steps + t] = ((b + t) % k) as i64;
                for j in 0..k {
                    emissions[(b * steps + t) * k + j] = value(b, t, j);
                }
            }
        }
        let batch = EmissionBatch::new(&emissions, &lengths, steps, k).unwrap();
        let g = nll_with_gradient(&potentials, &batch, &tags, 0.5).unwrap();
        let decoded = decode(&potentials, &batch).unwrap();
        let paths: Vec<Vec<u32>> = decoded.iter().map(<[u32]>::to_vec).collect();
        for (b, &length) in lengths.iter().enumerate() {
            let rest = &g.emissions[(b * steps + length) * k..(b + 1) * steps * k];
            assert!(rest.iter().all(|&x| x == 0.0));
        }
        (g.nll, g.start, g.end, g.transitions, decoded.scores, paths)
    };
    let narrow = run(7, 0.0);
    assert_eq!(narrow, run(8, 1e9));
    assert_eq!(narrow, run(64, f32::NAN));
    assert_eq!((narrow.0[1], narrow.4[1], narrow.5[1].len()), (0.0, 0.0, 0));
    assert_eq!(narrow.5.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
}

/// A batch large enough for several threads gives the same bits as its sentences one by one.
#[test]
fn threads_do_not_change_results() {
    let (b, t, k) = (70, 30, 11);
    let emissions: Vec<f32> = (0..b * t * k).map(|i| ((i * 7919) % 1000) as f32 * 0.01 - 5.0).collect();
    let tags: Vec<i64> = (0..b * t).map(|i| ((i * 13) % k) as i64).collect();
    let lengths: Vec<usize> = (0..b).map(|i| i % (t + 1)).collect();
    let transitions: Vec<f32> = (0..k * k).map(|i| ((i * 31) % 10) as f32 * 0.1).collect();
    let potentials = Potentials::new(&vec![0.1; k], &vec![0.2; k], &transitions, None).unwrap();
    let batch = EmissionBatch::new(&emissions, &lengths, t, k).unwrap();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let g = nll_with_gradient(&potentials, &batch, &tags, 1.0).unwrap();
            (g.nll, g.emissions, g.transitions, decode(&potentials, &batch).unwrap())
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
    for (sentence, &length) in lengths.iter().enumerate() {
        let single =
            EmissionBatch::new(batch.sentence(sentence), &lengths[sentence..=sentence], length, k).unwrap();
        assert_eq!(decode(&potentials, &single).unwrap().sentence(0), one.3.sentence(sentence));
        let loss = nll(&potentials, &single, &tags[sentence * t..sentence * t + length]).unwrap()[0];
        assert_eq!(loss, one.0[sentence]);
    }
}

/// Emissions that are not finite end in a loss that is not finite, never in a hang or a panic.
#[test]
fn damaged_emissions_are_visible() {
    let potentials = Potentials::new(&[0.0; 3], &[0.0; 3], &[0.0; 9], None).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        for place in 0..12 {
            let mut emissions = [0.5_f32; 12];
            emissions[place] = bad;
            let batch = EmissionBatch::new(&emissions, &[4], 4, 3).unwrap();
            let g = nll_with_gradient(&potentials, &batch, &[0, 1, 2, 0], 1.0).unwrap();
            assert!(!g.nll[0].is_finite(), "{bad} at {place}: {}", g.nll[0]);
            let decoded = decode(&potentials, &batch).unwrap();
            assert!(decoded.scores[0].is_nan() && decoded.sentence(0).len() == 4);
        }
    }
    let damaged = Potentials::new(&[0.0; 3], &[0.0, f32::NAN, 0.0], &[0.0; 9], None).unwrap();
    let batch = EmissionBatch::new(&[0.5; 12], &[4], 4, 3).unwrap();
    assert!(nll(&damaged, &batch, &[0, 0, 0, 0]).unwrap()[0].is_nan());
    assert!(decode(&damaged, &batch).unwrap().scores[0].is_nan());
    // A score of -inf forbids a tag; where all are forbidden no path is left.
    let mut emissions = [0.5_f32; 12];
    emissions[4] = f32::NEG_INFINITY;
    let batch = EmissionBatch::new(&emissions, &[4], 4, 3).unwrap();
    let g = nll_with_gradient(&potentials, &batch, &[0, 0, 0, 0], 1.0).unwrap();
    assert!((g.nll[0] - (3.0_f64.powi(3) * 2.0).ln()).abs() < 1e-12);
    assert_eq!(g.emissions[4], 0.0);
    emissions[3..6].fill(f32::NEG_INFINITY);
    let batch = EmissionBatch::new(&emissions, &[4], 4, 3).unwrap();
    assert!(!nll(&potentials, &batch, &[0, 0, 0, 0]).unwrap()[0].is_finite());
    assert_eq!(decode(&potentials, &batch).unwrap().scores[0], f64::NEG_INFINITY);
    assert!(n_best(&potentials, &batch, 3).unwrap()[0].is_empty());
}
