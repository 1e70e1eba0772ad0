"""What proxies in front of the server say of a request's client."""

import re
from ipaddress import ip_address, ip_network

# Where proxies on the same machine come from. A Unix socket's peers, which
# have no address, count as well: the file's permissions say who they are.
LOCAL = ("127.0.0.0/8", "::1/128")

# What a proxy may call the scheme of a request; some have that of a handshake.
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

# The addresses of IPv4 as a socket has them that listens on both (RFC 4291
# section 2.5.5.2).
MAPPED = ip_network("::ffff:0:0/96")

# RFC 7239 section 4: name=token or name="quoted string".
_PAIR = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*')

# Text whose quoted strings are all closed, from its beginning on.
_CLOSED = re.compile(r'(?:[^"]+|"(?:[^"\\]|\\.)*")*')


class Proxies:
    """
    Trusted proxies, and the header that they write: with ``forwarded`` that
    of RFC 7239, otherwise X-Forwarded-For and X-Forwarded-Proto. One of them:
    a proxy that writes one passes on whatever a client puts into the other.

    ``trusted`` is their addresses and networks, as text; raise ValueError for
    what is none. Each proxy adds to the header whom it was talking to. Read
    from the end, all up to the first hop that isn't trusted was written by
    proxies that are, and that hop is the client.
    """

    def __init__(self, trusted=LOCAL, forwarded=False):
        self._trusted = [_unmapped(ip_network(text)) for text in trusted]
        self._hops = _forwarded if forwarded else _x_forwarded

    def seen(self, head, client, scheme):
        """
        Return the client, as [address, port], and the scheme of a request
        whose connection has these.
        """
        if not self._trusts(client[0]):
            return client, scheme
        for address, port, hop_scheme in self._hops(head):
            scheme = SCHEMES.get(hop_scheme, scheme)
            if address is None:
                # A proxy that is trusted doesn't tell, or knows no better.
                break
            client = [address, port]
            if not self._trusts(address):
                break
        return client, scheme

    def _trusts(self, text):
        if not text:
            return True
        # A link-local address may have a zone.
        address = _parsed(text.partition("%")[0])
        return address is not None and any(address in n for n in self._trusted)


def _x_forwarded(head):
    """Yield address, port and scheme of each hop, the nearest first."""
    hops = _items(head.get("x-forwarded-for")) or [""]
    schemes = _items(head.get("x-forwarded-proto")) or [""]
    if len(schemes) != len(hops):
        # One proxy says it, and the others leave it as it is.
        schemes = schemes[-1:] * len(hops)
    for hop, scheme in zip(reversed(hops), reversed(schemes)):
        yield *_address(hop), scheme.lower()


def _forwarded(head):
    elements = []
    for element in _split(head.get("forwarded") or ""):
        found = {}
        for pair in _split(element, ";"):
            match = _PAIR.fullmatch(pair)
            if match is None:
                # What follows can't be told from what a client made up.
                elements.clear()
                break
            name, quoted, token = match.groups()
            value = token if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[name.lower()] = value
        else:
            elements.append(found)
    for found in reversed(elements):
        yield *_address(found.get("for", "")), found.get("proto", "").lower()


def _items(value):
    return [item.strip() for item in value.split(",")] if value else []


def _split(text, by=","):
    """Split at a character that isn't in a quoted string, and at unclosed quotes."""
    end = _CLOSED.match(text).end()
    # Those behind the first would all be searched to the end of the text.
    text = text[:end] + text[end:].replace('"', by)
    return re.findall(rf'(?:[^{by}"]|"(?:[^"\\]|\\.)*")+', text)


def _address(hop):
    """Return the address and the port of a hop; None and 0 for what is none."""
    match = re.fullmatch(r"\[(.*)\](?::(\d{1,5}))?|([^:]*)(?::(\d{1,5}))?", hop)
    if match is None:
        # An IPv6 address as X-Forwarded-For has it.
        text, port = hop, None
    else:
        text, port = match[1] or match[3], match[2] or match[4]
    address = _parsed(text or "")
    if address is None:
        return None, 0
    return str(address), int(port or 0)


def _unmapped(network):
    """Return the network of IPv4 where IPv6 wraps it, as _parsed() does it."""
    if network.version == 4 or not network.subnet_of(MAPPED):
        return network
    address = network.network_address.ipv4_mapped
    return ip_network((address, network.prefixlen - MAPPED.prefixlen))


def _parsed(text):
    """Return an address, that of IPv4 where IPv6 wraps it, or None."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
