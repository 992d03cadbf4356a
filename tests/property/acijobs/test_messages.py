"""What crosses the durable wire, or is stored: read and written by any release."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acijobs.domain import messages, watch
from acijobs.domain.attempt import Attempt
from acijobs.domain.callback.state import CallbackState
from acijobs.domain.codec import decode, encode, iso, to_camel
from acijobs.domain.group import GroupRef, Scope
from acijobs.domain.messages import REPLIES, Busy, Function, read_reply, write_reply
from acijobs.domain.outcome import ContainerEnd, Happening, Outcome
from acijobs.domain.policy import PollPolicy
from acijobs.domain.progress import ContainerLog, LogState
from acijobs.domain.row import Cancel, Row, Run
from acijobs.domain.terms import RetryRule, RetryTerms, Terms
from acijobs.domain.told import Told, ToldProgress

REQUESTS = [
    messages.JobInput,
    messages.CreateRequest,
    messages.CheckRequest,
    messages.FetchRequest,
    messages.DeleteRequest,
    messages.CallbackRequest,
]
INNER = [
    *(Outcome, ContainerEnd, Happening, PollPolicy, ContainerLog, LogState, Cancel, Run, Attempt),
    *(Terms, RetryTerms, RetryRule, GroupRef, Scope, CallbackState, Told, ToldProgress),
]
EACH = settings(max_examples=settings.default.max_examples // 4)
"""For each of forty kinds: fields of the same shapes are tried in many of them."""
WIRE = [*REQUESTS, *REPLIES.values(), watch.Watch, watch.Change, Row, *INNER]

TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8"), max_size=9)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["2026-11-23T10:00:00", "0001-01-01T00:00:00+23:59", "Succeeded", "ended"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=8,
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    object: st.integers() | TEXT,
    datetime: st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return any values of this annotation."""
    arguments = typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        known = {field.name: values_of(hints[field.name]) for field in dataclasses.fields(hint)}
        return st.builds(hint, **known)
    if typing.get_origin(hint) is types.UnionType:
        return st.none() | values_of(arguments[0])
    if typing.get_origin(hint) is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if typing.get_origin(hint) is dict:
        return st.dictionaries(TEXT, values_of(arguments[1]), max_size=3)
    return st.sampled_from(hint)  # an enum


def through_json(kind: type[Any], value: Any) -> Any:
    return decode(kind, json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: kind.__name__)
@EACH
@given(data=st.data())
def test_every_message_and_the_row_survive_their_way_as_json(
    kind: type[Any], data: st.DataObject
) -> None:
    """What is missing stays missing, and nothing else is lost."""
    value = data.draw(values_of(kind))
    assert through_json(kind, value) == value


@given(st.one_of([values_of(kind) for kind in REPLIES.values()]))
def test_every_reply_is_read_as_the_kind_it_was_written_as(reply: messages.Reply) -> None:
    """The kind travels beside the fields."""
    wire = json.loads(json.dumps(write_reply(reply)))
    assert wire["kind"] == reply.kind
    assert read_reply(wire) == reply


def names_on_the_wire(data: Any) -> set[str]:
    """Return the names of all objects in this data."""
    if isinstance(data, dict):
        return set(data).union(*(names_on_the_wire(item) for item in data.values()))
    if isinstance(data, list):
        return set[str]().union(*(names_on_the_wire(item) for item in data))
    return set()


def with_free_names_left_out(value: Any) -> Any:
    """Return the message without its maps, whose names are data."""
    plain: dict[str, Any] = {
        field.name: {} for field in dataclasses.fields(value) if str(field.type).startswith("dict[")
    }
    return dataclasses.replace(value, **plain)


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: kind.__name__)
def test_names_are_camel_case_on_the_wire(kind: type[Any]) -> None:
    """One spelling in one history."""
    for name in (to_camel(field.name) for field in dataclasses.fields(kind)):
        assert re.fullmatch(r"[a-z][a-zA-Z0-9]*", name)
    for name in names_on_the_wire(encode(with_free_names_left_out(kind()))):
        assert re.fullmatch(r"[a-z][a-zA-Z0-9]*", name)


