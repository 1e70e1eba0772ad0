"""The workers in a server's process."""

from concurrent.futures import ThreadPoolExecutor

from django.channels import channel_backends, consumers, names
from django.channels.worker import Worker
from django.conf import settings


class Workers:
    """
    Runs what the server's process receives: requests from ``requests``, the
    backend that they travel on, where the server has ``http``; and messages of
    the default backend. With ``shared`` unset, nothing is received from
    backends that other processes share. Each worker has so many ``threads``.
    """

    def __init__(self, requests, threads, *, http, shared):
        self._requests = requests
        self._threads = threads
        self._http = http
        self._shared = shared
        self._workers = []

    def start(self):
        self._workers = [
            Worker(backend, self._threads, share)
            for backend, channels in self._received().items()
            for share in self._shares(channels)
        ]
        for worker in self._workers:
            worker.start()

    def stop(self, left):
        """Stop; ``left()`` returns how many seconds there are for it."""
        workers, self._workers = self._workers, []
        if workers:
            # At once: each may take a little more than there is.
            with ThreadPoolExecutor(len(workers)) as executor:
                list(executor.map(lambda worker: worker.stop(left()), workers))

    def _received(self):
        """Return the channels to receive from, by backend."""
        default, received = channel_backends["default"], {}
        if self._shared or default.process_local:
            received[default] = consumers.channels()
        backend = self._requests
        if self._http and backend is not default:
            if backend.alias not in settings.CHANNEL_BACKENDS:
                # The one of "local", which no project sends to.
                received[backend] = [names.HTTP_REQUEST]
            elif self._shared or backend.process_local:
                received[backend] = consumers.channels()
        return received

    def _shares(self, channels):
        """
        Return the channels of each worker. Requests and sockets have one of
        their own, so that no number of slow jobs keeps them waiting; a single
        thread does everything.
        """
        if self._threads == 1:
            return [channels]
        protocol = [name for name in channels if name in names.PROTOCOL_CHANNELS]
        jobs = [name for name in channels if name not in names.PROTOCOL_CHANNELS]
        return [protocol, jobs] if jobs else [protocol]
