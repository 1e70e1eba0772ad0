"""
Benchmarks: the patched Django beside pristine Django and beside its peers.

    python -m benchmarks            measure everything, hours
    python -m benchmarks --quick    the same in small sizes, some minutes
    python -m benchmarks --only websocket

Whatever is compared is measured in the same run, in short rounds that take
turns, so that a machine that gets busier or slower meets all alike. What
counts are ratios, taken round by round, with their median and quartiles.

The map, in reading order: ``run`` the command line; ``environment`` what is
installed, under .env/; ``inprocess``, ``start``, ``instructions``, ``http``,
``http_more``, ``queue``, ``websocket``, ``broadcast``, ``idle``, ``jobs``,
``redis_ways`` and ``growth`` the benchmarks, each a class with steps() and run(),
which returns its comparisons;
``servers`` the peers, ``serving`` and ``process`` how they are started and
stopped; ``load`` wrk, and ``sockets`` the load generator for WebSockets, whose
process is ``clients/crowd.py``; ``turns`` how servers take turns;
``comparison`` samples and ratios; ``machine`` and ``report`` what is written
down. ``project/`` is the Django project measured, ``peers/`` what others run
in its place.
Another benchmark is one more class in run.BENCHMARKS. Commands of their own are
``suites/``, python -m benchmarks.suites: Django's tests on both Djangos;
``faults/``, python -m benchmarks.faults: workers put to the test; and
``parsers``, python -m benchmarks.parsers: the heads of requests.
"""
