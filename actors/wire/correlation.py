"""The trail a request leaves, so that the log can join what client, gateway and provider saw.

A request's id is `w<workload>-<number>`. It travels as the JSON-RPC id (as text, or as a number that says the same),
in a header, and inside addresses and hashes the request asks about: a gateway may rewrite ids and drop headers, but
not change the question.
"""

import re

REQUEST_ID_HEADER = b"x-battle-request"

_MARK = "ba771e00"
"""Eight hex digits no random address starts with by chance more than once in four billion."""

_EMBEDDED = re.compile(_MARK + r"([0-9a-f]{4})([0-9a-f]{12})", re.IGNORECASE)
"""In either case: a gateway may rewrite addresses with the checksum of EIP-55, which lies in the case."""
_ID = re.compile(r"w(\d{1,20})-(\d{1,20})")

_NUMBER_SPAN = 10**12
_NUMBER = re.compile(r"\d{13,15}")
_NUMBERS_MAX = 10**11
"""So many numbers of one workload differ from what clients of others use for ids: milliseconds since 1970 have 13
digits, and leave a larger remainder until 2033; microseconds have 16."""

MAX_ID_CHARACTERS = 128
"""A longer one is none of ours: providers remember the ids they have seen, so clients must not choose how long
they are."""


def request_id(workload: int, number: int) -> str:
    """The id of the `number`-th request of the `workload`-th workload of a run."""
    return f"w{workload}-{number}"


def number_id(workload: int, number: int) -> int:
    """The same as a number, which every language reads exactly: 1000000000498 is `w0-498`."""
    assert 0 <= workload < 999
    assert 0 <= number < _NUMBERS_MAX
    return (workload + 1) * _NUMBER_SPAN + number


def embedded(workload: int, number: int, size_bytes: int) -> str:
    """A value of `size_bytes` (20 for an address, 32 for a hash) as 0x-hex that carries the request's id."""
    assert 0 <= workload < 2**16
    assert 0 <= number < 2**48
    return f"0x{_MARK}{workload:04x}{number:012x}".ljust(2 + 2 * size_bytes, "0")


def found_in_params(params: str) -> str | None:
    """The request id embedded in the text of a call's parameters, if there is one."""
    match = _EMBEDDED.search(params)
    return None if match is None else request_id(int(match[1], 16), int(match[2], 16))


def found_in_request(headers: dict[bytes, bytes], call_id: bytes, params: str) -> str | None:
    """The request id a provider can still see: in the header, else the JSON-RPC id, else the parameters.

    `call_id` and `params` are JSON text.
    """
    header = headers.get(REQUEST_ID_HEADER)
    if header is not None and len(header) <= MAX_ID_CHARACTERS:
        return header.decode("latin-1")
    identifier = call_id.decode("latin-1").strip('"')
    if _ID.fullmatch(identifier):
        return identifier
    if _NUMBER.fullmatch(identifier):
        workload, number = divmod(int(identifier), _NUMBER_SPAN)
        if number < _NUMBERS_MAX:
            return request_id(workload - 1, number)
    return found_in_params(params)
