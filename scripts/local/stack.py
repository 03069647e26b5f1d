"""All of the local stack: starts it, wires it as the template says, and ends it without leaving anything behind."""

import contextlib
import errno
import logging
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from scripts.common.paths import ROOT
from scripts.local import resources
from scripts.local.alias import Alias
from scripts.local.execution_environment import Launcher
from scripts.local.gateway import MAX_BODY_BYTES, Gateway
from scripts.local.http_server import HttpServer, listen
from scripts.local.poller import Poller
from scripts.local.runner import FunctionRunner
from scripts.local.schedule import Scheduler
from scripts.local.template import Function, Template, read_template

# Looking for new photos costs nothing here, and a new photo should appear at once.
LOCAL_PARAMETERS: Final = {"MaxStalenessSeconds": "1"}
LOCAL_SEGMENT_BYTES: Final = 1_000_000
"""Size of a full segment with an index: compaction merges no further what has half of it, about 140 photos."""
_QUERY_PROCESSES: Final = 2
_log = logging.getLogger(__name__)


class PortTakenError(Exception):
    """Another program listens on a port that the stack needs."""


class DeploymentError(Exception):
    """The new version of a function does not start; the stack goes on with the old ones."""


class LocalStack:
    """The whole system on loopback, as a context manager.

        with LocalStack(launcher=from_sources(Path("build/model"))) as stack:
            stack.s3.upload_file("shirt.jpg", stack.catalogue_bucket, "images/shirt.jpg")
            requests.get(f"{stack.url}/api/health")

    Port 0 takes a free one. ``parameters`` override the template's. ``launcher`` says how functions are started; each
    has a log of its own in ``log_dir``. ``window_s``: the longest batching window, where the template's is longer. Entering raises PortTakenError and UnsupportedTemplateError, and leaves nothing running.
    """

    def __init__(
        self,
        *,
        launcher: Launcher,
        template: Path = ROOT / "template.yaml",
        site_dir: Path = ROOT / "static_site",
        log_dir: Path = ROOT / "build" / "demo",
        port: int = 0,
        s3_port: int = 0,
        parameters: Mapping[str, str] | None = None,
        window_s: float = float("inf"),
    ) -> None:
        self._template = template
        self._site_dir = site_dir
        self.log_dir = log_dir
        self._ports = (port, s3_port)
        self._parameters = parameters
        self._window_s = window_s
        self._launcher = launcher
        self._exit = contextlib.ExitStack()
        self._settled = threading.Lock()
        self.messages_settled = 0
        self.functions: dict[str, Alias] = {}
        self.schedulers: list[Scheduler] = []
        self._start_errors: list[str] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._exit.close()

    def _start(self, undo: contextlib.ExitStack) -> None:
        # The ports first: where a stack runs already, the second one fails before it does anything.
        gateway_socket = undo.enter_context(_listen(self._ports[0]))
        aws_socket = undo.enter_context(_listen(self._ports[1]))
        self.url = f"http://127.0.0.1:{gateway_socket.getsockname()[1]}"
        self.endpoint_url = f"http://127.0.0.1:{aws_socket.getsockname()[1]}"
        template = read_template(self._template, endpoint_url=self.endpoint_url, parameters=self._parameters)
        self.template = self._with_index(template, undo)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.aws = undo.enter_context(contextlib.closing(resources.start(aws_socket, self.log_dir / "aws.log")))
        aws_socket.close()  # the child has it; when the child ends, its clients must notice
        self.s3 = resources.client("s3", self.endpoint_url)
        self.sqs = resources.client("sqs", self.endpoint_url)
        undo.callback(self.s3.close)
        undo.callback(self.sqs.close)
        self.queue_urls = resources.make(self.template, self.s3, self.sqs)
        for logical_id, function in self.template.functions.items():
            self.log_path(logical_id).unlink(missing_ok=True)
            alias = Alias(self._runners(function, self._launcher))
            self.functions[logical_id] = undo.enter_context(contextlib.closing(alias))
        self._start_pollers(undo)
        for schedule in self.template.schedules:
            scheduler = Scheduler(schedule, self.functions[schedule.function_id])
            self.schedulers.append(undo.enter_context(contextlib.closing(scheduler)))
            scheduler.start()
        folders = {self.template.outputs["SiteBucketName"]: self._site_dir}
        template = self.template
        gateway = Gateway(template.distribution, template.routes, self.functions, self.s3, folders, cors=template.cors)
        server = HttpServer(gateway_socket, gateway, max_body_bytes=MAX_BODY_BYTES, too_large=gateway.too_large)
        server.start()
        undo.callback(server.close)
        self._warm_up()

    def _with_index(self, template: Template, undo: contextlib.ExitStack) -> Template:
        """The template with the index of its functions in a folder: there is no S3 Vectors here.

        Segments are full from ``LOCAL_SEGMENT_BYTES`` on, or a catalogue of a few thousand photos would have nothing in its index.
        """
        if "FollowFunction" not in template.functions:
            return template
        folder = undo.enter_context(TemporaryDirectory(prefix="lookalike-index-"))
        variables = {"INDEX": f"lancedb:{folder}", "SEGMENT_BYTES": str(LOCAL_SEGMENT_BYTES)}
        functions = {
            name: replace(function, environment={**function.environment, **variables})
            for name, function in template.functions.items()
        }
        return replace(template, functions=functions)

    def _runners(self, function: Function, launcher: Launcher) -> list[FunctionRunner]:
        launch = launcher(function, self.endpoint_url, self.log_path(function.logical_id))
        return [FunctionRunner(function, launch) for _ in range(self._process_count(function))]

    def deploy(self, launcher: Launcher) -> None:
        """Replace the code or the model of the functions, as CloudFormation does; returns when the old version has ended.

        The processes of the new version start first, then every alias switches to them, and those of the old version end
        when their calls have ended. Callers notice nothing. Raises DeploymentError, and changes nothing then.
        """
        new = {name: self._runners(function, launcher) for name, function in self.template.functions.items()}
        with contextlib.ExitStack() as undo:
            for name, runners in new.items():
                for runner in runners:
                    undo.callback(runner.close)
                    error = runner.warm_up().error
                    if error is not None:
                        raise DeploymentError(_not_started(name, error))
            undo.pop_all()
        old = {name: self.functions[name].switch_to(runners) for name, runners in new.items()}
        for name, function in self.template.functions.items():
            self.functions[name].drain(old[name], timeout_s=function.timeout_s)

    def _process_count(self, function: Function) -> int:
        """The number of processes: as many as the cores can keep busy, and not more than the template allows."""
        limits = [function.reserved_concurrency]
        sources = [item for item in self.template.event_sources if item.function_id == function.logical_id]
        if sources:
            threads = int(function.environment.get("THREADS", "1"))
            limits += [max(_cores() // threads, 1), *(item.max_concurrency for item in sources)]
        elif any(item.function_id == function.logical_id for item in self.template.routes):
            limits.append(_QUERY_PROCESSES)
        else:
            limits.append(1)
        return max(min(limit for limit in limits if limit is not None), 1)

    def _start_pollers(self, undo: contextlib.ExitStack) -> None:
        for source in self.template.event_sources:
            function = self.functions[source.function_id]
            poller = Poller(
                replace(source, window_s=min(source.window_s, self._window_s)),
                function,
                self.sqs,
                self.queue_urls[source.queue_arn],
                concurrency=len(function.runners),
                on_done=self._count_settled,
            )
            undo.enter_context(contextlib.closing(poller))
            poller.start()

    def _warm_up(self) -> None:
        """Start the processes that queues and routes will need, without waiting for them: a cold start takes a while.

        First those behind queues and one of each function behind a route, then the others behind routes.
        """
        queued = {source.function_id for source in self.template.event_sources}
        routed = {route.function_id for route in self.template.routes} - queued
        first = [(name, runner) for name in queued for runner in self.functions[name].runners]
        first += [(name, self.functions[name].runners[0]) for name in routed]
        then = [(name, runner) for name in routed for runner in self.functions[name].runners[1:]]

        def warm_up(name: str, runner: FunctionRunner) -> None:
            error = runner.warm_up().error
            if error is not None:
                self._start_errors.append(_not_started(name, error))

        def in_turn() -> None:
            threads = [threading.Thread(target=warm_up, args=item, daemon=True) for item in first]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for item in then:
                warm_up(*item)

        self._warming = threading.Thread(target=in_turn, name="warm-up", daemon=True)
        self._warming.start()

    def wait_until_warm(self) -> None:
        """Return when the processes that entering has begun to start are ready, or have failed."""
        self._warming.join()

    def problem(self) -> str | None:
        """Why photos will never become searchable, as a sentence; None where no reason is known."""
        if self.aws.process.poll() is not None:
            return "The local S3 and SQS have ended."
        if self._start_errors:
            return self._start_errors[0]
        name = "ApproximateNumberOfMessages"
        for queue in self.template.queues:
            if queue.dead_letter_arn is not None:
                url = self.queue_urls[queue.dead_letter_arn]
                answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
                count = int(answer["Attributes"][name])
                if count:
                    return f"{count} messages of {queue.name} failed too often and are in its dead-letter queue."
        return None

    def _count_settled(self, count: int) -> None:
        with self._settled:
            self.messages_settled += count

    @property
    def catalogue_bucket(self) -> str:
        """The bucket that photos are put into."""
        return self.template.outputs["CatalogueBucketName"]

    def log_path(self, function_id: str) -> Path:
        """The file with a function's output: ``ingest.log`` for IngestFunction."""
        return self.log_dir / f"{function_id.removesuffix('Function').lower()}.log"

    def processes(self) -> dict[str, list[int]]:
        """The processes of the stack without this one: those of each function, and the one of S3 and SQS."""
        pids = {
            name: [pid for runner in alias.runners if (pid := runner.pid)] for name, alias in self.functions.items()
        }
        return {"S3 and SQS": [self.aws.pid]} | pids


def _not_started(name: str, error: Mapping[str, Any]) -> str:
    return f"{name} does not start: {error.get('errorMessage')}."


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise PortTakenError(f"Port {port} {reason}.") from error
