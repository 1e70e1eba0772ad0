"""
A backend in memory whose messages are really encoded and decoded.

What a consumer gets through it is what one in another process would get. To
run a project's tests that way::

    CHANNEL_BACKENDS = {
        "default": {
            "BACKEND": "django.channels.testing.encoding.EncodingChannelBackend",
        },
    }

A test reads more from a response than any message carries: its context and
templates, its class, the request as the view left it. So the response that the
view made stays, and gets its status, headers, cookies and content from the
reply; and the request that came in gets what the view's request has become.
"""

from django.channels import codec, http
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.message import Message
from django.channels.received_request import ReceivedRequest
from django.channels.request import RequestMessage, ResponseMessage
from django.core.handlers.wsgi import WSGIRequest

# What a test, or its client, tells the handler past the request's content.
OF_THE_TEST = ("_dont_enforce_csrf_checks", "urlconf")

# What a request has of the server it came in through.
OF_THE_EDGE = ("META", "environ", "scope")


def carried(content):
    """Return the content as it arrives."""
    return codec.decode(codec.encode(codec.plain(content)))


class EncodingChannelBackend(MemoryChannelBackend):
    """Takes the default backend's place in tests; see the module."""

    by_reference = False

    def __init__(self, alias, params):
        super().__init__(alias, params)
        # The requests on their way, by reply channel.
        self._requests = {}

    def send(self, message):
        super().send(self._encoded(message))

    def group_send(self, group, content):
        super().group_send(group, carried(content))

    def unlisten(self, name):
        self._requests.pop(name, None)
        super().unlisten(name)

    def fail(self, name, error):
        """Raise the error where the reply ``name`` is waited for."""
        sink = self._state.sinks.get(name)
        if sink is not None:
            sink.fail(error)

    def _encoded(self, message):
        message.backend = self
        content = carried(message.content)
        if isinstance(message, ResponseMessage):
            request = self._requests.pop(message.channel, None)
            if request is not None and request.request is not None:
                request.reflect()
            restore(message.response, content)
            return message
        if isinstance(message, RequestMessage):
            arriving = EncodedRequest(message, content)
            self._requests[message.reply_channel] = arriving
            return arriving
        return Message(message.channel, content)


class EncodedRequest(ReceivedRequest):
    """A request that arrives as its content alone."""

    __slots__ = ("request", "sent", "edge")

    def __init__(self, message, content):
        super().__init__(message.channel, content)
        self.request = None
        self.edge = {}
        # The request that the edge has, and hands to the test.
        self.sent = message.request

    @property
    def urlconf(self):
        return getattr(self.sent, "urlconf", None)

    def decode_request(self):
        """
        Return the request, in the very object that the edge has where that is
        one of WSGI's: there are tests that ask whether it is the same.
        """
        request = super().decode_request()
        told = {
            name: getattr(self.sent, name)
            for name in OF_THE_TEST
            if hasattr(self.sent, name)
        }
        if isinstance(self.sent, WSGIRequest):
            edge = vars(self.sent)
            self.edge = {name: edge[name] for name in OF_THE_EDGE if name in edge}
            vars(self.sent).clear()
            vars(self.sent).update(vars(request))
            request = self.sent
        vars(request).update(told)
        self.request = request
        return request

    def serve(self):
        try:
            super().serve()
        except Exception as error:
            # Between processes: a line in the log, and status 500.
            self.backend.fail(self.content["reply_channel"], error)

    def reflect(self):
        """Let the test see what the view has made of its request."""
        meta = self.request.META
        for name, value in vars(self.request).items():
            if name not in OF_THE_EDGE:
                setattr(self.sent, name, value)
        vars(self.sent).update(self.edge)
        for name, value in meta.items():
            self.sent.META.setdefault(name, value)


def restore(response, content):
    """Give the response what its message brought."""
    decoded = http.decode_response(content)
    if not response.streaming:
        response.content = decoded.content
    elif response.is_async:
        response.streaming_content = _aencoded(response.streaming_content)
    elif getattr(response, "file_to_stream", None) is not None:
        response.streaming_content = EncodedFile(response.file_to_stream)
    else:
        response.streaming_content = map(_encoded, response.streaming_content)
    response.status_code = decoded.status_code
    response.headers = decoded.headers
    response.cookies = decoded.cookies
    if "reason" in content:
        response.reason_phrase = decoded.reason_phrase


class EncodedFile:
    """A file whose blocks are carried."""

    def __init__(self, file):
        self.file = file

    def read(self, size=-1):
        return _encoded(self.file.read(size))

    def close(self):
        self.file.close()


def _encoded(chunk):
    return carried({"content": chunk})["content"]


async def _aencoded(chunks):
    async for chunk in chunks:
        yield _encoded(chunk)
