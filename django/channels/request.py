"""Messages that carry a request, and those that carry its response."""

from . import codec, http, names
from .exceptions import InvalidMessage
from .message import Message


class RequestMessage(Message):
    """
    A request on its way to a consumer: by reference within the process, and
    encoded (see django.channels.http) where somebody reads the content.

    ``args`` and ``kwargs`` are the URL's arguments of a forwarded request;
    ``handler`` is the core handler that a request on ``http.request`` came
    through.
    """

    __slots__ = ("request", "args", "kwargs", "reply_channel", "handler", "_content")

    def __init__(self, channel, request, args=(), kwargs=None):
        self.channel = channel
        self.request = request
        self.args = args
        self.kwargs = kwargs
        self.reply_channel = None
        self._content = None
        self.backend = None
        self.expires = None

    @property
    def made_by_django(self):
        return True

    @property
    def content(self):
        if self._content is None:
            content = http.encode_request(self.request)
            if self.channel != names.HTTP_REQUEST:
                content["url_args"] = codec.plain(list(self.args), "url_args")
                content["url_kwargs"] = codec.plain(self.kwargs or {}, "url_kwargs")
            content["reply_channel"] = self.reply_channel
            self._content = content
        return self._content

    def receipt(self, error):
        if error and self.reply_channel is not None:
            return Message(self.reply_channel, {"done": None, "error": True})


class ResponseMessage(Message):
    """
    The reply to a request that is answered in the process it came to: the
    response goes by reference, and is encoded where somebody reads the content.
    """

    __slots__ = ("response",)

    def __init__(self, channel, response):
        self.channel = channel
        self.response = response
        self.backend = None
        self.expires = None

    @property
    def content(self):
        return http.encode_response(self.response)


def open_request(message):
    """
    Return the request that a message carries, its URL's arguments as a list
    and as a dict, and the name of its reply channel. Raise InvalidMessage for a
    message that carries none.
    """
    if isinstance(message, RequestMessage):
        return message.request, message.args, message.kwargs, message.reply_channel
    content = message.content
    if not content.keys() >= {"method", "path", "headers"}:
        raise InvalidMessage(
            f"The message on {message.channel!r} carries no request. A view_consumer() "
            f"answers what Channel(name).as_view() forwards; for a channel's other "
            f"messages, use Channel.consumer()."
        )
    return (
        http.decode_request(content),
        content.get("url_args", []),
        content.get("url_kwargs", {}),
        content.get("reply_channel"),
    )
