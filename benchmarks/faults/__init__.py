"""
Scripts that put ``runworker`` to the test, with private servers.

    python -m benchmarks.faults                         all of them, minutes
    python -m benchmarks.faults race --backend redis    one
    python -m benchmarks.faults --quick                 small sizes, as CI does

Each prints what was promised and what was found; the exit status is 1 where
these differ.

The map, in reading order: ``run`` the command line; ``race`` and
``connections`` the scripts, each a class with run(); ``site`` the processes of
one: workers and senders on ``project/``; ``servers`` the backends' servers;
``findings`` what is shown. Another script is one more class in run.SCRIPTS,
another backend one in servers.BACKENDS.
"""
