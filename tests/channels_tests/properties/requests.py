"""Requests as bytes, good and bad ones, as strategies."""

from hypothesis import strategies as st

methods = st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"PATCH"])
targets = st.sampled_from([b"/", b"/a?b=c", b"/a%2Fb", b"http://a/b", b"//x"])
pairs = st.tuples(methods, targets)
plain_headers = st.lists(
    st.sampled_from(
        [
            b"Accept: text/html, */*;q=0.1",
            b"Cookie: a=b; c=d",
            b"X-Empty:",
            b"X-Spaces: \t a  b \t ",
            b"X-Latin: caf\xe9",
            b"X_Y: 1",
            b"Accept: a",
            b"Expect: 100-continue",
            b"Connection: keep-alive",
            b"Connection: close",
            b"Upgrade: h2c",
            b"Connection: Upgrade",
        ]
    ),
    max_size=4,
    unique=True,
)
bodies = st.binary(max_size=12) | st.sampled_from([b"0\r\n\r\n", b"GET / HTTP/1.1\r\n"])


@st.composite
def chunked(draw):
    """A chunked body."""
    data = b""
    for piece in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=3)):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x", b"%x;a=b", b'%x;a="b"']))
        data += size % len(piece) + b"\r\n" + piece + b"\r\n"
    return data + b"0\r\n" + draw(st.sampled_from([b"", b"X-Trailer: 1\r\n"])) + b"\r\n"


@st.composite
def good(draw):
    """A request that a server must understand."""
    headers = [b"Host: a", *draw(plain_headers)]
    body = b""
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    if framing == "length":
        body = draw(bodies)
        headers.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        body = draw(chunked())
        headers.append(b"Transfer-Encoding: chunked")
    asked = draw(st.just(b"OPTIONS *") | st.builds(b"%b %b".__mod__, pairs))
    lines = [asked + b" HTTP/1.1"]
    lines += draw(st.permutations(headers))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


# What servers have understood differently.
ambiguous = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 3",
            b"Content-Length: 03",
            b"Content-Length: +3",
            b"Content-Length: 3, 3",
            b"Content-Length: 0x3",
            b"Content-Length:\x0b3",
            b"Content-Length: 3 ",
            b"Content-Length : 3",
            b"Content_Length: 3",
            b"Content-Length: ",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: Chunked",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding:\x0bchunked",
            b"Transfer-Encoding: chunked\x0b",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding : chunked",
            b"Transfer_Encoding: chunked",
            b"Transfer-Encoding:",
            b" Transfer-Encoding: chunked",
            b"\tfolded",
            b"Host: a",
            b"Host: b",
            b"Host:",
            b"X: a\rb",
            b"X: a\nTransfer-Encoding: chunked",
            b"X: a\0b",
            b"No colon",
            b": no name",
            b"X: \x7f",
            b"Connection: close",
            b"Connection: close, Upgrade",
            b"Connection: Upgrade",
            b"Upgrade: h2c",
        ]
    ),
    max_size=4,
)


@st.composite
def doubtful(draw):
    """A request that servers may understand differently, and what follows it."""
    line = draw(methods) + b" " + draw(targets)
    line += draw(
        st.sampled_from([b" HTTP/1.1"] * 6 + [b" HTTP/1.0", b" HTTP/1.2", b""])
    )
    lines = [line, *draw(st.sampled_from([[b"Host: a"]] * 4 + [[]])), *draw(ambiguous)]
    end = draw(st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r"]))
    body = draw(
        bodies | chunked() | st.sampled_from([b"abc", b"3\r\nabc\r\n0\r\n\r\n"])
    )
    return end.join(lines) + end + end + body


@st.composite
def damaged(draw, requests):
    """A request some bytes of which were changed, added or lost."""
    data = draw(requests)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        new = draw(
            st.sampled_from([*map(bytes, zip(b"\r\n\t\v\0 ,;:0\xff-_"))] + [b""])
        )
        data = data[:at] + new + data[at + draw(st.integers(0, 2)) :]
    return data


@st.composite
def pieces(draw, data):
    """The data cut at any places."""
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=6))
    cuts = [0, *sorted(cuts), len(data)]
    return [data[i:j] for i, j in zip(cuts, cuts[1:]) if i < j]
