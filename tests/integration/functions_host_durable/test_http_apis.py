# ruff: noqa: N802, PLR0917 - functions are named as in Azure; fixtures are parameters
"""The management API over plain HTTP, and the RPC API through the SDK's own client."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import azure.durable_functions as df
import pytest
from azure.durable_functions.models.utils import http_utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from durable_server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from durable_app import Context, SdkApp, Steps
    from durable_harness import Harness


@pytest.fixture(autouse=True)
def functions(app: SdkApp) -> None:
    """Register the functions of these tests."""

    @app.activity
    def Echo(value: Any) -> Any:
        return value

    @app.orchestrator
    def Echoes(context: Context) -> Steps:
        return (yield context.call_activity("Echo", context.get_input()))

    @app.orchestrator
    def Waits(context: Context) -> Steps:
        return (yield context.wait_for_external_event("Go"))

    @app.orchestrator
    def Fails(_: Context) -> Steps:
        yield from ()
        raise ValueError("as asked")

    @app.entity
    def counter(context: df.DurableEntityContext) -> None:
        context.set_state(context.get_state(lambda: 0) + int(context.get_input() or 1))


@pytest.fixture
async def server(host: Harness) -> AsyncIterator[Server]:
    """Return the running engine behind HTTP."""
    running = Server(host.engine)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[df.DurableOrchestrationClient]:
    """Return the SDK's client, bound as the app's functions are."""
    yield df.DurableOrchestrationClient(server.binding)
    await http_utils._close_session()  # the SDK keeps one for ever, tied to this test's loop


async def test_the_sdk_starts_follows_and_purges(
    client: df.DurableOrchestrationClient, host: Harness
) -> None:
    """An instance is started, completes with its input echoed, and is purged once."""
    instance_id = await client.start_new("Echoes", "my-id", {"a": [1, "ü"]})
    await host.engine.wait_until_quiet()
    status = await client.get_status(instance_id, show_history=True, show_history_output=True)
    assert instance_id == "my-id"
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed
    assert status.output == {"a": [1, "ü"]}
    events: Any = vars(status)["historyEvents"]
    assert [item["EventType"] for item in events] == [
        "ExecutionStarted",
        "TaskCompleted",
        "ExecutionCompleted",
    ]
    assert events[1]["FunctionName"] == "Echo"
    assert events[1]["Result"] == {"a": [1, "ü"]}
    assert (await client.purge_instance_history(instance_id)).instances_deleted == 1
    assert (await client.purge_instance_history(instance_id)).instances_deleted == 0
    assert not await client.get_status(instance_id)


async def test_the_sdk_raises_events_and_steers(
    client: df.DurableOrchestrationClient, host: Harness
) -> None:
    """Events arrive as the SDK encodes them; suspend, resume and terminate take effect."""
    first = await client.start_new("Waits")
    await client.raise_event(first, "Go", {"by": "sdk"})
    await host.engine.wait_until_quiet()
    assert (await client.get_status(first)).output == json.dumps({"by": "sdk"})
    second = await client.start_new("Waits")
    await host.engine.wait_until_quiet()
    await client.suspend(second, "a moment")
    await host.engine.wait_until_quiet()
    status = await client.get_status(second)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Suspended
    await client.resume(second, "go on")
    await client.terminate(second, "enough")
    await host.engine.wait_until_quiet()
    status = await client.get_status(second)
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Terminated
    assert status.output == "enough"
    with pytest.raises(Exception, match="is gone"):
        await client.raise_event(second, "Go", 1)
    with pytest.raises(Exception, match="No instance with ID"):
        await client.raise_event("unknown", "Go", 1)


async def test_the_sdk_learns_of_unknown_orchestrators(
    client: df.DurableOrchestrationClient,
) -> None:
    """Starting what is not there raises the extension's sentence."""
    with pytest.raises(
        Exception, match="The function 'Nope' doesn't exist, is disabled, or is not"
    ):
        await client.start_new("Nope")


async def test_the_sdk_lists_restarts_and_rewinds(
    client: df.DurableOrchestrationClient, host: Harness
) -> None:
    """Filters select; a restart makes another instance; a failed one can be rewound."""
    await client.start_new("Echoes", "one", 1)
    await client.start_new("Fails", "two")
    await host.engine.wait_until_quiet()
    everything = await client.get_status_all()
    failed = await client.get_status_by(runtime_status=[df.OrchestrationRuntimeStatus.Failed])
    assert [status.instance_id for status in everything] == ["one", "two"]
    assert [status.instance_id for status in failed] == ["two"]
    assert failed[0].output == "Orchestrator function 'Fails' failed: as asked"
    await client.restart("one", restart_with_new_instance_id=True)
    await host.engine.wait_until_quiet()
    assert len(await client.get_status_all()) == 3
    await client.rewind("two", "again")
    await host.engine.wait_until_quiet()
    assert (await client.get_status("two")).output == failed[0].output


