"""The API's description is right, whole, and true of the code."""

from __future__ import annotations

import copy
import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acijobs.domain.callback.event import JobEvent
from acijobs.domain.job_account import account
from acijobs.domain.job_view import view_job
from acijobs.domain.outcome import Outcome, Phase
from acijobs.domain.row import Row
from acijobs.domain.spec.job import JobSpec, parse
from acijobs.instances import Instance
from acijobs.usecases.dry_run import candidates, forecast, look_at, scopes, whole
from acijobs.web.by_capability import DOORS
from acijobs.web.openapi.document import answer_description, document
from acijobs_world import World
from openapi_page import PAGE, page
from spec_complaints import EVERYTHING, complaints, job, sidecar, volume

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[3]
DOCUMENT = document()
METHODS = {"get", "post", "delete"}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Return every operation by its method and path."""
    return {
        (method, path): operation
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
    }


def http_functions() -> dict[tuple[str, str], str]:
    """Return every route that the app serves by method and path, with who may call it.

    The route of a job's part stands for the parts that capability URLs lead to.
    """
    found = {}
    for told in ROOT.glob("*/function.json"):
        for binding in json.loads(told.read_text("utf-8"))["bindings"]:
            if binding["type"] != "httpTrigger":
                continue
            route, level = f"/{binding['route']}", binding["authLevel"]
            if route.endswith("/{part}"):
                route = route.removesuffix("/{part}")
                doors = [(m, f"{route}/{p}") for p, door in DOORS.items() if p for m in door]
                found |= {(method.lower(), path): level for method, path in doors}
                assert {method.lower() for method, _ in doors} <= set(binding["methods"])
            else:
                found |= {(method, route): level for method in binding["methods"]}
    return found


def schema_of(name: str) -> Draft202012Validator:
    """Return the validator of one of the description's schemas."""
    # Here and below: its import takes a second, which every worker that collects this file would need.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )


def test_it_is_openapi_3_1() -> None:
    """By the specification's own schema; every reference leads somewhere."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(copy.deepcopy(DOCUMENT)).validate()


def test_the_page_is_what_the_code_says() -> None:
    """`make docs` renews it."""
    assert PAGE.read_text("utf-8") == page()


def test_it_is_answered_as_it_is() -> None:
    """As JSON that may be kept for a while."""
    answer = answer_description()
    assert json.loads(answer.get_body()) == DOCUMENT
    assert (answer.mimetype, answer.headers["Cache-Control"]) == (
        "application/json",
        "public, max-age=300",
    )


def test_every_route_is_described_and_no_other() -> None:
    """With a key where the app asks for one."""
    described = {key: bool(operation["security"]) for key, operation in operations().items()}
    assert described == {key: level != "anonymous" for key, level in http_functions().items()}


def test_every_operation_has_a_name_and_its_path_parameters() -> None:
    """Names are used once: clients make functions of them."""
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(set(ids)) == len(ids)
    for (_, path), operation in operations().items():
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))


def test_what_needs_a_key_may_be_answered_401() -> None:
    """Azure answers it, before the app is asked."""
    for operation in operations().values():
        assert ("401" in operation["responses"]) >= bool(operation["security"])


def test_every_field_of_a_job_is_described() -> None:
    """In the words of its docstring, without those that are for Python."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description") or name == "OpenApi", name
    for name in ("JobSpec", "Timeouts", "Retry", "Volume", "Secret", "Sidecar", "Callback"):
        fields = DOCUMENT["components"]["schemas"][name]["properties"]
        assert [field for field, told in fields.items() if "description" not in told] == []
    text = json.dumps(DOCUMENT)
    assert "Attributes:" not in text
    assert "sealed" not in DOCUMENT["components"]["schemas"]["Secret"]["properties"]


def test_every_field_that_is_shown_of_a_job_is_in_its_schema() -> None:
    """And the other way round."""
    row = Row(job_id="j")
    shown = set(view_job(row, Instance()).fields) | set(account(row, row.accepted_at, {}))
    described = set(DOCUMENT["components"]["schemas"]["Job"]["properties"])
    assert described == shown | {"logs", "logsError"}


