"""A worker that starts anew when code changes, for development."""

from django.utils import autoreload

from .exits import leave

# How many seconds a consumer has to end when its code has changed.
GRACE = 1.0


def run_reloading(start):
    """
    Call ``start()``, which returns a running Worker or None, in a process that
    ends and is started again each time that a file of the code changes.
    """
    workers = []

    def main():
        autoreload.raise_last_exception()
        workers.append(start())

    status = 0
    try:
        autoreload.run_with_reloader(main)
    except SystemExit as error:
        status = error.code
        raise
    finally:
        if not all(worker.stop(GRACE) for worker in workers if worker is not None):
            leave(status or 0)
