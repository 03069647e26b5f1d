import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from lookalike.errors import StoreError
from tests.property.bugs import INDEX_BUGS, PHOTO_BUGS, PRODUCT_BUGS, PROTOCOL_BUGS, Bug
from tests.property.index_machine import IndexMachine
from tests.property.photo_machine import PhotoMachine
from tests.property.product_machine import ProductMachine
from tests.property.store_machine import StoreMachine

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

TestPhotos = PhotoMachine.TestCase
TestProducts = ProductMachine.TestCase
TestIndex = IndexMachine.TestCase
if not IS_LONG:  # most of the protocol is the code that photos go through
    TestProducts.settings = settings(TestProducts.settings, max_examples=50)
    TestIndex.settings = settings(TestIndex.settings, max_examples=50)

until_the_first_failure = settings(
    max_examples=3000,
    stateful_step_count=40,
    phases=[Phase.generate],
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.skipif(not IS_LONG, reason="minutes; HYPOTHESIS_PROFILE=long runs it")
@pytest.mark.parametrize(
    ("machine", "bug"),
    [(PhotoMachine, bug) for bug in PROTOCOL_BUGS + PHOTO_BUGS]
    + [(ProductMachine, bug) for bug in PROTOCOL_BUGS + PRODUCT_BUGS]
    + [(IndexMachine, bug) for bug in INDEX_BUGS],
)
def test_the_machine_finds_a_bug_put_in_on_purpose(machine: type[StoreMachine], bug: Bug) -> None:
    machine.examples = 0
    with bug(), pytest.raises((AssertionError, StoreError)):
        run_state_machine_as_test(machine, settings=until_the_first_failure)
    print(f"{machine.__name__}, {bug.__name__}: found in {machine.examples} examples")  # shown by pytest -rP
