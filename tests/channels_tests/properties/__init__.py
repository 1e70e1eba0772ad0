"""
What holds for all inputs, tried on many: property-based tests.

The examples are the same in every run. To look for others, say how many:
CHANNELS_EXAMPLES=5000 python3 runtests.py channels_tests.properties
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.internal.conjecture import providers

from ..running import ROOT

# Unicode's tables take seconds to make. They're kept for the next run, and
# loaded before the processes of a parallel run part.
set_hypothesis_home_dir(ROOT / "build" / "hypothesis")
st.characters(codec="utf-8").validate()

# It would take constants from whatever modules are loaded, so that examples
# would depend on which other tests run.
providers.is_local_module_file = lambda path: False

settings.register_profile(
    "repeatable",
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=40,
    print_blob=False,
    # How long data takes to make is a matter of the machine's load.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
if "CHANNELS_EXAMPLES" in os.environ:
    settings.register_profile(
        "search",
        derandomize=False,
        max_examples=int(os.environ["CHANNELS_EXAMPLES"]),
    )
    settings.load_profile("search")
