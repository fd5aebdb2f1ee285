"""What is put in for `{port}` and the others in a gateway's command, variables and paths. Pure."""

from collections.abc import Mapping, Sequence

from battle.actors.addresses import Address
from battle.actors.spec.gateways import PLACEHOLDER

_OF_PROVIDERS = "provider."


def provider_values(providers: Mapping[str, Address]) -> list[dict[str, str]]:
    """What each provider is called and where it is, as commands and templates say it."""
    return [
        {
            "name": name,
            "host": address.rpartition(":")[0],
            "port": address.rpartition(":")[2],
            "address": address,
            "url": f"http://{address}",
            "ws_url": f"ws://{address}",
        }
        for name, address in providers.items()
    ]


def filled_text(text: str, values: Mapping[str, str]) -> str:
    """The text with each known placeholder replaced; a shell's own `${port}` is left alone."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def filled_words(
    words: Sequence[str | Sequence[str]], values: Mapping[str, str], providers: Sequence[Mapping[str, str]]
) -> list[str]:
    """The words of a command; one that names something of a provider comes once for each, and so do the words of a
    list, together."""
    of_each = [
        {**values, **{f"{_OF_PROVIDERS}{name}": value for name, value in provider.items()}}
        for provider in providers
    ]
    filled: list[str] = []
    for word in words:
        group = [word] if isinstance(word, str) else word
        repeated = any(name.startswith(_OF_PROVIDERS) for one in group for name in PLACEHOLDER.findall(one))
        for known in of_each if repeated else [values]:
            filled += [filled_text(one, known) for one in group]
    return filled
