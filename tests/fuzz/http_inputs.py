"""Malformed HTTP: a valid request with something wrong in its line, headers, framing, bytes or delivery."""

from random import Random

from tests.fuzz.inputs import Input, Say, delivered, ending, mangle

BODY = b'{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}'

METHODS = (
    b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"PATCH", b"POSTT",
    b"post", b"",
    b"P\0ST", b"\xff\xfe", b"M" * 20_000, b"M-SEARCH", b"SOURCE", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nPOST",
)  # fmt: skip
TARGETS = (
    b"*", b"//", b"http://a/", b"a:1", b"", b"/" + b"x" * 20_000, b"/\xff\xfe", b"/a b", b"/\0", b"?",
    b"/%zz",
    b"/../../etc/passwd", b"http://[::1", b"/#f", b"\t", b"/a\rb",
)  # fmt: skip
VERSIONS = (
    b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/9.9", b"HTTP/1", b"http/1.1", b"HTTP/1.1 x",
    b"",
    b"HTTP/1.10", b"ICE/1.0", b"RTSP/1.0", b"HTTP/-1.1", b"HTTP/1.1\0",
)  # fmt: skip
LENGTHS = (
    b"-5", b"+5", b"0x10", b"1e3", b"99999999999999999999", b"18446744073709551615", b"5, 5", b"", b"5 5",
    b"\xb2",
    b"2097153", b"1_0", b" ", b"0", b"00000000000000000047", b"47;", b"four",
)  # fmt: skip
ENCODINGS = (
    b"chunked", b"gzip", b"identity", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"xchunked",
    b"\x0bchunked", b"chunked;q=1", b"", b"CHUNKED", b"chunked\0",
)  # fmt: skip
HEADERS = (
    (b"", b"x"), (b"a b", b"c"), (b"bad\0", b"x"), (b"x", b"\0"), (b"x", b"a\rb"), (b"x", b"a\nb"),
    (b"x", b"a\r\n b"),
    (b"x", b"a\r\n\tb"), (b"x", b"y" * 17_000), (b"y" * 17_000, b"x"), (b"x\xff", b"\xff"), (b"host", b"b"),
    (b"expect", b"100-continue"), (b"expect", b"200-ok"), (b"connection", b"close"),
    (b"connection", b"upgrade"),
    (b"connection", b"\xff,,,close,,"), (b"upgrade", b"h2c"), (b"upgrade", b"websocket"), (b"upgrade", b"\0"),
    (b"upgrade", b"TLS/1.0, HTTP/3"), (b"x-battle-request", b"\xff" * 300), (b"x-battle-request", b""),
    (b"x-battle-request", b"w" + b"9" * 9_000), (b"content-type", b"text/html"),
    (b"content-encoding", b"gzip"),
    (b"keep-alive", b"timeout=0"), (b"proxy-connection", b"close"), (b"te", b"trailers"), (b"trailer", b"x"),
    (b"http2-settings", b"AAMAAABkAAQAAP__"), (b"date", b"never"), (b"range", b"bytes=0-"),
)  # fmt: skip
BAD_CHUNKS = (
    b"zz\r\nhello\r\n0\r\n\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n", b"fffffffffffffff\r\nx",
    b"5\r\nhelloXX0\r\n\r\n",
    b"5\nhello\n0\n\n", b"5;" + b"x" * 20_000 + b"\r\nhello\r\n0\r\n\r\n", b"5\r\nhel",
    b"0\r\nx: y\r\n\r\n", b"0\r\n: y\r\n\r\n",
    b"0\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", b"\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n', b"0x5\r\nhello\r\n0\r\n\r\n", b"200001\r\n",
    b"5\r\nhello\r\n0\r\ncontent-length: 5\r\n\r\n",
    b"1\r\nx\r\n" * 500 + b"0\r\n\r\n",
)  # fmt: skip

HEAD = ((b"host", b"a"), (b"content-type", b"application/json"))
"""What a server wants to see before it looks at a body."""


