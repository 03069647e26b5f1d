"""How CloudWatch evaluates an alarm on one metric, as its user guide describes it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Sample = tuple[float, float]
"""When something was measured, in seconds, and the value."""


def rings_at(alarm: Mapping[str, Any], samples: Sequence[Sample], until_s: float) -> float | None:
    """The second at which an alarm, OK at 0, goes to ALARM; None where it does not before ``until_s``.

    A missing point counts as the alarm treats it. A percentile of too few samples is no reason to change the state where
    the alarm ignores those.
    """
    window: list[list[float]] = []
    for period in range(int(until_s // alarm["Period"])):
        start_s = period * alarm["Period"]
        window.append([value for at_s, value in samples if start_s <= at_s < start_s + alarm["Period"]])
        del window[: -alarm["EvaluationPeriods"]]
        if len(window) < alarm["EvaluationPeriods"] or any(_is_ignored(alarm, values) for values in window):
            continue
        breaching = sum(_is_breaching(alarm, values) for values in window)
        if breaching >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]):
            return float(start_s + alarm["Period"])
    return None


def _percentile(alarm: Mapping[str, Any]) -> float | None:
    statistic = alarm.get("ExtendedStatistic")
    return None if statistic is None else float(statistic.removeprefix("p")) / 100


def _is_ignored(alarm: Mapping[str, Any], values: Sequence[float]) -> bool:
    share = _percentile(alarm)
    if share is None or alarm.get("EvaluateLowSampleCountPercentile") != "ignore" or not values:
        return False
    return len(values) < (10 / (1 - share) if share >= 0.5 else 10 / share)


def _is_breaching(alarm: Mapping[str, Any], values: Sequence[float]) -> bool:
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    share = _percentile(alarm)
    if share is not None:
        point = sorted(values)[math.ceil(share * len(values)) - 1]
    else:
        point = sum(values) if alarm["Statistic"] == "Sum" else max(values)
    above: bool = {
        "GreaterThanThreshold": point > alarm["Threshold"],
        "GreaterThanOrEqualToThreshold": point >= alarm["Threshold"],
    }[alarm["ComparisonOperator"]]
    return above
