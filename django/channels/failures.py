"""Responses for requests that got no reply."""

from django.core.handlers.exception import response_for_exception
from django.http import HttpResponse
from django.utils.log import log_response

from .exceptions import (
    BackendUnavailable,
    ChannelFull,
    MessageTooLarge,
    ReplyTimeout,
    WorkerLost,
)


def response_to(error, request):
    """
    Return the response for a request that got no reply.

    With a 503, nobody has had the request: it can be made again. With a 502
    somebody has, or may have, and nothing is known of what was done.
    """
    if isinstance(error, ChannelFull) or getattr(error, "unsent", False):
        return unavailable(request)
    if isinstance(error, (WorkerLost, BackendUnavailable)):
        return bad_gateway(request)
    if isinstance(error, ReplyTimeout):
        return gateway_timeout(request)
    if isinstance(error, MessageTooLarge):
        return _refusal(request, 413, {})
    # Such as a client that left in the middle of its body.
    return response_for_exception(request, error)


def unavailable(request):
    """
    Return the response for a request that found its channel full, its backend
    out of reach, or no worker there.
    """
    return _refusal(request, 503, {"Retry-After": "1"})


def bad_gateway(request):
    """
    Return the response for a request whose worker has died, or whose backend
    failed when it was sent or later.
    """
    return _refusal(request, 502, {})


def gateway_timeout(request):
    """Return the response for a request that had no reply by its deadline."""
    return _refusal(request, 504, {})


def _refusal(request, status, headers):
    response = HttpResponse(status=status, headers=headers, content_type="text/plain")
    response.content = f"{status} {response.reason_phrase}\n"
    return finished(request, response)


def finished(request, response):
    """
    Return the response, with what a handler does about one at last: it closes
    the request with it, and a failure is logged.
    """
    response._resource_closers.append(request.close)
    if response.status_code >= 400:
        log_response(
            "%s: %s",
            response.reason_phrase,
            request.path,
            response=response,
            request=request,
        )
    return response
