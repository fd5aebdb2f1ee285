"""Bodies that a server compressed. Pure.

Nobody here asks for that. A server may do it all the same: a request that names no coding accepts them all (RFC 9110,
section 12.5.3), and HTTP libraries decode these two without a word.
"""

import zlib

from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.untrusted_json import Unreadable

_WINDOWS = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
CONTENT_CODING = b"content-encoding"


def decoded_body(response: HttpResponse, limit: int) -> bytes:
    """The body of a response without the content coding that its head names: gzip or deflate.

    Raises:
        Unreadable: it has another coding, is not what its head says, or would take more than `limit` bytes.
    """
    if CONTENT_CODING not in response.headers:
        return response.body
    coding = response.headers[CONTENT_CODING].strip().lower()
    if coding in (b"", b"identity"):
        return response.body
    if coding not in _WINDOWS:
        raise Unreadable(f"content coding {coding.decode('latin-1')} is not known")
    decoder = zlib.decompressobj(_WINDOWS[coding])
    try:
        body = decoder.decompress(response.body, limit)
    except zlib.error as error:
        raise Unreadable(f"the body is no {coding.decode()}: {error}") from None
    if not decoder.eof or decoder.unused_data:
        raise Unreadable(f"the body is more than {limit} bytes of {coding.decode()}, or not whole")
    return body
