"""A response as the content of a message, and back."""

from http.client import responses

from django.http import HttpResponse, StreamingHttpResponse

from ..exceptions import InvalidMessage


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
    content = {
        "status": response.status_code,
        "headers": [
            *([name, value] for name, value in response.items()),
            *(["Set-Cookie", c.OutputString()] for c in response.cookies.values()),
        ],
    }
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
        if more is None:
            response = HttpResponse(body, status=status)
        else:
            chain = _achain if hasattr(more, "__aiter__") else _chain
            response = StreamingHttpResponse(chain(body, more), status=status)
        if content.get("reason"):
            response.reason_phrase = content["reason"]
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            if name.lower() == "set-cookie":
                response.cookies.load(value)
            else:
                response.headers[name] = value
        for cookie in response.cookies.values():
            if cookie["max-age"].isdecimal():
                # As set_cookie() has it.
                cookie["max-age"] = int(cookie["max-age"])
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidMessage(
            f"A reply to an HTTP request needs status (an int from 100 to 599), "
            f"headers (a list of [name, value]) and content (bytes or str): {error}"
        ) from error
    return response


def _chain(first, more):
    if first:
        yield first
    yield from more


async def _achain(first, more):
    if first:
        yield first
    async for data in more:
        yield data
