"""
Scripts that put workers and interface servers to the test, with private servers.

    python -m benchmarks.faults                         all of them, an hour
    python -m benchmarks.faults race --backend redis    one
    python -m benchmarks.faults --quick                 small sizes, as CI does

Each prints what was promised and what was found; the exit status is 1 where
these differ.

The map, in reading order: ``run`` the command line; ``race``, ``connections``,
``kills``, ``outage``, ``rolling``, ``server_killed`` and ``soak`` the scripts,
each a class with run(); ``site`` what one has started on ``project/``, in
``processes``, whose clients are ``sockets`` and ``requests``; ``servers`` the
backends' servers, and ``relay`` a network before one; ``findings`` and
``report`` what is shown and stored. Another script is one more class in
run.SCRIPTS, another backend one in servers.BACKENDS.
"""
