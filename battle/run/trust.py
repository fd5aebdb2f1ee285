"""Which certificates the clients trust that find out about a gateway or a real provider."""

import ssl
from pathlib import Path

from battle.errors import StartError
from battle.store.regular import read_regular

CA_FILE_BYTES_MAX = 4 * 2**20
"""Of certificates to trust: a system's whole store has 0.3 MB."""


def trust_in(ca_file: Path | str, *, verify: bool, whose: str) -> ssl.SSLContext:
    """The TLS settings that trust the authorities in this file, the system's if there is none; `whose` they are.

    Raises:
        StartError: the file cannot be read, or holds no certificates.
    """
    refused = f"{whose}: ca_file {ca_file} holds no certificates in PEM"
    pem = None
    if str(ca_file):
        try:
            # Between the certificates there may be comments in any writing.
            pem = read_regular(Path(ca_file), CA_FILE_BYTES_MAX).decode("ascii", errors="ignore")
        except OSError as error:
            raise StartError(
                f"{whose}: ca_file {ca_file} cannot be read: {error.strerror or error}"
            ) from None
        if not pem:  # which the system's would stand in for
            raise StartError(refused)
    try:
        context = ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise StartError(refused) from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
