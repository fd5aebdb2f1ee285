"""What is wrong with a provider beyond its own fields: whether its canned answers can be understood. Pure."""

from collections.abc import Iterator

from battle.actors.chain.expected_answers import expected_answer
from battle.actors.spec.providers import MockProvider


def provider_problems(provider: MockProvider) -> Iterator[str]:
    """Each thing wrong with a provider: with its fields, then with its canned answers."""
    yield from provider.problems()
    for method, value in provider.canned.items():
        try:
            expected_answer(value)
        except ValueError as problem:
            yield f"provider {provider.name}: the canned answer to {method}: {problem}"