async def test_the_sdk_signals_and_reads_entities(
    client: df.DurableOrchestrationClient, host: Harness
) -> None:
    """A signal changes the state that a read returns; an unknown one does not exist."""
    entity = df.EntityId("counter", "k")
    assert not (await client.read_entity_state(entity)).entity_exists
    await client.signal_entity(entity, "add", 41)
    await client.signal_entity(entity, "add")
    await host.engine.wait_until_quiet()
    state = await client.read_entity_state(entity)
    assert (state.entity_exists, state.entity_state) == (True, 42)


async def test_the_sdk_waits_for_completion(
    client: df.DurableOrchestrationClient, server: Server
) -> None:
    """The links of a started instance lead to its status."""
    instance_id = await client.start_new("Waits")
    links = client.create_http_management_payload(instance_id)
    async with server.http.get(links["statusQueryGetUri"]) as answer:
        assert answer.status == 202
        assert (await answer.json())["runtimeStatus"] in {"Pending", "Running"}
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Location"] == links["statusQueryGetUri"]


async def test_a_start_over_http_answers_202_with_links(server: Server, host: Harness) -> None:
    """Location and Retry-After are set, and a raw JSON input arrives decoded."""
    async with server.http.post("orchestrators/Echoes/x1", json={"raw": 1}) as answer:
        body = await answer.json()
        assert (answer.status, body["id"]) == (202, "x1")
        assert answer.headers["Location"] == body["statusQueryGetUri"]
        assert answer.headers["Retry-After"] == "10"
    await host.engine.wait_until_quiet()
    async with server.http.get("instances/x1") as answer:
        body = await answer.json()
        assert (answer.status, body["input"], body["output"]) == (200, {"raw": 1}, {"raw": 1})


async def test_a_status_shows_the_version_of_an_instance_that_has_one(
    server: Server, host: Harness
) -> None:
    """It is the one that was asked for, or the default one; without either there is none to show."""
    await server.http.post("orchestrators/Echoes/asked?version=1.5.0", json=1)
    await server.http.post("orchestrators/Echoes/plain", json=1)
    await host.engine.wait_until_quiet()
    shown = {}
    for name in ("asked", "plain"):
        async with server.http.get(f"instances/{name}") as answer:
            shown[name] = (await answer.json()).get("version", "none")
    assert shown == {"asked": "1.5.0", "plain": "none"}


async def test_a_start_with_wait_answers_with_the_output(server: Server) -> None:
    """With timeout and pollingInterval, a quick instance is answered 200 with its output."""
    query = "?timeout=10&pollingInterval=1"
    async with server.http.post(f"orchestrators/Echoes{query}", json="5") as answer:
        assert (answer.status, await answer.json()) == (200, 5)
    async with server.http.post(f"orchestrators/Fails{query}") as answer:
        body = await answer.json()
        assert (answer.status, body["runtimeStatus"]) == (200, "Failed")
    query = "?timeout=0.05&pollingInterval=0.01"
    async with server.http.post(f"orchestrators/Waits{query}") as answer:
        assert answer.status == 202


async def test_a_failed_instance_is_500_only_on_request(server: Server, host: Harness) -> None:
    """By default a failed instance is shown with 200."""
    await host.begin("Fails", None, "broken")
    for query, expected in (("", 200), ("?returnInternalServerErrorOnFailure=true", 500)):
        async with server.http.get(f"instances/broken{query}") as answer:
            assert answer.status == expected
            assert (await answer.json())["runtimeStatus"] == "Failed"


@pytest.mark.parametrize(
    ("method", "path", "data", "expected"),
    [
        ("POST", "orchestrators/Nope", None, 400),
        ("POST", "orchestrators/Echoes", b"{not json", 400),
        ("POST", "orchestrators/Echoes/@entity", None, 400),
        ("POST", f"orchestrators/Echoes/{'x' * 101}", None, 400),
        ("POST", "orchestrators/Echoes/a%23b", None, 400),
        ("POST", "orchestrators/Waits/waiting", None, 409),
        ("GET", "orchestrators/Echoes", None, 404),
        ("GET", "instances/unknown", None, 404),
        ("PUT", "instances/waiting", None, 404),
        ("DELETE", "instances/unknown", None, 404),
        ("DELETE", "instances/", None, 400),
        ("DELETE", "instances/?createdTimeFrom=2030-01-01T00:00:00Z", None, 404),
        ("POST", "instances/unknown/raiseEvent/Go", b"1", 404),
        ("POST", "instances/broken/raiseEvent/Go", b"1", 410),
        ("POST", "instances/waiting/raiseEvent/Go", b"{not json", 400),
        ("POST", "instances/unknown/terminate", None, 404),
        ("POST", "instances/broken/terminate", None, 410),
        ("POST", "instances/broken/suspend", None, 410),
        ("POST", "instances/broken/resume", None, 410),
        ("POST", "instances/waiting/rewind", None, 400),
        ("POST", "instances/unknown/restart", None, 404),
        ("POST", "instances/waiting/restart?restartWithNewInstanceId=false", None, 409),
        ("POST", "entities/nope/k?op=add", None, 400),
        ("GET", "entities/counter/none", None, 404),
        ("GET", "nothing/here", None, 404),
    ],
)
async def test_refusals_have_the_documented_codes(
    server: Server, host: Harness, method: str, path: str, data: bytes | None, expected: int
) -> None:
    """Each wrong request gets its own code."""
    await host.begin("Waits", None, "waiting")
    await host.begin("Fails", None, "broken")
    headers = {"Content-Type": "application/json"}
    url = URL(path, encoded=True)
    async with server.http.request(method, url, data=data, headers=headers) as answer:
        assert answer.status == expected


