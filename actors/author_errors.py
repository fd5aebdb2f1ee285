"""Whose mistake an exception is: the scenario's own code or data, or something that a restart may help."""


class AuthorsError(Exception):
    """The scenario's own code or data failed in a node: started again, it would fail again."""


def leaves(error: BaseException) -> list[BaseException]:
    """The exceptions inside an exception group, however nested; of any other, itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def is_authors(error: BaseException) -> bool:
    """Whether the scenario's own code or data is among what failed."""
    return any(isinstance(leaf, AuthorsError) for leaf in leaves(error))
