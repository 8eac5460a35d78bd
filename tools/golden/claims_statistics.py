#!/usr/bin/env python3
"""Makes crates/report/tests/golden/claims_statistics.json: Holm's correction, Student quantiles, t-tests with their
intervals and the F test of two variances, as SciPy computes them.

Made with Python 3.11, SciPy 1.17.1, numpy 2.4.6. Run: python tools/golden/claims_statistics.py

- Holm: SciPy has no Holm, so it is written down from its definition (Holm 1979) in the slow way: reject the smallest p
  while it is at most level / (number of p values left), and find each p's smallest rejecting level by trying the levels
  at which anything can change.
- contrasts: [difference, low, high, p] of scipy.stats.ttest_rel, ttest_ind(equal_var=False), ttest_1samp with
  confidence_interval(0.95); F: variance ratio and 2 min(cdf, sf) of scipy.stats.f.
- randomisation: two systems, a few runs each, ten units; a unit's counts summed over the runs change sides together. p is
  exact: scipy.stats.permutation_test with permutation_type="samples" goes through all 2^10 swaps.
"""

import json
import pathlib

import numpy as np
from scipy import stats

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/report/tests/golden/claims_statistics.json"


def rejected(p, level):
    """Indices that Holm's procedure rejects at this level."""
    left = sorted(range(len(p)), key=lambda i: p[i])
    out = set()
    while left and p[left[0]] <= level / len(left):
        out.add(left.pop(0))
    return out


def holm(p):
    levels = sorted({min(1.0, k * x) for x in p for k in range(1, len(p) + 1)} | {1.0})
    adjusted = []
    for i in range(len(p)):
        # 1e-12: k * x / k need not be x.
        found = next((level for level in levels if i in rejected(p, level * (1 + 1e-12))), 1.0)
        adjusted.append(min(1.0, found))
    return adjusted


def contrast(result, difference):
    interval = result.confidence_interval(0.95)
    return [float(difference), float(interval.low), float(interval.high), float(result.pvalue)]


def f1(units, axis=-1):
    gold, predicted, correct = (np.asarray(units)[..., i] for i in range(3))
    return 2 * correct.sum(axis=axis) / (gold.sum(axis=axis) + predicted.sum(axis=axis))


def randomisation_case(rng, runs, better):
    gold = rng.integers(1, 6, 10)

    def outputs(chance):
        correct = rng.binomial(gold, chance)
        return np.stack([gold, correct + rng.integers(0, 2, 10), correct], axis=-1)

    first = np.stack([outputs(0.6 + better) for _ in range(runs)])
    second = np.stack([outputs(0.6) for _ in range(runs)])
    pooled = np.stack([first.sum(axis=0), second.sum(axis=0)])

    def statistic(a, b):
        # a[i] is which system's output stands on the first side for unit i, coded unit + 10 * system.
        def side(codes):
            codes = codes.astype(int)
            return f1(pooled[codes // 10, codes % 10])
        return side(a) - side(b)

    units = np.arange(10.0)
    result = stats.permutation_test(
        (units, units + 10), statistic, permutation_type="samples", vectorized=False, n_resamples=np.inf,
        alternative="two-sided",
    )
    return {
        "first": first.tolist(), "second": second.tolist(),
        "difference": float(result.statistic), "p": float(result.pvalue),
    }


def main():
    rng = np.random.default_rng(20241121)
    ps = [[0.01], [0.01, 0.04, 0.03], [0.5, 0.5], [0.02, 0.02, 0.001], [1.0, 0.9], [1e-12, 0.3, 1e-3, 1e-3]]
    ps += [np.round(rng.beta(0.5, 3.0, n), 6).tolist() for n in (2, 3, 4, 5, 6, 8, 10, 12, 15, 20) for _ in (0, 1)]
    quantiles = [
        [float(df), level, float(stats.t.ppf(1 - (1 - level) / 2, df))]
        for df in (1, 2, 3, 4, 2.37, 9, 29.5, 400)
        for level in (0.8, 0.9, 0.95, 0.99)
    ]
    contrasts = []
    for n, m in [(2, 2), (3, 3), (3, 3), (5, 5), (10, 10), (3, 5), (8, 2), (40, 40)]:
        for shift in (0.0, 0.5, 3.0):
            a = rng.normal(81.0, 0.6, n)
            b = rng.normal(81.0 + shift, 1.1, m)
            number = 81.27
            ratio = np.var(a, ddof=1) / np.var(b, ddof=1)
            contrasts.append({
                "a": a.tolist(), "b": b.tolist(), "number": number,
                "paired": contrast(stats.ttest_rel(a, b), (a - b).mean()) if n == m else None,
                "welch": contrast(stats.ttest_ind(a, b, equal_var=False), a.mean() - b.mean()),
                # SciPy's interval is that of the mean; ours is that of the difference.
                "one_sample": contrast(stats.ttest_1samp(a - number, 0.0), a.mean() - number),
                "f": [float(ratio), float(min(1.0, 2 * min(stats.f.cdf(ratio, n - 1, m - 1), stats.f.sf(ratio, n - 1, m - 1))))],
            })
    OUT.parent.mkdir(parents=True, exist_ok=True)
    randomisation = [randomisation_case(rng, runs, better) for runs in (1, 2, 3, 5) for better in (0.0, 0.1, 0.3)]
    data = {
        "holm": [{"p": p, "adjusted": holm(p)} for p in ps],
        "quantiles": quantiles,
        "contrasts": contrasts,
        "randomisation": randomisation,
    }
    OUT.write_text(json.dumps(data) + "\n", encoding="utf-8")
    print(OUT)


if __name__ == "__main__":
    main()
