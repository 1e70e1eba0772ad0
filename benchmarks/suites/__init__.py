"""
The whole of Django's test suite, on pristine Django and on the patched one.

    python -m benchmarks.suites             all tests, side by side
    python -m benchmarks.suites --quick     a few modules, in all modes

The outcomes are compared test by test, and any difference is a failure of
this command. The times are compared, too, and only reported.

The map, in reading order: ``run`` the command line; ``trees`` what is
compared; ``modes`` the settings of the patched tree; ``comparison`` the rounds
of both suites; ``suite`` one run of one, ``database`` what it runs on,
``ending`` what it took; ``recording`` what it recorded; ``difference`` which
tests differ, and which of them are unstable anyway; ``progress`` and
``report`` what is shown. ``inside/`` is what runs within a suite: the settings
and the test runner that records.
"""