def dataclasses_within(hint: Any) -> set[type[Any]]:
    """Return the dataclasses that a field of this annotation may hold."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return {hint}
    return set[type[Any]]().union(*(dataclasses_within(part) for part in typing.get_args(hint)))


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: kind.__name__)
def test_every_field_of_what_is_stored_has_a_default(kind: type[Any]) -> None:
    """A field that another release did not write must not fail a job in flight."""
    required = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert required == []
    hints = typing.get_type_hints(kind)
    inner = set().union(
        *(dataclasses_within(hints[field.name]) for field in dataclasses.fields(kind))
    )
    assert inner <= set(WIRE), "a dataclass on the wire that this test does not know"


def test_this_test_knows_every_dataclass_of_the_messages() -> None:
    """A new request or reply is read tolerantly, too."""
    defined = {
        value
        for module in (messages, watch)
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    }
    assert defined <= set(WIRE)
    replies = {kind for kind in defined if hasattr(kind, "kind")}
    assert replies == set(REPLIES.values()) == set(typing.get_args(messages.Reply))
    assert set(REQUESTS) == set(typing.get_args(messages.Request))


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: kind.__name__)
@EACH
@given(data=JSON)
def test_reading_never_fails_whatever_was_stored(kind: type[Any], data: Any) -> None:
    """Nor does writing what was read."""
    value = decode(kind, data)
    assert isinstance(value, kind)
    assert through_json(kind, value) == value


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: kind.__name__)
@EACH
@given(data=st.data())
def test_a_field_of_any_shape_is_read_or_takes_its_default(
    kind: type[Any], data: st.DataObject
) -> None:
    """One that cannot be read does not disturb the others."""
    value = data.draw(values_of(kind))
    wire = encode(value)
    if not dataclasses.fields(kind):
        return
    field = data.draw(st.sampled_from(dataclasses.fields(kind)))
    wire[to_camel(field.name)] = data.draw(JSON)
    found = decode(kind, wire | {"ofALaterRelease": {"x": [1]}})
    for other in dataclasses.fields(kind):
        if other is not field:
            assert getattr(found, other.name) == getattr(value, other.name)
    assert through_json(kind, found) == found


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({}, {}),
        ({"offer": "2"}, {}),
        ({"restarts": True}, {}),
        ({"offer": 2.0}, {"offer": 2}),
        ({"offer": 2.5}, {}),
        ({"offer": None}, {}),
        ({"acceptedAt": "soon"}, {}),
        ({"acceptedAt": "2026-11-23T10:00:00"}, {"accepted_at": TEN}),
        ({"cleanUp": "Deleted"}, {"clean_up": "Deleted"}),
        ({"cleanUp": "OfALaterRelease"}, {}),
        ({"cleanUp": ["Deleted"]}, {}),
        ({"terms": {"runSeconds": 5, "x": 1}}, {"terms": Terms(run_seconds=5)}),
        ({"terms": []}, {}),
        ({"settled": 1}, {}),
        ({"claim": "somebody"}, {}),
    ],
)
def test_what_cannot_be_read_takes_its_default(
    wire: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Missing, of another type, or of a value that this release does not know."""
    assert decode(Row, wire) == dataclasses.replace(Row(), **expected)


@pytest.mark.parametrize(
    "data",
    [
        *(None, True, 5, "created", [], ["created"], {}, {"kind": None}, {"kind": ["created"]}),
        *({"kind": "Created"}, {"kind": "ofALaterRelease"}, {"Kind": "created"}, "x" * 10_000),
    ],
)
def test_a_reply_that_is_not_known_counts_as_busy(data: object) -> None:
    """The step is asked again, and no job is lost for it."""
    reply = read_reply(data)
    assert isinstance(reply, Busy)
    assert reply.code == "UnexpectedReply"
    assert len(reply.message) < 200


@given(
    JSON | st.fixed_dictionaries({"kind": st.sampled_from(sorted(REPLIES)) | JSON}) | st.just({})
)
@example({"kind": "seen", "log": {"kind": "fetched", "archivedBytes": 3}})
def test_reading_a_reply_never_fails(data: Any) -> None:
    """An orchestrator that fails while it reads loses its job."""
    assert type(read_reply(data)) in REPLIES.values()


@given(st.datetimes(min_value=datetime(1971, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001
def test_a_moment_is_written_in_utc(moment: datetime, hours: int) -> None:
    """Whatever zone it came in."""
    local = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    try:
        written = iso(local)
    except OverflowError:  # beyond year 9999
        return
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == local


def test_functions_are_called_by_the_names_of_their_folders() -> None:
    """A name that no folder has would fail every job."""
    assert {function.value for function in Function} == {
        *("JobOrchestrator", "WatchOrchestrator", "CreateContainerActivity"),
        *(
            "CheckStatusActivity",
            "FetchLogsActivity",
            "DeleteContainerActivity",
            "SendCallbackActivity",
        ),
    }
