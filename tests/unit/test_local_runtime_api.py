"""The Runtime API's protocol, without a process behind it."""

import json
import threading
from collections.abc import Callable
from email.message import Message

import pytest

from scripts.local.calls import MAX_RESPONSE_BYTES, Result
from scripts.local.http_server import Request, Response
from scripts.local.runtime_api import Invocation, ProcessEnded, RuntimeApi

INVOCATION = Invocation("id-1", "arn:f", 1_700_000_000_000, "Root=1-2-3", b'{"a": 1}')
SOON_S = 10


def ask(api: RuntimeApi, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return api(Request(method, f"/2018-06-01/runtime/{path}", message, body))


def take(api: RuntimeApi) -> Response:
    return ask(api, "GET", "invocation/next")


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Process:
    """A runtime client in a thread: takes events and answers each by ``answer``."""

    def __init__(self, api: RuntimeApi, *answers: tuple[str, bytes]) -> None:
        self.taken: list[Response] = []
        self.receipts: list[Response] = []
        self._api, self._answers = api, answers
        self.thread = in_background(self._run)

    def _run(self) -> None:
        for kind, body in self._answers:
            self.taken.append(take(self._api))
            request_id = dict(self.taken[-1].headers)["Lambda-Runtime-Aws-Request-Id"]
            self.receipts.append(ask(self._api, "POST", f"invocation/{request_id}/{kind}", body))


def test_an_event_reaches_the_process_with_what_lambda_says_of_it_and_its_answer_comes_back():
    api = RuntimeApi()
    process = Process(api, ("response", b'{"b": 2}'))
    assert api.call(INVOCATION, SOON_S) == Result({"b": 2})
    process.thread.join(SOON_S)
    (event,), (receipt,) = process.taken, process.receipts
    assert (event.status, event.body) == (200, b'{"a": 1}')
    headers = dict(event.headers)
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1700000000000"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1-2-3"
    assert (receipt.status, json.loads(receipt.body)) == (202, {"status": "OK"})


def test_events_are_handed_out_one_after_the_other():
    api = RuntimeApi()
    Process(api, ("response", b"1"), ("error", b'{"errorType": "KeyError", "errorMessage": "x"}'), ("response", b"3"))
    results = [api.call(Invocation(f"id-{i}", "", 0, "", b"{}"), SOON_S) for i in range(3)]
    assert results == [Result(1), Result(error={"errorType": "KeyError", "errorMessage": "x"}), Result(3)]


def test_a_process_is_ready_when_it_asks_for_its_first_event():
    api = RuntimeApi()
    with pytest.raises(TimeoutError):
        api.wait_until_ready(0.01)
    assert api.ready_at is None
    in_background(lambda: take(api))
    assert api.wait_until_ready(SOON_S) == Result()
    first = api.ready_at
    assert first is not None
    api.end()


def test_an_initialisation_that_fails_is_told():
    api = RuntimeApi()
    answer = ask(api, "POST", "init/error", b'{"errorType": "Runtime.ImportModuleError", "errorMessage": "no x"}')
    assert answer.status == 202
    assert api.wait_until_ready(SOON_S).error == {"errorType": "Runtime.ImportModuleError", "errorMessage": "no x"}


def test_an_answer_to_another_event_is_refused():
    api = RuntimeApi()
    assert ask(api, "POST", "invocation/id-1/response", b"1").status == 400
    calling = in_background(lambda: api.call(INVOCATION, SOON_S))
    assert take(api).status == 200
    assert ask(api, "POST", "invocation/id-0/response", b"0").status == 400
    assert ask(api, "POST", "invocation/id-1/response", b"1").status == 202
    calling.join(SOON_S)
    assert ask(api, "POST", "invocation/id-1/response", b"2").status == 400


def test_an_answer_beyond_the_limit_is_refused_and_the_caller_told():
    api = RuntimeApi()
    process = Process(api, ("response", b'"%s"' % (b"x" * (MAX_RESPONSE_BYTES - 1))))
    result = api.call(INVOCATION, SOON_S)
    assert result.error is not None
    assert result.error["errorType"] == "Function.ResponseSizeTooLarge"
    assert "6291556 bytes" in result.error["errorMessage"]
    process.thread.join(SOON_S)
    assert process.receipts[0].status == 413


def test_an_answer_that_is_no_json_is_an_error():
    api = RuntimeApi()
    Process(api, ("response", b"\xff\xfe"))
    result = api.call(INVOCATION, SOON_S)
    assert result.error is not None
    assert result.error["errorType"] == "Function.InvalidResponse"


def test_an_error_in_a_form_of_its_own_is_its_message():
    api = RuntimeApi()
    ask(api, "POST", "init/error", b"out of luck", Lambda_Runtime_Function_Error_Type="Runtime.Luck")
    assert api.wait_until_ready(SOON_S).error == {"errorType": "Runtime.Luck", "errorMessage": "out of luck"}


@pytest.mark.parametrize("delivered", [False, True])
def test_nobody_waits_for_a_process_that_is_gone(delivered):
    api = RuntimeApi()
    taking = in_background(lambda: take(api)) if delivered else None

    def end() -> None:
        if taking is not None:
            taking.join(SOON_S)
        api.end()

    in_background(end)
    with pytest.raises(ProcessEnded) as caught:
        api.call(INVOCATION, SOON_S)
    assert caught.value.delivered is delivered
    with pytest.raises(ProcessEnded):
        RuntimeApi.wait_until_ready(_ended(), SOON_S)


def _ended() -> RuntimeApi:
    api = RuntimeApi()
    api.end()
    return api


def test_a_process_that_asks_after_its_end_gets_no_event():
    assert take(_ended()).status == 500


def test_an_answer_that_takes_too_long_is_not_waited_for():
    api = RuntimeApi()
    with pytest.raises(TimeoutError):
        api.call(INVOCATION, 0.01)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "invocation/next"), ("GET", "invocation/id-1/response"), ("POST", "restore/next")]
)
def test_other_requests_are_not_found(method, path):
    assert ask(RuntimeApi(), method, path).status == 404


def test_a_process_that_is_ready_to_be_frozen_goes_on_as_the_copy():
    api = RuntimeApi()
    assert ask(api, "GET", "restore/next").status == 200
    assert api.restored_at is not None


def test_a_copy_that_cannot_go_on_is_an_error_of_the_start():
    api = RuntimeApi()
    ask(api, "GET", "restore/next")
    assert ask(api, "POST", "restore/error", b'{"errorType": "Broken", "errorMessage": "no"}').status == 202
    assert api.wait_until_ready(SOON_S).error == {"errorType": "Broken", "errorMessage": "no"}
