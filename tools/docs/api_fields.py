"""What docs/api.md shows of a class, as an extension of griffe (`extensions` in mkdocs.yml).

Its fields, as the signature that msgspec makes of them, and the functions that make one. What else a class can do is
for Battle's own use.
"""

from collections.abc import Iterator
from typing import Any

import griffe

_MAKERS = {"classmethod", "staticmethod"}


class Fields(griffe.Extension):
    """Drops methods and properties of classes, and gives structs the signature that they have."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """A package was read, all of it."""
        _pass_on(pkg)
        classes = list(_classes(pkg))
        signatures = [_signature(cls) for cls in classes]
        for cls, signature in zip(classes, signatures, strict=True):
            for name, member in list(cls.members.items()):
                if _is_private(member):
                    cls.del_member(name)
            if signature:
                cls.set_member("__init__", griffe.Function("__init__", parameters=signature))


def _pass_on(package: griffe.Module) -> None:
    """What a package passes on at run time from its module `names`, which nobody can read off its source."""
    if "names" not in package.members:
        return
    for name, member in package["names"].members.items():
        if member.is_alias and name not in package.members:
            package.set_member(name, griffe.Alias(name, target=f"{package.name}.names.{name}"))


def _classes(module: griffe.Object) -> Iterator[griffe.Class]:
    for member in module.members.values():
        if isinstance(member, griffe.Class):
            yield member
        elif isinstance(member, griffe.Module):
            yield from _classes(member)


def _is_private(member: griffe.Object | griffe.Alias) -> bool:
    if member.is_alias:
        return False
    return (member.is_function or "property" in member.labels) and not _MAKERS & member.labels


def _signature(cls: griffe.Class) -> griffe.Parameters | None:
    """Of a struct; None of any other class."""
    family = [*reversed(cls.mro()), cls]
    if not any(str(base).endswith("Struct") for one in family for base in one.bases):
        return None
    fields: dict[str, griffe.Parameter] = {}
    for one in family:
        kind = griffe.ParameterKind.positional_or_keyword
        if one.keywords.get("kw_only") == "True":
            kind = griffe.ParameterKind.keyword_only
        for name, member in one.attributes.items():
            if (
                "property" in member.labels
                or member.annotation is None
                or "ClassVar" in str(member.annotation)
            ):
                continue
            fields.pop(name, None)
            fields[name] = griffe.Parameter(
                name, annotation=member.annotation, kind=kind, default=member.value
            )
    ordered = sorted(fields.values(), key=lambda field: field.kind is griffe.ParameterKind.keyword_only)
    return griffe.Parameters(griffe.Parameter("self"), *ordered)
