"""HTTP triggers, keys, settings and the admin API, on the host as a subprocess."""

from __future__ import annotations

import base64
import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from functions_host_process import APPS, DURABLE, HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    limit = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "100000"}
    with HostProcess(APPS / "web", tmp_path_factory.mktemp("state"), settings=limit) as running:
        yield running


def test_a_function_sees_the_request_as_on_azure(host: HostProcess) -> None:
    """Route parameters, joined query values without empty ones, headers without case, raw body."""
    body = bytes(range(256))
    path = "/api/echo/7/a%20b?x=1&x=2&empty=&y=%C3%A4"
    reply = host.request("POST", path, body, {"X-MIXED-case": "v"})
    seen = reply.json()
    assert (reply.status, reply.headers["x-seen"]) == (201, "yes")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert seen["method"] == "POST"
    assert seen["url"].startswith(f"{host.url}/api/echo/7/a%20b?")
    assert seen["params"] == {"x": "1,2", "y": "ä"}
    assert seen["route"] == {"id": "7", "kind": "a b"}
    assert seen["headers"] == {"X-Mixed-Case": "v"}
    assert base64.b64decode(seen["body"]) == body


def test_constraints_choose_between_functions(host: HostProcess) -> None:
    """A number goes to one function, another text to the next, as plain text."""
    assert host.get("/api/echo/12").status == 201
    reply = host.get("/api/echo/twelve")
    assert (reply.status, reply.text) == (200, "text twelve")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_catch_all_takes_slashes(host: HostProcess) -> None:
    """And nothing at all."""
    assert host.get("/api/files/a/b.txt").text == "a/b.txt"
    assert host.get("/api/files").text == "(none)"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/echo/1"), ("GET", "/api/nothing"), ("GET", "/echo/1"), ("POST", "/api/files/a"),
     ("GET", "/api/OffByFile"), ("GET", "/api/Nowhere/../Echo")],
)  # fmt: skip
def test_what_no_function_takes_is_404(host: HostProcess, method: str, path: str) -> None:
    """Also a wrong method and a disabled function; the body is empty."""
    reply = host.request(method, path)
    assert (reply.status, reply.body) == (404, b"")


def test_an_output_parameter_answers_or_leaves_it_at_204(host: HostProcess) -> None:
    """Out values of None are skipped."""
    reply = host.request("POST", "/api/Outs", "abc")
    assert (reply.status, reply.text) == (202, "ABC")
    assert host.request("POST", "/api/Outs").status == 204


@pytest.mark.parametrize("name", ["Breaks", "ReturnsNothing"])
def test_a_failure_is_500_without_a_word(host: HostProcess, name: str) -> None:
    """What went wrong is in the log, with its traceback, and not in the body."""
    reply = host.get(f"/api/{name}")
    assert (reply.status, reply.body) == (500, b"")
    host.wait_for_line(rf"{name} http \S+ Failed .* ms: \w+Error: ")


def test_the_traceback_is_in_the_log(host: HostProcess) -> None:
    """File names are relative to the app."""
    host.get("/api/Breaks")
    host.wait_for_line(r'File "Breaks/__init__.py", line \d+, in main')
    host.wait_for_line("the secret reason")


def test_each_cookie_is_a_header(host: HostProcess) -> None:
    """With its attributes."""
    pairs = host.get("/api/Cookies").all_headers
    cookies = [value for name, value in pairs if name.lower() == "set-cookie"]
    assert cookies == ["a=1; Path=/", "b=2; HttpOnly"]


def test_a_body_over_the_limit_is_413(host: HostProcess) -> None:
    """The function does not see it."""
    assert host.request("POST", "/api/Outs", "x" * 99_000).status == 202
    assert host.request("POST", "/api/Outs", "x" * 101_000).status == 413


