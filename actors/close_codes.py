"""The close codes of WebSockets (RFC 6455, 7.4, and IANA's registry)."""

from typing import Final

NORMAL: Final = 1000
NO_CODE: Final = 1005
ABNORMAL: Final = 1006
BAD_TEXT: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009

_MISSING_EXTENSION: Final = 1010
_REGISTERED = frozenset(range(1000, 1014)) - {1004, NO_CODE, ABNORMAL}


def is_close_code(code: int) -> bool:
    """Whether a close frame may carry this code, as peers understand the RFC's reserved ranges."""
    return code in _REGISTERED or 3000 <= code <= 4999


def is_servers_close_code(code: int) -> bool:
    """Whether a server may close with it: only a client can miss an extension."""
    return is_close_code(code) and code != _MISSING_EXTENSION
