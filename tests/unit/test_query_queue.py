"""GET /api/queue: counts of messages, kept for seconds, and null where SQS does not answer."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger

from lookalike.aws import QueueCounts, SqsQueue
from tests.support import functions
from tests.support.api import Api, query_function
from tests.support.fakes import Clock

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch)


def test_messages_of_both_queues_are_counted_without_a_catalogue(api: Api) -> None:
    api.store.down = {"list", "get"}
    api.queues = [QueueCounts(waiting=3, in_flight=2, delayed=1), QueueCounts(waiting=4, in_flight=1, delayed=0)]
    assert api.get("/api/queue").body == {"waiting": 3, "in_flight": 2, "delayed": 1, "dead_letters": 5}


def test_empty_queues_are_known_to_be_empty(api: Api) -> None:
    assert set(api.get("/api/queue").body.values()) == {0}


@pytest.mark.parametrize("dead", [0, 1])
def test_a_queue_that_does_not_answer_is_null_and_the_other_is_not(
    api: Api, dead: int, caplog: pytest.LogCaptureFixture
) -> None:
    api.queues = [QueueCounts(1, 1, 1), QueueCounts(1, 1, 1)]
    api.queues[dead] = None
    answer = api.get("/api/queue")
    assert answer.status == 200
    assert [answer.body[name] is None for name in ("waiting", "in_flight", "delayed", "dead_letters")] == (
        [False, False, False, True] if dead else [True, True, True, False]
    )
    assert "secret-queue" not in str(answer.body)


def test_counts_are_kept_for_seconds() -> None:
    queues: Any = functions.load("query", "queues")
    clock, asked = Clock(), []

    def counts() -> QueueCounts:
        asked.append(clock.now_s)
        return QueueCounts(len(asked), 0, 0)

    queue = cast("SqsQueue", SimpleNamespace(counts=counts))
    kept = queues.Queues(queue, queue, Logger(service="test"), clock=clock)
    assert kept.counts() == kept.counts()
    assert len(asked) == 2
    clock.now_s += 10
    assert kept.counts()["waiting"] == 3