def test_settings_are_in_place_before_functions_load(host: HostProcess) -> None:
    """The module reads one as it is imported."""
    assert host.get("/api/Setting").text == "from the file"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """And can switch a function off."""
    settings = {"FLAVOUR": "from outside", "AzureWebJobs.Breaks.Disabled": "1"}
    with HostProcess(APPS / "web", tmp_path, settings=settings) as host:
        assert host.get("/api/Setting").text == "from outside"
        assert host.get("/api/Breaks").status == 404
        host.wait_for_line("Breaks: disabled")


def test_another_script_and_entry_point(host: HostProcess) -> None:
    """ScriptFile and entryPoint of function.json."""
    assert host.get("/api/Elsewhere").text == "elsewhere"


def test_the_old_name_of_the_client_binding_works(host: HostProcess) -> None:
    """OrchestrationClient."""
    assert host.get("/api/old").text == "web"


@pytest.mark.parametrize("name", ["Slow", "SlowAsync"])
def test_a_function_that_takes_too_long_is_500(host: HostProcess, name: str) -> None:
    """FunctionTimeout is two seconds here."""
    assert host.get(f"/api/{name}?s=3").status == 500
    host.wait_for_line(rf"{name} http .*Timeout value of 2 s exceeded")
    assert host.get(f"/api/{name}?s=0").text == "done"


def test_async_functions_take_no_threads(host: HostProcess) -> None:
    """Sixty that wait half a second each end together."""
    with ThreadPoolExecutor(60) as pool:
        replies = list(pool.map(lambda _: host.get("/api/SlowAsync?s=0.5").status, range(60)))
    assert replies == [200] * 60


def test_browsers_of_an_allowed_origin_may_call(host: HostProcess) -> None:
    """Preflight and reply; others get no such header."""
    origin = {"Origin": "https://example.test"}
    preflight = host.request(
        "OPTIONS", "/api/Setting", headers=origin | {"Access-Control-Request-Method": "GET"}
    )
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET")
    assert (
        host.get("/api/Setting", origin).headers["access-control-allow-origin"] == origin["Origin"]
    )
    assert (
        "access-control-allow-origin"
        not in host.get("/api/Setting", {"Origin": "https://x"}).headers
    )


def test_admin_lists_functions_and_tells_their_state(host: HostProcess) -> None:
    """Status, ping, the list, one function, an unknown one."""
    assert host.get("/admin/host/status").json()["state"] == "Running"
    assert host.get("/admin/host/ping").status == 200
    listed = {each["name"]: each for each in host.get("/admin/functions").json()}
    assert listed["Echo"]["invoke_url_template"] == f"{host.url}/api/echo/{{id:int}}/{{kind?}}"
    assert (
        host.get("/admin/functions/echo").json()["config"]["bindings"][0]["type"] == "httpTrigger"
    )
    assert host.get("/admin/functions/echo/status").json() == {}
    assert host.get("/admin/functions/nope").status == 404
    assert host.request("POST", "/admin/functions/Echo", "{").status == 400
    assert host.post("/admin/functions/nope", {}).status == 404


def test_without_keys_everything_is_open(host: HostProcess) -> None:
    """As with local tools."""
    assert host.get("/api/Level").text == "in"
    assert host.get("/api/secret").text == "in"


