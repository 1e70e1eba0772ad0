"""The way of a server's requests to its workers."""

from django.channels.server_request import ServerRequest


class Requests:
    """
    Sends exchanges on ``http.request`` of ``backend``; ``application`` answers
    those that stay in this process; ``wakeups`` are for the threads that do.
    With an ``outbox``, one for each that doesn't: the reactor's thread doesn't
    wait for another machine.
    """

    def __init__(self, application, backend, outbox, wakeups):
        self._application = application
        self._backend = backend
        self._outbox = outbox
        self._wakeups = wakeups

    def send(self, exchange):
        """Send a request. Raise ChannelFull where that's known at once."""
        backend = self._backend
        request = ServerRequest(
            exchange.content, self._application, exchange, backend, self._wakeups
        )
        if backend.process_local:
            backend.send(request)
        else:
            # No request waits for another: any thread will do.
            self._outbox.post(str(id(exchange)), _try_to_send, request)


def _try_to_send(request):
    """Runs in a thread of the outbox."""
    try:
        request.send()
    except Exception as error:
        # Only then is the reactor's thread to hear of it.
        exchange = request.exchange
        exchange.turns.post(exchange.turns.not_sent, exchange, error)
