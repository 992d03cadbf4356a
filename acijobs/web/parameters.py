"""Which parameters a query may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acijobs.domain.errors import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_THE_WAY = frozenset({"code", "clientid", "subscription-key"})
"""A function key and its name, and the key of API Management, which hands it on; in lower case.

Source: Azure Functions HTTP trigger, Subscriptions in API Management, learn.microsoft.com.
"""

_MOST_TOLD = 20


def unknown_parameters(given: Iterable[str], known: Iterable[str]) -> list[Violation]:
    """Return a violation for each parameter that is neither known nor one of the way to the app.

    Passed over, a misspelt filter would list every job, and a misspelt dry run would start one.
    """
    known = tuple(known)
    detail = (
        f"is no parameter here: known are {', '.join(known)}" if known else "is no parameter here"
    )
    others = (name for name in given if name.lower() not in OF_THE_WAY)
    unknown = dict.fromkeys(name for name in others if name not in known)
    return [Violation(pointer=f"?{name[:100]}", detail=detail) for name in [*unknown][:_MOST_TOLD]]
