"""System checks of CHANNEL_BACKENDS and what goes with it."""

import threading

from django.conf import settings
from django.core import checks

from . import names
from .exceptions import InvalidChannelBackend

KEYS = frozenset({"BACKEND", "LOCATION", "EXPIRY", "CAPACITY", "OPTIONS"})


@checks.register
def check_channel_backends(app_configs=None, **kwargs):
    """Every alias can be made into a backend, and there is a default."""
    from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends

    backends = settings.CHANNEL_BACKENDS
    if not isinstance(backends, dict) or DEFAULT_CHANNEL_BACKEND_ALIAS not in backends:
        return [
            checks.Error(
                "CHANNEL_BACKENDS must be a dict with the key "
                f"{DEFAULT_CHANNEL_BACKEND_ALIAS!r}.",
                hint="Leave the setting out to have channels in memory.",
                id="channels.E001",
            )
        ]
    errors = []
    for alias in backends:
        try:
            errors.extend(channel_backends[alias].check())
        except InvalidChannelBackend as error:
            errors.append(checks.Error(str(error), id="channels.E002"))
        else:
            errors.extend(_unknown_keys(alias, backends[alias]))
    return errors


def _unknown_keys(alias, params):
    unknown = sorted(params.keys() - KEYS, key=str)
    if unknown:
        yield checks.Warning(
            f"CHANNEL_BACKENDS[{alias!r}] has keys that mean nothing: "
            f"{', '.join(map(repr, unknown))}.",
            hint=f"The keys are {', '.join(sorted(KEYS))}; what a backend takes "
            f"besides goes into OPTIONS.",
            id="channels.W001",
        )


@checks.register
def check_http_backend(app_configs=None, **kwargs):
    """Requests have a backend to travel on."""
    alias = settings.CHANNEL_HTTP_BACKEND
    backends = settings.CHANNEL_BACKENDS
    if alias is None or alias == "local":
        return []
    if isinstance(backends, dict) and alias in tuple(backends):
        return []
    return [
        checks.Error(
            f"CHANNEL_HTTP_BACKEND is {alias!r}, which is no alias of "
            f"CHANNEL_BACKENDS.",
            hint="Use 'local' to keep requests in their process, None to keep them "
            "out of channels, or an alias.",
            id="channels.E003",
        )
    ]


@checks.register
def check_http_timeout(app_configs=None, **kwargs):
    """The deadline of a request is a time."""
    timeout = settings.CHANNEL_HTTP_TIMEOUT
    number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    # Nor can a thread wait for infinity.
    if timeout is None or (number and 0 < timeout <= threading.TIMEOUT_MAX):
        return []
    return [
        checks.Error(
            f"CHANNEL_HTTP_TIMEOUT is {timeout!r}; it must be a positive number of "
            f"seconds, or None for no deadline.",
            id="channels.E004",
        )
    ]


@checks.register
def check_server_limits(app_configs=None, **kwargs):
    """The server can keep to its limits."""
    from .interfaces.limits import problems

    return [
        checks.Error(
            problem,
            hint="Leave a key out to have its default.",
            id="channels.E008",
        )
        for problem in problems(settings.CHANNEL_SERVER_LIMITS)
    ]


# By the modules that couldn't be imported: the registry's version then, and the
# exception. To import them again could end in another one.
_failures = {}


def import_consumers(modules=("consumers",)):
    """
    Import the apps' consumers, or return the exception. It's no check's own: a
    command such as migrate has to work before all of a project does.
    """
    from . import consumers

    version, failure = _failures.get(modules, (None, None))
    if version is consumers.version:
        return failure
    try:
        consumers.autodiscover(modules)
    except Exception as error:
        _failures[modules] = consumers.version, error.with_traceback(None)
        return error


@checks.register
def check_consumers(app_configs=None, **kwargs):
    """The consumers of the installed apps can be imported."""
    error = import_consumers()
    if error is None:
        return []
    return [
        checks.Warning(
            f"The consumers of the installed apps can't be imported: "
            f"{type(error).__name__}: {error}",
            hint="Servers and workers can't handle any message so. They show the "
            "traceback.",
            id="channels.W013",
        )
    ]


@checks.register
def check_durable_channels(app_configs=None, **kwargs):
    """What is durable is kept by more than this process."""
    from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, consumers

    if import_consumers() is not None:
        # Another check says so.
        return []
    durable = sorted(consumers.durable_channels())
    try:
        backend = channel_backends[DEFAULT_CHANNEL_BACKEND_ALIAS]
    except (InvalidChannelBackend, TypeError):
        # Another check says so.
        return []
    if not durable or backend.durable and not backend.process_local:
        return []
    if not backend.durable:
        return [
            checks.Error(
                f"The channel {durable[0]!r} is durable, and CHANNEL_BACKENDS["
                f"'default'], {type(backend).__qualname__}, has no durable channels.",
                hint="Use a backend that has, or leave durable=True out.",
                id="channels.E005",
            )
        ]
    return [
        checks.Warning(
            f"The channel {durable[0]!r} is durable, but CHANNEL_BACKENDS['default'] "
            f"keeps its messages only as long as this process lives.",
            hint="In production use a backend that processes share. For development, "
            "you can silence this check.",
            id="channels.W003",
        )
    ]


@checks.register
def check_misspelt_channels(app_configs=None, **kwargs):
    """No consumer waits on what is one of Django's channels but for a letter."""
    # Not needed where nothing is checked.
    from difflib import get_close_matches

    from . import consumers

    if import_consumers() is not None:
        return []
    protocol = sorted(names.PROTOCOL_CHANNELS)
    found = []
    for name in sorted({*consumers.channels(("consumers",))} - {*protocol}):
        # One of them with a further part isn't alike enough.
        for meant in get_close_matches(name, protocol, n=1, cutoff=0.9):
            found.append(
                checks.Warning(
                    f"The channel {name!r} has a consumer, and is none of Django's: "
                    f"requests and WebSockets send nothing on it.",
                    hint=f"Did you mean {meant!r}? If not, you can silence this check.",
                    id="channels.W012",
                )
            )
    return found


@checks.register
def check_tasks(app_configs=None, **kwargs):
    """The backends of TASKS that are on channels have what they need there."""
    from .tasks import queues

    if not isinstance(settings.CHANNEL_BACKENDS, dict):
        # Another check says so.
        return []
    return [found for each in queues.backends() for found in each.check_channels()]