async def test_an_event_must_be_json(server: Server, host: Harness) -> None:
    """Another content type is refused as on Azure."""
    await host.begin("Waits", None, "waiting")
    headers = {"Content-Type": "text/plain"}
    path = "instances/waiting/raiseEvent/Go"
    async with server.http.post(path, data=b"1", headers=headers) as answer:
        assert answer.status == 400
        assert "Only application/json request content is supported" in await answer.text()


async def test_lists_page_by_continuation_token(server: Server, host: Harness) -> None:
    """Following the token visits every instance once."""
    for number in range(5):
        await host.begin("Echoes", number, f"job-{number}")
    seen, token = [], ""
    while True:
        headers = {"x-ms-continuation-token": token} if token else {}
        async with server.http.get("instances/?top=2", headers=headers) as answer:
            seen += [item["instanceId"] for item in await answer.json()]
            token = answer.headers["x-ms-continuation-token"]
        if not token:
            break
    assert seen == [f"job-{number}" for number in range(5)]


async def test_purging_by_time_and_status_spares_the_running(server: Server, host: Harness) -> None:
    """Only instances that are over and match are deleted."""
    await host.begin("Echoes", 1, "old")
    await host.begin("Waits", None, "running")
    await host.skip(hours=1)
    await host.begin("Echoes", 1, "new")
    border = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30)).isoformat()
    query = {"createdTimeFrom": "2025-01-01T00:00:00Z", "createdTimeTo": border}
    async with server.http.delete("instances/", params=query) as answer:
        assert (answer.status, await answer.json()) == (200, {"instancesDeleted": 1})
    async with server.http.get("instances/") as answer:
        assert [item["instanceId"] for item in await answer.json()] == ["running", "new"]


async def test_urls_carry_the_key_when_there_is_one(host: Harness) -> None:
    """With a key, every URL of the binding has it as `code`."""
    binding = json.loads(host.engine.client_binding("http://h:1", "http://127.0.0.1:2", "s/k="))
    assert binding["requiredQueryStringParameters"] == "code=s%2Fk%3D"
    assert binding["rpcBaseUrl"].startswith("http://127.0.0.1:2/durabletask/")
    urls = [url for name, url in binding["managementUrls"].items() if name != "id"]
    assert all("code=s%2Fk%3D" in url for url in urls)


async def test_events_raised_before_the_first_run_are_not_lost(host: Harness) -> None:
    """An event that comes right after the start is taken."""
    instance_id = await host.client.start_new("Waits", None)
    await host.client.raise_event(instance_id, "Go", '"early"')
    await host.engine.wait_until_quiet()
    assert host.output(instance_id) == "early"


words = (
    "instances orchestrators entities Waits counter fuzz raiseEvent Go terminate restart rewind"
    " suspend resume %00 %ff .. @a@b %C3%A4"
)
segments = st.sampled_from(words.split()) | st.text(min_size=1, max_size=8).map(
    lambda text: quote(text, safe="")
)
parameters = (
    "createdTimeFrom createdTimeTo runtimeStatus top showInput showHistory showHistoryOutput"
    " instanceIdPrefix op reason timeout pollingInterval"
)
values = "true -1 1e400 nan 2026-01-01 0001-01-01T00:00:00+23:59 0 Running,Failed"
queries = st.dictionaries(
    st.sampled_from(parameters.split()),
    st.sampled_from(values.split()) | st.text(max_size=6),
    max_size=3,
)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]),
    path=st.lists(segments, min_size=1, max_size=5),
    query=queries,
    body=st.sampled_from([b"", b"1", b'"\\ud800"', b"[" * 3000, b"\xff", b'{"a":NaN}'])
    | st.binary(max_size=12),
    content_type=st.sampled_from(["application/json", "text/plain", "x/y; charset=nope", ""]),
    token=st.sampled_from(["", "-1", "9" * 30, "abc", "²"]),
)
async def test_no_request_breaks_the_management_api(
    server: Server,
    method: str,
    path: list[str],
    query: dict[str, str],
    body: bytes,
    content_type: str,
    token: str,
) -> None:
    """Whatever is sent is answered in time, without a 5xx and without a traceback."""
    if "timeout" in query:
        query["timeout"] = "0.01"  # a start that waits as long as it was asked to does not hang
    url = URL("/".join(path), encoded=True).with_query(query)
    headers = {
        "Content-Type": content_type,
        "x-ms-continuation-token": token,
    }
    request = server.http.request(method, url, data=body, headers=headers)
    async with asyncio.timeout(10), request as answer:
        text = await answer.text(errors="replace")
    assert answer.status < 500, (method, str(url), body, text)
    assert "Traceback" not in text
