"""
Benchmarks: the patched Django beside pristine Django and beside its peers.

    python -m benchmarks            measure everything, some minutes
    python -m benchmarks --quick    the same in about a minute, coarser

Whatever is compared is measured in the same run, in short rounds that take
turns, so that a machine that gets busier or slower meets all alike. What
counts are ratios, taken round by round, with their median and quartiles.

The map, in reading order: ``run`` the command line; ``environment`` what is
installed, under .env/; ``inprocess`` and ``http`` the benchmarks, each a class
with steps() and run(); ``servers`` the peers, ``process`` how they are started
and stopped, ``load`` wrk; ``comparison`` samples and ratios; ``machine`` and
``report`` what is written down. ``project/`` is the Django project measured.
Another benchmark is one more class in run.BENCHMARKS. ``suites/`` is a command
of its own, python -m benchmarks.suites: Django's tests on both Djangos, and
``faults/`` another, python -m benchmarks.faults: workers put to the test.
"""
