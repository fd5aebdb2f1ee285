"""Reads what a node sent, strictly, without the code under test: an AssertionError says which rule was broken."""

import json
from collections import Counter

import msgspec

STATUSES = {200, 204, 400, 404, 405, 408, 413, 414, 415, 426, 429, 431, 501, 502, 503, 504, 505}
"""What a healthy node may say to a client's mistakes. 500 is none of them: it would be ours."""

CODES = {-32700, -32600, -32601, -32602, -32005, *range(-32099, -31999)}
"""JSON-RPC's own but for -32603, which says that we broke, and those that are a server's to choose."""

CLOSE_CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011}
CLOSE, PING, PONG = 0x8, 0x9, 0xA


class Response(msgspec.Struct):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Heard(msgspec.Struct):
    """All that came over one connection: responses, and after a 101 frames as (opcode, payload)."""

    responses: list[Response] = []
    frames: list[tuple[int, bytes]] = []
    whole: bool = True
    """Whether it ended behind a response or frame, not inside."""

    @property
    def close_code(self) -> int | None:
        payload = next((payload for opcode, payload in self.frames if opcode == CLOSE), None)
        return None if payload is None else int.from_bytes(payload[:2], "big") if payload else 1005

    def opcodes(self, wanted: int) -> list[bytes]:
        return [payload for opcode, payload in self.frames if opcode == wanted]

    @property
    def texts(self) -> list[bytes]:
        """Bodies of JSON-RPC, and messages."""
        bodies = [it.body for it in self.responses if b"json" in it.headers.get(b"content-type", b"")]
        return bodies + self.opcodes(0x1)


def read(data: bytes, *, is_head: bool = False) -> Heard:
    heard = Heard()
    while data:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return Heard(heard.responses, whole=False)
        line, *lines = head.split(b"\r\n")
        version, status, reason = line.split(b" ", 2)
        assert version == b"HTTP/1.1", line
        assert reason.decode("ascii").isprintable(), line
        headers = {name.lower(): value for name, _, value in (it.partition(b": ") for it in lines)}
        response = Response(int(status), headers, b"")
        if response.status == 100:
            data = rest
            continue
        heard.responses.append(response)
        if response.status == 101:
            _read_frames(rest, heard)
            return heard
        size = 0 if is_head or response.status == 204 else int(headers[b"content-length"])
        response.body, data = rest[:size], rest[size:]
        if len(response.body) < size:
            heard.responses.pop()
            heard.whole = False
            return heard
    return heard


def _read_frames(data: bytes, heard: Heard) -> None:
    while data:
        if len(data) < 2:
            break
        first, size, at = data[0], data[1], 2
        assert first & 0xF0 == 0x80, "a node neither fragments nor sets reserved bits"
        assert first & 0x0F in (0x1, CLOSE, PING, PONG), f"opcode {first & 0x0F}"
        assert size < 128, "a node must not mask"
        assert size < 126 or first & 0x0F == 0x1, "control frames are small"
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(data[2:10], "big"), 10
        if len(data) < at + size:
            break
        assert heard.close_code is None, "something came after the close frame"
        heard.frames.append((first & 0x0F, data[at : at + size]))
        data = data[at + size :]
    heard.whole = not data


def check_rules(heard: Heard) -> None:
    """What holds for whatever a client sent."""
    for response in heard.responses:
        _check_response(response)
    for _, payload in (it for it in heard.frames if it[0] == CLOSE):
        code = heard.close_code
        assert code in CLOSE_CODES or 3000 <= (code or 0) <= 4999 or code in (1005, 1010, 1012, 1013), code
        payload[2:].decode()
    for text in heard.texts:
        for answer in answers_of(text):
            _check_answer(answer)


def _check_response(response: Response) -> None:
    status = response.status
    assert status in STATUSES or status == 101, f"status {status}: {response.body[:200]!r}"
    if status == 200:
        # A health check gets no body; whoever calls gets one.
        assert (b"json" in response.headers[b"content-type"]) == bool(response.body), "200 without a word"
    elif status not in (101, 204) and b"json" in response.headers[b"content-type"]:
        json.loads(response.body)


def answers_of(text: bytes) -> list[dict]:
    """The answers, without notifications."""
    found = _decode(text)
    assert isinstance(found, dict) or (isinstance(found, list) and found), f"no answer: {text[:300]!r}"
    answers = found if isinstance(found, list) else [found]
    return [answer for answer in answers if answer.get("method") != "eth_subscription"]


def _check_answer(answer: dict) -> None:
    assert answer["jsonrpc"] == "2.0"
    assert "id" in answer
    assert ("result" in answer) != ("error" in answer), answer
    if "error" in answer:
        assert answer["error"]["code"] in CODES, answer
        assert answer["error"]["message"], answer


def _decode(text: bytes):
    # Numbers stay text: ids come back as they were written, and Python bounds the digits of an int.
    text.decode()
    return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_no_json)


class _Number(str):
    """A number as it was written; error codes are compared as numbers."""

    def __eq__(self, other) -> bool:
        return int(self) == other if isinstance(other, int) else str.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(int(self)) if len(self) < 20 and self.lstrip("-").isdigit() else str.__hash__(self)


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


# What is owed to a text.


def check_owed(asked: bytes, code: int | None, heard: Heard) -> None:
    """Each valid call has its answer, with its id as the client wrote it; what is no call has an error."""
    texts = heard.texts
    answers = [answer for text in texts for answer in answers_of(text)]
    try:
        items = _decode(asked)
    except (ValueError, RecursionError):
        items = "nothing"  # maybe: where readers of JSON differ, an answer of any kind will do
        assert answers, "no answer to what is no JSON"
    if isinstance(items, list) and items:
        valid = [_shown(item["id"]) for item in items if _is_call(item) and "id" in item]
        got = Counter(_shown(answer["id"]) for answer in answers)
        refused = len(answers) == 1 and answers[0].get("error", {}).get("code") in (-32600, -32700, -32005)
        missing = Counter(valid) - got
        # Where we read less than Python does (too deep, say), nobody knows the id.
        unread = sum(answer.get("error", {}).get("code") in (-32600, -32700) for answer in answers)
        assert refused or missing.total() <= unread, f"no answer for {list(missing)[:5]}"
    elif isinstance(items, dict) and _is_call(items):
        if "id" in items:
            assert len(answers) == 1, answers
            whole = _shown(answers[0]["id"]) == _shown(items["id"])
            assert whole or answers[0]["error"]["code"] in (-32700, -32600), answers[0]
        if code is not None:
            assert answers[0]["error"]["code"] == code, answers[0]
    elif not answers:
        raise AssertionError("no answer to what is no call")
    elif items != "nothing":
        assert all(answer["error"]["code"] in (-32700, -32600) for answer in answers), answers


def _shown(call_id: object) -> str:
    return repr(call_id) if isinstance(call_id, _Number | str) else json.dumps(call_id)


def _is_call(item: object) -> bool:
    return (
        isinstance(item, dict)
        and type(item.get("jsonrpc")) is str
        and item["jsonrpc"] == "2.0"
        and type(item.get("method")) is str
        and isinstance(item.get("params", []), list | dict)
        and ("id" not in item or item["id"] is None or isinstance(item["id"], str))  # numbers are text here
    )
