"""Reads what a request asks of the list of jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

from acijobs.domain.errors import InvalidSpecError, Violation
from acijobs.domain.listing import DEFAULT_LIMIT, MAX_LIMIT, STATES, Question, is_key
from acijobs.web.parameters import unknown_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LABELS = 20
_KNOWN = ("state", "label", "limit", "after")


def read_question(url: str) -> Question:
    """Return which jobs the query of this URL asks for.

    `state` and `label` may be given more than once, or with commas between their values; a comma that
    is part of a value is sent as `%2C`.

    Raises:
        InvalidSpecError: names every wrong parameter.
    """
    parts = (part.partition("=") for part in urlsplit(url).query.split("&"))
    given = [(unquote_plus(name), raw) for name, _, raw in parts if name]
    values = {name: [raw for known, raw in given if known == name] for name in _KNOWN}
    wrong = unknown_parameters((name for name, _ in given), _KNOWN)
    question = Question(
        states=frozenset(_states(_parts(values["state"]), wrong)),
        labels=_labels(_parts(values["label"]), wrong),
        limit=_limit(_parts(values["limit"]), wrong),
        after=_after(_parts(values["after"]), wrong),
    )
    if wrong:
        raise InvalidSpecError(tuple(wrong))
    return question


def _parts(texts: list[str]) -> list[str]:
    return [unquote_plus(part) for text in texts for part in text.split(",")]


def _states(names: list[str], wrong: list[Violation]) -> Iterable[str]:
    known = {state.lower(): state for state in STATES}
    for name in names:
        if name.lower() in known:
            yield known[name.lower()]
        else:
            detail = f"must be one of {', '.join(STATES)}, not {name[:100]!r}"
            wrong.append(Violation(pointer="?state", detail=detail))


def _labels(texts: list[str], wrong: list[Violation]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not name or not colon:
            detail = f"must be a name and a value with a colon between, not {text[:100]!r}"
            wrong.append(Violation(pointer="?label", detail=detail))
        elif labels.setdefault(name, value) != value:
            detail = f"asks for two values of {name[:100]!r}, and a job has one at most"
            wrong.append(Violation(pointer="?label", detail=detail))
    if len(labels) > _MOST_LABELS:
        detail = f"must name at most {_MOST_LABELS} labels"
        wrong.append(Violation(pointer="?label", detail=detail))
    return labels


def _limit(texts: list[str], wrong: list[Violation]) -> int:
    text = texts[-1] if texts else str(DEFAULT_LIMIT)
    if re.fullmatch(r"[0-9]{1,9}", text) and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    detail = f"must be a whole number from 1 to {MAX_LIMIT}, not {text[:100]!r}"
    wrong.append(Violation(pointer="?limit", detail=detail))
    return DEFAULT_LIMIT


def _after(texts: list[str], wrong: list[Violation]) -> str:
    text = texts[-1] if texts else ""
    if text and not is_key(text):
        detail = "must be the `next` of the page before"
        wrong.append(Violation(pointer="?after", detail=detail))
    return text