def test_required_keys_open_what_they_are_for(tmp_path: Path) -> None:
    """Function, host, system and master keys, by header and by query; 401 without."""
    with HostProcess(APPS / "web", tmp_path, "--require-keys") as host:
        keys: dict[str, Any] = json.loads((tmp_path / "keys.json").read_text())
        assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
        own, other = keys["functions"]["Level"], keys["functions"]["Breaks"]

        def code_of(path: str, key: str | None) -> tuple[int, int]:
            mark = "&" if "?" in path else "?"
            query = f"{path}{mark}code={key}" if key else path
            headers = {"x-functions-key": key} if key else {}
            return host.get(query).status, host.get(path, headers).status

        assert code_of("/api/echo/1", None) == (201, 201)
        assert code_of("/api/Level", None) == (401, 401)
        assert [code_of("/api/Level", k)[0] for k in (own, keys["host"], keys["master"])] == [
            200
        ] * 3
        assert code_of("/api/Level", own) == (200, 200)
        assert [code_of("/api/Level", k)[1] for k in (other, keys["system"], "x")] == [401] * 3
        assert [code_of("/api/secret", k)[1] for k in (own, keys["host"])] == [401] * 2
        assert code_of("/api/secret", keys["master"]) == (200, 200)
        instances = f"{DURABLE}/instances/"
        assert [code_of(instances, k)[1] for k in (None, own, keys["host"])] == [401] * 3
        assert [code_of(instances, k)[1] for k in (keys["system"], keys["master"])] == [200] * 2
        assert code_of("/admin/functions", keys["host"]) == (401, 401)
        assert code_of("/admin/functions", keys["master"]) == (200, 200)
    with HostProcess(APPS / "web", tmp_path, "--require-keys") as host:
        assert json.loads((tmp_path / "keys.json").read_text()) == keys


def test_the_client_binding_carries_the_system_key(tmp_path: Path) -> None:
    """So that a function's answer has URLs that work."""
    with HostProcess(APPS / "chaining", tmp_path, "--require-keys") as host:
        urls = host.post("/api/start/Chain", {"items": ["a"]}).json()
        key = json.loads((tmp_path / "keys.json").read_text())["system"]
        assert f"code={key}" in urls["statusQueryGetUri"]
        path = urls["statusQueryGetUri"].removeprefix(host.url)
        host.wait_for(lambda: host.get(path).json()["runtimeStatus"] == "Completed")


def test_a_taken_port_is_one_line_and_a_failure(tmp_path: Path) -> None:
    """It names the port and the option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        host = HostProcess(APPS / "web", tmp_path, "--port", str(port))
        assert host.wait_ended() == 1
    told = f"functions_host: port {port} on 127.0.0.1 is taken: end what uses it, "
    assert host.log == told + "or choose another with --port\n"


def test_a_second_host_on_the_same_state_is_refused(tmp_path: Path) -> None:
    """One line, and the first goes on."""
    with HostProcess(APPS / "web", tmp_path) as first:
        second = HostProcess(APPS / "web", tmp_path)
        assert second.wait_ended() == 1
        assert len(second.log.strip().splitlines()) == 1
        assert second.log.startswith("functions_host: ")
        assert first.get("/api/Setting").status == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_lets_running_functions_end(tmp_path: Path, number: int) -> None:
    """The caller has its answer, the exit code is 0."""
    with HostProcess(APPS / "web", tmp_path) as host, ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(host.get, f"/api/{name}?s=1") for name in ("Slow", "SlowAsync")]
        for name in ("Slow", "SlowAsync"):
            host.wait_for_line(f"{name} has begun")
        assert host.stop(number=number) == 0
        assert [call.result().text for call in calls] == ["done", "done"]
    assert "Traceback" not in host.log


def test_json_logs_are_json_lines(tmp_path: Path) -> None:
    """Each invocation has its fields."""
    with HostProcess(APPS / "web", tmp_path, "--json-logs") as host:
        host.get("/api/Breaks")
        host.wait_for_line("the secret reason")
        host.stop()
        lines = [json.loads(line) for line in host.output]
    record = next(
        line for line in lines if line.get("function_name") == "Breaks" and "outcome" in line
    )
    assert record["outcome"] == "Failed"
    assert record["function_kind"] == "http"
    assert record["failure"] == "ValueError: the secret reason"
    assert record["duration_s"] >= 0
    assert "Breaks/__init__.py" in record["stack"]


def test_output_that_is_no_terminal_has_no_colour(host: HostProcess) -> None:
    """No escape sequence anywhere."""
    assert "\033" not in host.log
