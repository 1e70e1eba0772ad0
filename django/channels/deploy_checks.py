"""System checks of ``check --deploy``: what makes a site easier to attack."""

from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core import checks

from . import names
from .checks import check_http_timeout, import_consumers
from .exceptions import InvalidChannelBackend

# What a hint ends with.
MEANT = "If your site needs it, add this check to SILENCED_SYSTEM_CHECKS."

# What redis-py takes for False in a URL.
FALSE = frozenset({"0", "F", "FALSE", "N", "NO"})

# The default of CHANNEL_HTTP_TIMEOUT.
HTTP_TIMEOUT = 60


@checks.register(checks.Tags.security, deploy=True)
def check_weak_limits(app_configs=None, **kwargs):
    """No limit of the server is weaker than by default."""
    from .interfaces.limits import Limits, problems

    value = settings.CHANNEL_SERVER_LIMITS
    if any(problems(value)):
        # Another check says so.
        return []
    found = []
    for key, limit in value.items():
        default = getattr(Limits(), key.lower())
        if limit is None or limit > default:
            what = "off" if limit is None else f"{limit}, more than by default"
            found.append(
                checks.Warning(
                    f"CHANNEL_SERVER_LIMITS[{key!r}] is {what}: fewer clients could "
                    f"take up the server's memory, connections or time.",
                    hint=f"The default is {default}. {MEANT}",
                    id="channels.W007",
                )
            )
    return found


@checks.register(checks.Tags.security, deploy=True)
def check_request_timeout(app_configs=None, **kwargs):
    """No request is waited for longer than by default."""
    timeout = settings.CHANNEL_HTTP_TIMEOUT
    if any(check_http_timeout()):
        # It says so.
        return []
    if timeout is not None and timeout <= HTTP_TIMEOUT:
        return []
    return [
        checks.Warning(
            f"CHANNEL_HTTP_TIMEOUT is {timeout}: clients wait that long for a view "
            f"that hangs, and their connections are taken.",
            hint=f"The default is {HTTP_TIMEOUT}. {MEANT}",
            id="channels.W010",
        )
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_weak_backends(app_configs=None, **kwargs):
    """What clients have wait in a backend is within its bounds by default."""
    return [
        checks.Warning(
            f"CHANNEL_BACKENDS[{alias!r}]: {key} is {value}, more than by default: "
            f"fewer clients could take up the memory for what waits.",
            hint=f"The default is {default}. {MEANT}",
            id="channels.W011",
        )
        for alias, params, backend in _backends()
        for key, value, default in _bounds(params, backend)
        if value > default
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_any_origin(app_configs=None, **kwargs):
    """Foreign pages can't open sockets with the cookies of a user."""
    from . import consumers

    if "*" not in settings.ALLOWED_HOSTS:
        return []
    if import_consumers(consumers.modules) is not None:
        return []
    sockets = (names.WEBSOCKET_CONNECT, names.WEBSOCKET_RECEIVE)
    if not any(map(consumers.get, sockets)):
        return []
    return [
        checks.Warning(
            "ALLOWED_HOSTS has '*', so that pages of any site can open WebSockets "
            "here, with the cookies of the user who looks at them.",
            hint="Name the site's hosts in ALLOWED_HOSTS.",
            id="channels.W008",
        )
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_backends_on_the_network(app_configs=None, **kwargs):
    """Messages aren't readable, or forgeable, on their way to a store."""
    found = []
    for alias, params, backend in _backends():
        missing = sorted(_missing(params, backend))
        if missing:
            found.append(
                checks.Warning(
                    f"CHANNEL_BACKENDS[{alias!r}] is on another machine, and its "
                    f"connection has no {' and no '.join(missing)}.",
                    hint="Use a LOCATION of the form rediss://user:password@host, and "
                    "set OPTIONS['ENCRYPTION_KEYS'].",
                    id="channels.W009",
                )
            )
    return found


def _backends():
    """Yield (alias, params, backend) of those whose settings hold."""
    from . import channel_backends

    backends = settings.CHANNEL_BACKENDS
    for alias in backends if isinstance(backends, dict) else ():
        try:
            yield alias, backends[alias], channel_backends[alias]
        except InvalidChannelBackend:
            # Another check says so.
            pass


def _bounds(params, backend):
    """Yield (key, value, default) of what waits, and clients have sent."""
    from .backends.base import DEFAULT_CAPACITY
    from .backends.serializer import LARGEST_MESSAGE
    from .backends.shared import DEFAULT_INBOX_CAPACITY

    options = params.get("OPTIONS", {})
    capacities = [backend.capacity_of(name) for name in names.PROTOCOL_CHANNELS]
    yield "CAPACITY", max(capacities), DEFAULT_CAPACITY
    for key, default in (
        ("MAX_MESSAGE_BYTES", LARGEST_MESSAGE),
        ("INBOX_CAPACITY", DEFAULT_INBOX_CAPACITY),
    ):
        value = options.get(key, 0)
        # One without such an option lets it be anything.
        number = value if isinstance(value, (int, float)) else 0
        yield f"OPTIONS[{key!r}]", number, default


def _missing(params, backend):
    """Return what protection a backend on a network doesn't have."""
    from ssl import CERT_NONE

    urls = params.get("LOCATION")
    missing = set()
    for url in urls if isinstance(urls, (list, tuple)) else [urls]:
        try:
            parts = urlsplit(str(url))
        except ValueError:
            # That of a backend without URLs.
            continue
        if parts.scheme not in ("redis", "rediss") or _is_local(parts.hostname):
            continue
        client = backend.options.get("CLIENT_OPTIONS", {})
        password = None
        # With Sentinels, the URL's password and query are for them alone.
        if not backend.options.get("SENTINEL"):
            password = parts.password
            # What the URL says comes first, as it does for the backend.
            client = {**client, **dict(parse_qsl(parts.query))}
        if parts.scheme == "redis":
            missing.add("TLS")
        elif client.get("ssl_cert_reqs", "required") in (None, "none", CERT_NONE):
            missing.add("check of its certificate")
        elif str(client.get("ssl_check_hostname", True)).upper() in FALSE:
            missing.add("check of its certificate's host")
        if not password and not client.keys() & {
            "password",
            "credential_provider",
        }:
            missing.add("password")
        if not backend.options.get("ENCRYPTION_KEYS"):
            missing.add("encryption of messages")
    return missing


def _is_local(host):
    if host in (None, "", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
