"""Alarms ring for a shop with twenty requests an hour, and a busy shop's everyday troubles ring for nobody."""

import random
from collections.abc import Callable, Iterator

import pytest

from tests.infra.alarm_arithmetic import Sample, rings_at
from tests.infra.translated import Resources

HOUR_S = 3600
SLOW_MS, QUICK_MS = 8000, 90
QUIET_A_SECOND = 20 / HOUR_S
BUSY_A_SECOND = 5


def arrivals(rate: float, until_s: float, seed: int) -> Iterator[float]:
    """When requests come that know nothing of each other."""
    source, at_s = random.Random(seed), 0.0
    while (at_s := at_s + source.expovariate(rate)) < until_s:
        yield at_s


def latencies(rate: float, until_s: float, seed: int, is_slow: Callable[[int], bool]) -> list[Sample]:
    """The times of answers; ``is_slow`` is given the number of a request."""
    times = enumerate(arrivals(rate, until_s, seed))
    return [(at_s, SLOW_MS if is_slow(number) else QUICK_MS) for number, at_s in times]


@pytest.fixture
def slow(resources: Resources) -> dict[str, object]:
    return resources["SlowAnswersAlarm"]


@pytest.mark.parametrize("seed", range(20))
def test_slow_answers_of_a_quiet_shop_ring_within_an_hour(slow: dict[str, object], seed: int) -> None:
    assert rings_at(slow, latencies(QUIET_A_SECOND, HOUR_S, seed, lambda number: True), HOUR_S)


def test_they_ring_where_requests_come_at_regular_times(slow: dict[str, object]) -> None:
    assert rings_at(slow, [(at_s, SLOW_MS) for at_s in range(100, HOUR_S, 180)], HOUR_S)


def test_one_slow_start_an_hour_does_not_ring(slow: dict[str, object]) -> None:
    for seed in range(20):
        started = latencies(QUIET_A_SECOND, 24 * HOUR_S, seed, lambda number: number % 20 == 0)
        assert rings_at(slow, started, 24 * HOUR_S) is None


@pytest.mark.parametrize(("one_in", "rings"), [(50, True), (400, False)])
def test_a_busy_shop_rings_for_one_slow_answer_in_a_hundred(slow: dict[str, object], one_in: int, rings: bool) -> None:
    answers = latencies(BUSY_A_SECOND, HOUR_S, 1, lambda number: number % one_in == 0)
    assert bool(rings_at(slow, answers, HOUR_S)) == rings


@pytest.mark.parametrize("seed", range(20))
def test_server_errors_of_a_quiet_shop_ring_within_an_hour(resources: Resources, seed: int) -> None:
    failed = [(at_s, 1.0) for at_s in arrivals(QUIET_A_SECOND, HOUR_S, seed)]
    assert rings_at(resources["ServerErrorsAlarm"], failed, HOUR_S)


def test_a_handled_503_rings_by_itself(resources: Resources) -> None:
    assert rings_at(resources["StoreUnavailableAlarm"], [(1000.0, 1.0)], HOUR_S) == 1200
    assert rings_at(resources["ServerErrorsAlarm"], [(1000.0, 1.0)], HOUR_S) is None


def test_the_arithmetic_leaves_out_percentiles_of_few_requests() -> None:
    """As CloudWatch does where an alarm asks for it: 1,000 requests are needed for a p99."""
    alarm = {
        "Period": 300,
        "EvaluationPeriods": 1,
        "ExtendedStatistic": "p99",
        "EvaluateLowSampleCountPercentile": "ignore",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5000,
        "TreatMissingData": "notBreaching",
    }
    assert rings_at(alarm, [(1.0, SLOW_MS)] * 999, 300) is None
    assert rings_at(alarm, [(1.0, SLOW_MS)] * 1001, 300) == 300
