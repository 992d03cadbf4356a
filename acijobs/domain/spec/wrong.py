"""How a rule of one field is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable


def wrong(detail: str, *, of: Iterable[str | tuple[str, ...]] | None = None) -> PydanticCustomError:
    """Return the error that a validator raises.

    Args:
        detail: What is wrong and what would be right; never the value itself.
        of: The members of the object that break the rule, or paths to what is in them; None where it is
            the value as a whole.
    """
    context: dict[str, Any] = {"detail": detail} | ({} if of is None else {"of": list(of)})
    return PydanticCustomError("rule", "{detail}", context)


def refuse_repeated(values: Iterable[str], what: str) -> None:
    """Refuse a list that names something twice, letter case apart."""
    seen: set[str] = set()
    for value in values:
        if value.lower() in seen:
            raise wrong(f"names a {what} twice: each may stand in it once")
        seen.add(value.lower())


def refuse_unless_one(given: dict[str, object]) -> None:
    """Refuse an object that has not exactly one of these members."""
    present = [name for name, value in given.items() if value is not None]
    if len(present) != 1:
        *others, last = (f"'{name}'" for name in given)
        has = " and ".join(f"'{name}'" for name in present) or "none"
        raise wrong(f"must have exactly one of {', '.join(others)} and {last}; it has {has}")