def test_a_job_that_is_shown_fits_its_schema() -> None:
    """A new one; those that have run are compared in the tests that run them."""
    row = Row(job_id="j")
    shown = view_job(row, Instance()).fields | account(row, row.accepted_at, {}) | {"logs": ""}
    schema_of("Job").validate(shown)


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUCCEEDED], ids=str)
def test_what_a_callback_says_fits_its_schema(phase: Phase) -> None:
    """As it is sent; the members of an event's job are those of a job, but for two."""
    row = Row(job_id="j", outcome=Outcome.succeeded() if phase.is_end else None)
    shown = view_job(row, Instance()).fields | account(row, row.accepted_at, {})
    del shown["callback"]
    at = row.accepted_at
    event = JobEvent(
        job_id="j", phase=phase, at=at, accepted_at=at, store="s", job_url="/api/jobs/j", job=shown
    )
    schema_of("CallbackEvent").validate(json.loads(event.body()))
    described = set(DOCUMENT["components"]["schemas"]["JobInEvent"]["properties"])
    assert described == set(shown)


def test_a_forecast_fits_its_schema() -> None:
    """With all that there is."""
    world, spec = World(), parse(EVERYTHING)
    regions = tuple(
        whole(tuple(look_at(world, spec, name, scope) for scope in scopes(world, spec)))
        for name in candidates(world, spec)
    )
    shown = forecast(world, spec, regions)
    schema_of("Forecast").validate(shown)
    schema_of("JobSpec").validate(shown["spec"] | {"secrets": {}})


GOOD: list[dict[str, Any]] = [
    {},
    {"command": ["x"], "environment": {"A": ""}, "cpu": 0.07, "tags": {"a b": "c"}},
    {
        "sidecars": [sidecar()],
        "volumes": [volume(), volume("b", "/b", secret={"f": {"value": "x"}})],
    },
    {"image": f"x.io:80/a/b:1@sha256:{'0' * 64}", "id": "a-b", "locations": ["eastus2"]},
    {"retry": {"rules": [{"onReasons": ["OutOfMemory"], "action": "retry"}]}, "command": None},
]
BAD: list[dict[str, Any]] = [
    {"gpu": 1},
    {"cpu": 0},
    {"cpu": "1"},
    {"image": "A B"},
    {"environment": {"A-B": "x"}},
    {"id": "A"},
    {"secrets": {"A": {}}},
    {"secrets": {"A": {"value": "x", "appSetting": "B"}}},
    {"secrets": {"A": {"sealed": "x"}}},
    {"registry": {"server": "x.io", "user": "me"}},
    {"volumes": [{"name": "a", "mountPath": "/a"}]},
    {"volumes": [{"name": "A", "mountPath": "/a", "emptyDir": {}}]},
    {"sidecars": [{"name": "a", "image": "b"}]},
    {"labels": {"a=b": "c"}},
    {"locations": ["West Europe"]},
    {"retry": {"attempts": 11}},
    {"timeouts": {"runSeconds": 1.5}},
]


@pytest.mark.parametrize("fields", [*GOOD, EVERYTHING], ids=lambda f: ",".join(f) or "nothing")
def test_what_the_door_takes_fits_the_schema(fields: dict[str, Any]) -> None:
    """No client is kept from a job by the description."""
    schema_of("JobSpec").validate(job(**fields))
    assert complaints(**{name: value for name, value in fields.items() if name != "image"}) == {}


@pytest.mark.parametrize("fields", BAD, ids=json.dumps)
def test_what_one_field_makes_wrong_does_not_fit_the_schema(fields: dict[str, Any]) -> None:
    """An editor that knows the schema says so, before the door does."""
    assert not schema_of("JobSpec").is_valid(job(**fields))
    assert complaints(**fields) != {} if "image" not in fields else True


def test_the_models_of_a_job_are_all_in_it() -> None:
    """Under their own names."""
    parts = JobSpec.model_json_schema()["$defs"]
    assert {"JobSpec", *parts} <= set(DOCUMENT["components"]["schemas"])


def test_every_status_is_one_of_http() -> None:
    """And each problem says what it is about."""
    for operation in operations().values():
        for status, answer in operation["responses"].items():
            assert HTTPStatus(int(status))
            assert answer["description"]


def test_every_status_that_the_code_names_is_described() -> None:
    """Which operation answers it, the running API is asked: in tests/e2e."""
    described = {status for operation in operations().values() for status in operation["responses"]}
    named = set()
    for path in (ROOT / "acijobs" / "web").glob("*.py"):
        for name in re.findall(r"HTTPStatus\.([A-Z_]+)", path.read_text("utf-8")):
            named.add(str(HTTPStatus[name].value))
    assert named - described == set()
