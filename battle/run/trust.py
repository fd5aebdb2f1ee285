"""Which certificates are trusted by a client of a real provider that is not one of the run's nodes."""

import ssl
from pathlib import Path

from battle.actors.spec.providers import RealProvider
from battle.errors import StartError
from battle.store.regular import read_regular

CA_FILE_BYTES_MAX = 4 * 2**20
"""Of certificates to trust: a system's whole store has 0.3 MB."""


def trust_of(provider: RealProvider) -> ssl.SSLContext:
    """The TLS settings for this provider.

    Raises:
        StartError: its `ca_file` cannot be read, or holds no certificates.
    """
    authorities = None
    if provider.ca_file:
        try:
            authorities = read_regular(Path(provider.ca_file), CA_FILE_BYTES_MAX).decode("ascii")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it holds no certificates in PEM"
            raise StartError(f"ca_file {provider.ca_file} cannot be read: {why}") from None
    try:
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, ValueError):
        raise StartError(f"ca_file {provider.ca_file} holds no certificates in PEM") from None
    if not provider.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
