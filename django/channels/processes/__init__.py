"""
Processes that run workers or the interface server: what is behind ``manage.py
runworker``, and behind ``runwsserver`` with ``--processes``.

``worker_process`` is a worker that is all that its process does, and
``messages`` what it notes of each message. With several processes,
``supervisor`` starts them and replaces those that crash; ``child`` is how it
sees one of them, and ``parent`` is how one of them sees it. ``events`` is what
the main thread of either waits for. ``readiness`` tells a service manager,
``exits`` lists the exit statuses, ``reloading`` is for development.
"""
