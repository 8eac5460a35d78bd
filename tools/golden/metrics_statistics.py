#!/usr/bin/env python3
"""Makes crates/metrics/tests/golden/statistics.json: t-tests and a bootstrap interval as SciPy computes them.

Made with Python 3.11, SciPy 1.17.1, numpy 2.4.6. Run: python tools/golden/metrics_statistics.py

- one sample: scipy.stats.ttest_1samp; paired: ttest_rel; Welch: ttest_ind(equal_var=False). Two-sided p.
- bootstrap: scipy.stats.bootstrap, percentile method, 20,000 resamples of the units, statistic micro F1. Its random
  numbers are not ours, so the test compares within a tolerance.
"""

import json
import pathlib

import numpy as np
from scipy import stats

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/metrics/tests/golden/statistics.json"


def t_cases(rng):
    sets = [
        ([81.2, 81.9, 80.7], [82.1, 82.6, 81.0], 81.27),
        ([0.81, 0.83, 0.82, 0.84, 0.80], [0.80, 0.81, 0.83, 0.82, 0.79], 0.8127),
        ([1.0, 2.0], [2.0, 5.0], 0.0),
        ([1e-9, 2e-9, 3.5e-9], [2e-9, 2.5e-9, 5e-9], 0.0),
        # far in the tail, where 1 - cdf would lose every digit
        ([100.0, 100.1, 99.9, 100.05, 99.97, 100.02], [1.0, 1.1, 0.9, 1.03, 0.99, 0.95], 3.0),
    ]
    for n in (2, 3, 4, 5, 7, 10, 20, 50):
        for shift in (0.0, 0.3, 2.0):
            a = rng.normal(0.8, 0.05, n)
            b = rng.normal(0.8 + shift * 0.05, 0.08, n)
            sets.append((a.tolist(), b.tolist(), 0.81))
    out = []
    for a, b, mean in sets:
        tests = {
            "one_sample": stats.ttest_1samp(a, mean),
            "paired": stats.ttest_rel(a, b),
            "welch": stats.ttest_ind(a, b, equal_var=False),
        }
        case = {"a": a, "b": b, "mean": mean, "sd_a": float(np.std(a, ddof=1)), "mean_a": float(np.mean(a))}
        for name, result in tests.items():
            case[name] = [float(result.statistic), float(result.df), float(result.pvalue)]
        out.append(case)
    # Welch with unequal sizes.
    for n, m in ((3, 8), (12, 4)):
        a, b = rng.normal(0.8, 0.02, n), rng.normal(0.83, 0.06, m)
        result = stats.ttest_ind(a, b, equal_var=False)
        out.append({
            "a": a.tolist(), "b": b.tolist(), "mean": None, "sd_a": float(np.std(a, ddof=1)), "mean_a": float(np.mean(a)),
            "one_sample": None, "paired": None,
            "welch": [float(result.statistic), float(result.df), float(result.pvalue)],
        })
    return out


def bootstrap_case(rng):
    gold = rng.integers(0, 6, 150)
    correct = rng.binomial(gold, 0.75)
    predicted = correct + rng.integers(0, 3, 150)

    def f1(g, p, c, axis=-1):
        return 2 * c.sum(axis=axis) / (g.sum(axis=axis) + p.sum(axis=axis))

    result = stats.bootstrap(
        (gold, predicted, correct), f1, paired=True, vectorized=True, n_resamples=20_000, method="percentile",
        confidence_level=0.95, rng=np.random.default_rng(7),
    ).confidence_interval
    return {
        "units": np.stack([gold, predicted, correct], axis=1).tolist(),
        "f1": float(f1(gold, predicted, correct)),
        "low": float(result.low),
        "high": float(result.high),
    }


def main():
    rng = np.random.default_rng(20240501)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    data = {"t_tests": t_cases(rng), "bootstrap": bootstrap_case(rng)}
    OUT.write_text(json.dumps(data) + "\n", encoding="utf-8")
    print(OUT)


if __name__ == "__main__":
    main()