def encoded(method=b"POST", target=b"/", version=b"HTTP/1.1", headers=(), body=b"") -> bytes:
    """A request as its parts say, right or wrong."""
    lines = [b"%b %b %b" % (method, target, version), *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join((*lines, b"", body))


def valid(body: bytes = BODY, *headers: tuple[bytes, bytes]) -> bytes:
    """A request with nothing wrong."""
    return encoded(headers=(*HEAD, *headers, (b"content-length", b"%d" % len(body))), body=body)


def chunked(rng: Random, body: bytes) -> bytes:
    """A body in chunks, rightly."""
    chunks = []
    while body:
        size = rng.choice((1, 5, len(body)))
        chunks.append(b"%x\r\n%b\r\n" % (len(body[:size]), body[:size]))
        body = body[size:]
    return b"".join((*chunks, b"0\r\n\r\n"))


def http_input(rng: Random, name: str) -> Input:
    """One malformed request, or several."""
    kind, data = rng.choice(_KINDS)(rng)
    is_head = data.startswith(b"HEAD ") and data.count(b"HTTP/") == 1
    steps = (*delivered(rng, data), *ending(rng)) if data else (Say(b"\r\n"),)
    return Input(f"{name} http {kind}", steps, is_head=is_head)


def _with_line(rng: Random) -> tuple[str, bytes]:
    parts = {"method": b"POST", "target": b"/", "version": b"HTTP/1.1"}
    part, choices = rng.choice((("method", METHODS), ("target", TARGETS), ("version", VERSIONS)))
    headers = (*HEAD, (b"content-length", b"%d" % len(BODY)))
    return f"with a wrong {part}", encoded(**{**parts, part: rng.choice(choices)}, headers=headers, body=BODY)


def _with_framing(rng: Random) -> tuple[str, bytes]:
    headers = [*HEAD]
    for _ in range(rng.choice((0, 1, 1, 2))):
        honest = len(BODY) + rng.choice((-1, 0, 1, 1000))
        headers.append((b"content-length", rng.choice((*LENGTHS, b"%d" % honest))))
    headers += [(b"transfer-encoding", rng.choice(ENCODINGS)) for _ in range(rng.choice((0, 1, 1, 2)))]
    body = rng.choice((BODY, chunked(rng, BODY), rng.choice(BAD_CHUNKS)))
    return "with wrong framing", encoded(headers=headers, body=body)


def _with_bad_chunks(rng: Random) -> tuple[str, bytes]:
    headers = (*HEAD, (b"transfer-encoding", b"chunked"))
    return "with bad chunks", encoded(headers=headers, body=rng.choice(BAD_CHUNKS))


def _with_headers(rng: Random) -> tuple[str, bytes]:
    more = [rng.choice(HEADERS) for _ in range(rng.choice((1, 1, 2, 4)))]
    if rng.random() < 0.1:
        more += [(b"x%d" % number, b"y") for number in range(2000)]
    return "with odd headers", valid(BODY, *more)


def _mangled(rng: Random) -> tuple[str, bytes]:
    headers = (*HEAD, (b"transfer-encoding", b"chunked"), (b"expect", b"100-continue"))
    whole = rng.choice((valid(), encoded(headers=headers, body=chunked(rng, BODY))))
    return "mangled", mangle(rng, whole)


def _cut(rng: Random) -> tuple[str, bytes]:
    whole = valid()
    return "cut", whole[: rng.randrange(len(whole))]


def _pipelined(rng: Random) -> tuple[str, bytes]:
    requests = [valid() for _ in range(rng.choice((2, 5, 40, 200)))]
    at = rng.randrange(len(requests) + 1)
    requests.insert(at, rng.choice((mangle(rng, valid()), rng.randbytes(50), b"", b"\r\n" * 99)))
    return "pipelined", b"".join(requests)


def _garbage(rng: Random) -> tuple[str, bytes]:
    junk = (
        rng.randbytes(rng.choice((1, 20, 3000, 40_000))),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(500),  # how TLS begins
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0" * 1000,
        b"\r\n" * rng.choice((1, 10, 9000)),
        b"GET /\r\n\r\n",
        BODY + b"\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"POST / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 4000,
        b"POST / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 40_000,
    )
    return "garbage", rng.choice(junk)


_KINDS = (
    _with_line, _with_framing, _with_framing, _with_bad_chunks, _with_headers, _with_headers, _mangled,
    _mangled,
    _mangled, _cut, _pipelined, _garbage,
)  # fmt: skip
