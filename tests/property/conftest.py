"""How long the property tests look for a counterexample: HYPOTHESIS_PROFILE=fast (the default) or long."""

import os

from hypothesis import HealthCheck, settings

from tests.support.maps import maps_along_two_axes  # noqa: F401 - a fixture of every test
from tests.support.threads import one_thread  # noqa: F401 - a fixture of every test

common = settings(
    deadline=None,  # how long an example takes says more of the machine than of the code
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
# The same examples in every run, so that a red build is about the change that was built.
settings.register_profile("fast", common, max_examples=200, stateful_step_count=40, derandomize=True)
# Other examples in every run, and many of them.
settings.register_profile("long", common, max_examples=2500, stateful_step_count=50, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
