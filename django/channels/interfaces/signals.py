"""The signals that stop a server."""

import signal
import threading


class StopSignals:
    """Has SIGINT and SIGTERM call ``handler``, where this is the main thread."""

    def __init__(self, handler):
        self.handler = handler
        self.kept = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.kept[number] = signal.signal(number, self.handler)

    def __exit__(self, *exc_info):
        for number, handler in self.kept.items():
            # None stands for one that isn't Python's, and can't be set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
