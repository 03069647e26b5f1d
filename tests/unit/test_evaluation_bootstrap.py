"""Intervals of the evaluation's measures."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from scripts.evaluation.bootstrap import area_under_roc, mean


@pytest.mark.parametrize(("share", "queries"), [(0.5, 400), (0.1, 2000)])
def test_the_interval_of_a_share_is_that_of_the_normal_approximation(share, queries):
    values = (np.arange(queries) < share * queries).astype(float)
    estimate = mean(values, np.random.default_rng(0), resamples=4000)
    half = 1.96 * np.sqrt(share * (1 - share) / queries)
    assert estimate.value == pytest.approx(share)
    assert (estimate.low, estimate.high) == pytest.approx((share - half, share + half), abs=0.12 * half)
    assert estimate.queries == queries


def test_about_95_of_100_intervals_hold_the_true_mean():
    rng = np.random.default_rng(0)
    estimates = [mean(rng.exponential(size=200), rng, resamples=400) for _ in range(300)]
    held = np.mean([estimate.low <= 1 <= estimate.high for estimate in estimates])
    assert 0.91 <= held <= 0.98


def test_many_queries_are_resampled_in_batches(monkeypatch):
    values = np.random.default_rng(0).random(500)
    whole = mean(values, np.random.default_rng(1), resamples=1000)
    monkeypatch.setattr("scripts.evaluation.bootstrap._AT_ONCE", 500 * 7)
    batches = mean(values, np.random.default_rng(1), resamples=1000)
    assert (batches.low, batches.high) == pytest.approx((whole.low, whole.high), abs=1e-12)


def test_values_that_are_not_numbers_are_left_out():
    estimate = mean(np.array([1.0, np.nan, 0.0]), np.random.default_rng(0))
    assert (estimate.value, estimate.queries) == (0.5, 2)
    assert mean(np.array([np.nan]), np.random.default_rng(0)) is None


@pytest.mark.parametrize("decimals", [8, 1])  # one decimal makes ties
def test_the_area_is_that_of_scikit_learn(decimals):
    rng = np.random.default_rng(decimals)
    positives, negatives = rng.normal(1, 1, 80).round(decimals), rng.normal(0, 1, 120).round(decimals)
    truth = np.repeat([1, 0], [80, 120])
    estimate = area_under_roc(positives, negatives, np.random.default_rng(0))
    assert estimate.value == pytest.approx(roc_auc_score(truth, np.concatenate([positives, negatives])))
    assert estimate.low < estimate.value < estimate.high
    assert estimate.queries == 200


def test_infinite_distances_are_the_largest():
    estimate = area_under_roc(np.array([np.inf, 2.0]), np.array([1.0, np.inf]), np.random.default_rng(0))
    assert estimate.value == pytest.approx((1 + 0.5 + 1 + 0) / 4)
