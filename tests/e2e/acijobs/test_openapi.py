"""The API keeps its own description, whatever is sent to it: through the local Functions host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from acijobs.web.openapi.operations import OPERATIONS
from stack.http import send
from stack.local_stack import LocalStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import BaseSchema, Case, Response

    from acijobs.web.openapi.operation import Operation

APP = Path(__file__).resolve().parents[3]
EXAMPLES = 40
JOBS = {"done": "run_s=0", "failed": "exit_code=3", "running": "run_s=forever"}
"""Jobs that exist, and what their containers do; others are asked for as well."""

CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
"""Of those that schemathesis has, all that ask whether the description is true. That what does not fit
it is refused is asked where it may be: parameters of a query that nobody knows are let pass.

Left out: what Azure's front answers and the app does not see (keys, methods that there are not); and
that everything which fits the schema is taken, because rules on several fields are not in it.
"""


TAKE_NOTHING = {"describeApi", "readHealth"}
"""Operations without key and parameters: nothing wrong can be sent to them."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """The running API.

    Attributes:
        schema: Its description, as it answers it.
        known: Path parameters of jobs that exist.
    """

    schema: BaseSchema
    known: list[dict[str, str]]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API on a stack whose containers run nothing, whatever their command is."""
    options = StackOptions(
        app=APP,
        state=tmp_path_factory.mktemp("stack"),
        runtime="scripted",
        is_unlimited=True,
    )
    with LocalStack(options) as running:
        known = [_started(running, job_id, script) for job_id, script in JOBS.items()]
        url = f"{running.base_url}/api/openapi.json"
        yield Api(schema=schemathesis.openapi.from_url(url), known=known)


def _started(stack: LocalStack, job_id: str, script: str) -> dict[str, str]:
    """Start a job; return the parameters of its URLs."""
    job = {"id": job_id, "image": "alpine", "command": ["script", script]}
    reply = send("POST", f"{stack.base_url}/api/jobs", body=job)
    assert reply.status == 202
    return {"id": job_id, "token": reply.body["jobUrl"].rpartition("/by/")[2]}


def is_hosts_own(response: Response) -> bool:
    """Tell whether no function was asked: a path that fits no route is answered by the host."""
    kind = (response.headers.get("content-type") or [""])[0]
    return response.status_code == 404 and kind.startswith("text/plain")


def _is_said(value: object) -> bool:
    """Tell whether a parameter of the query has a value: `?tail=` is no parameter to the host."""
    return value not in ("", {}, [], None)


def is_failed_job(response: Response) -> bool:
    """Tell whether the answer is a job that failed: the only 5xx that is not our fault."""
    return response.status_code == 500 and "state" in response.json()


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.id not in TAKE_NOTHING], ids=lambda o: o.id
)
def test_every_answer_is_in_the_description(
    api: Api, operation: Operation, mode: GenerationMode
) -> None:
    """Its status, its content's type, its headers and its schema; and nothing wrong is taken."""
    names = {parameter.name for parameter in operation.parameters} | {"code"}
    cases = api.schema[operation.path][operation.method].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.sampled_from([*api.known, None]))
    def send_it(case: Case, known: dict[str, str] | None) -> None:
        if known is not None:
            told = {name: known[name] for name in case.path_parameters if name in known}
            case.path_parameters.update(told)
        assume(all(_is_said(value) for value in (case.query or {}).values()))
        if "wait" in (case.query or {}) and mode is GenerationMode.POSITIVE:
            case.query["wait"] = 0
        response = case.call()
        assume(not is_hosts_own(response))
        checks = CHECKS if is_failed_job(response) else [*CHECKS, not_a_server_error]
        is_as_generated = known is None and set(case.query or {}) <= names
        refuses = [negative_data_rejection] if is_as_generated else []
        case.validate_response(response, checks=[*checks, *refuses])

    send_it()
