"""A response as the content of a message, and back."""

import re
from http.client import responses
from http.cookies import CookieError, Morsel

from django.http import HttpResponse, StreamingHttpResponse

from ..exceptions import InvalidMessage

# The attributes of a cookie that have no value.
COOKIE_FLAGS = frozenset({"secure", "httponly", "partitioned"})

# A line that ends in a cookie would begin a header.
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def encode_response(response):
    """
    Return the content for a response. The body of a streamed one is to follow,
    in messages of their own.
    """
    if response.streaming:
        return {**encode_head(response), "content": b"", "more_content": True}
    return {**encode_head(response), "content": response.content}


def encode_head(response):
    """Return the part of the content that comes before a response's body."""
    headers = [[name, value] for name, value in response.items()]
    content = {"status": response.status_code, "headers": headers}
    if "Set-Cookie" in response:
        # A header like any other, which may say what no Morsel knows.
        content["set_cookie"] = response["Set-Cookie"]
        headers[:] = [pair for pair in headers if pair[0].lower() != "set-cookie"]
    headers += (["Set-Cookie", c.OutputString()] for c in response.cookies.values())
    if "Content-Type" not in response:
        # It isn't to be that which every response begins with.
        content["headers"].append(["Content-Type", None])
    if response.reason_phrase != responses.get(response.status_code):
        content["reason"] = response.reason_phrase
    return content


def decode_response(content, more=None):
    """
    Return the HttpResponse for the content of a reply; with ``more``, a plain
    or async iterator of further bytes, a StreamingHttpResponse. Raise
    InvalidMessage for a reply that is none.
    """
    status = content.get("status", 200)
    body = content.get("content", b"")
    if isinstance(body, str):
        body = body.encode()
    headers = content.get("headers", [])
    try:
        if not isinstance(body, bytes):
            # A response would write a text of it, or of its keys.
            raise TypeError(f"content is of type {type(body).__name__}")
        if more is None:
            response = HttpResponse(body, status=status)
        else:
            chain = _achain if hasattr(more, "__aiter__") else _chain
            response = StreamingHttpResponse(chain(body, more), status=status)
        if content.get("reason"):
            response.reason_phrase = content["reason"]
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            if name.lower() == "set-cookie":
                _add_cookie(response.cookies, value)
            elif value is None:
                del response.headers[name]
            else:
                response.headers[name] = value
        if "set_cookie" in content:
            response.headers["Set-Cookie"] = content["set_cookie"]
        for cookie in response.cookies.values():
            if cookie["max-age"].isdecimal():
                # As set_cookie() has it.
                cookie["max-age"] = int(cookie["max-age"])
    except (AttributeError, CookieError, TypeError, ValueError) as error:
        raise InvalidMessage(
            f"A reply to an HTTP request needs status (an int from 100 to 599), "
            f"headers (a list of [name, value]) and content (bytes or str): {error}"
        ) from error
    return response


def _add_cookie(cookies, text):
    """
    Add the cookie of a Set-Cookie header, read as RFC 6265 section 5.2 says.
    SimpleCookie.load() forgets what follows on a character or an attribute
    that it doesn't know, or the cookie altogether.
    """
    if CONTROLS.search(text):
        raise ValueError("a cookie has no control characters")
    pair, *attributes = text.split(";")
    name, mark, coded = map(str.strip, pair.partition("="))
    if not mark:
        return
    morsel = Morsel()
    morsel.set(name, *cookies.value_decode(coded))
    for attribute in attributes:
        key, mark, value = attribute.strip().partition("=")
        if morsel.isReservedKey(key) and (mark or key.lower() in COOKIE_FLAGS):
            morsel[key] = value if mark else True
    dict.__setitem__(cookies, name, morsel)


def _chain(first, more):
    if first:
        yield first
    yield from more


async def _achain(first, more):
    if first:
        yield first
    async for data in more:
        yield data
