"""EventBridge schedules: functions that run at a rate."""

import logging
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from scripts.local.calls import Callee, Result
from scripts.local.intrinsics import ACCOUNT, REGION
from scripts.local.template import Schedule

_log = logging.getLogger(__name__)


def scheduled_event(rule: str) -> dict[str, Any]:
    """The event that a rule sends to its function."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"],
        "detail": {},
    }


class Scheduler:
    """Calls one function every ``schedule.every_s`` seconds; the first time after one period."""

    def __init__(self, schedule: Schedule, runner: Callee) -> None:
        self.function_id = schedule.function_id
        self._schedule = schedule
        self._runner = runner
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"schedule-{schedule.rule}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()

    def fire(self) -> Result:
        """Call the function now."""
        result = self._runner.invoke(scheduled_event(self._schedule.rule))
        if result.error is not None and not self._stopping.is_set():
            _log.warning("%s failed: %s", self._schedule.function_id, result.error)
        return result

    def _run(self) -> None:
        while not self._stopping.wait(self._schedule.every_s):
            self.fire()
