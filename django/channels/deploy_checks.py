"""System checks of ``check --deploy``: what makes a site easier to attack."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from . import names
from .exceptions import InvalidChannelBackend

# How many times its default a limit may be without a warning. A message has
# none: each socket may hold several.
FAR = 16


@checks.register(checks.Tags.security, deploy=True)
def check_weak_limits(app_configs=None, **kwargs):
    """No limit of the server is as good as none."""
    from .interfaces.limits import Limits, problems

    value = settings.CHANNEL_SERVER_LIMITS
    if any(problems(value)):
        # Another check says so.
        return []
    found = []
    for key, limit in value.items():
        default = getattr(Limits(), key.lower())
        most = default if key in ("CONNECTIONS", "MESSAGE_SIZE") else FAR * default
        if limit is None or limit > most:
            what = "off" if limit is None else f"{limit}, far more than usual"
            found.append(
                checks.Warning(
                    f"CHANNEL_SERVER_LIMITS[{key!r}] is {what}: a few clients could "
                    f"take up the server's memory, connections or time.",
                    hint=f"The default is {default}; up to {most} isn't warned of.",
                    id="channels.W007",
                )
            )
    return found


@checks.register(checks.Tags.security, deploy=True)
def check_any_origin(app_configs=None, **kwargs):
    """Foreign pages can't open sockets with the cookies of a user."""
    from . import consumers

    consumers.autodiscover(("consumers",))
    sockets = (names.WEBSOCKET_CONNECT, names.WEBSOCKET_RECEIVE)
    if "*" not in settings.ALLOWED_HOSTS or not any(map(consumers.get, sockets)):
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
    backends = settings.CHANNEL_BACKENDS
    if not isinstance(backends, dict):
        # Another check says so.
        return []
    for alias, params in backends.items():
        missing = sorted(_missing(alias, params))
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


def _missing(alias, params):
    """Return what protection a backend on a network doesn't have."""
    from . import channel_backends

    try:
        backend = channel_backends[alias]
    except InvalidChannelBackend:
        return set()
    urls = params.get("LOCATION")
    missing = set()
    for url in urls if isinstance(urls, (list, tuple)) else [urls]:
        parts = urlsplit(str(url))
        if parts.scheme not in ("redis", "rediss") or _is_local(parts.hostname):
            continue
        client = backend.options.get("CLIENT_OPTIONS", {})
        if parts.scheme == "redis":
            missing.add("TLS")
        if not parts.password and not client.keys() & {
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
