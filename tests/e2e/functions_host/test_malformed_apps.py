"""Whatever is wrong with one function, it is told in one line and the others are served.

All broken functions stand in one app beside a sound one: the hardest case for "the rest serves".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from functions_host_process import HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HTTP = {"name": "req", "type": "httpTrigger", "direction": "in", "authLevel": "anonymous"}
RETURN = {"name": "$return", "type": "http", "direction": "out"}
TIMER = {"name": "timer", "type": "timerTrigger", "direction": "in", "schedule": "0 0 4 * * *"}
QUEUE = {"name": "msg", "type": "queueTrigger", "direction": "in", "queueName": "work"}
OK = "def main(req):\n    return 'ok'\n"


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One broken function.

    Attributes:
        bindings: Of function.json; a str is the whole file.
        code: Of `__init__.py`; None for no file.
        says: A pattern of the reason.
        more: Further keys of function.json.
    """

    bindings: Any
    says: str
    code: str | None = OK
    more: Mapping[str, Any] | None = None


BROKEN = {
    # function.json
    "NotJson": Broken(bindings="{", says="unable to parse function.json: "),
    "JsonList": Broken(bindings="[]", says="must hold a JSON object"),
    "NotText": Broken(bindings="\udcff", says="unable to parse function.json: "),
    "NoBindings": Broken(bindings=[], says="at least one binding must be declared"),
    "BindingsNoList": Broken(bindings={"a": 1}, says="at least one binding must be declared"),
    "BindingNoObject": Broken(bindings=["x"], says="a binding in function.json is not an object"),
    "BindingNoType": Broken(bindings=[{"name": "req"}], says="has no type"),
    "BindingNoName": Broken(bindings=[{"type": "httpTrigger"}], says="invalid or no name: None"),
    "BindingBadName": Broken(bindings=[{**HTTP, "name": "1-x"}], says="invalid or no name: '1-x'"),
    "NamesTwice": Broken(
        bindings=[HTTP, {**RETURN, "name": "req"}], says="multiple bindings with the name 'req'"
    ),
    "NoTrigger": Broken(bindings=[RETURN], says="no trigger binding"),
    "TwoTriggers": Broken(
        bindings=[HTTP, TIMER], says="multiple trigger bindings .*httpTrigger, timerTrigger"
    ),
    "TriggerOut": Broken(
        bindings=[{**HTTP, "direction": "out"}], says='httpTrigger binding must have direction "in"'
    ),
    "InOut": Broken(
        bindings=[HTTP, {**RETURN, "name": "x", "direction": "inout"}],
        says='"inout" bindings are not supported',
    ),
    "BadDirection": Broken(bindings=[{**HTTP, "direction": "up"}], says="has direction 'up'"),
    "ReturnIn": Broken(
        bindings=[HTTP, {**RETURN, "direction": "in"}],
        says='"\\$return" binding must have direction set to "out"',
    ),
    "ClientOut": Broken(
        bindings=[HTTP, {"name": "c", "type": "durableClient", "direction": "out"}],
        says="durableClient binding 'c' must have direction \"in\"",
    ),
    "HttpIn": Broken(
        bindings=[HTTP, {"name": "res", "type": "http", "direction": "in"}],
        says="http binding 'res' must have direction \"out\"",
    ),
    "UnknownBinding": Broken(
        bindings=[HTTP, RETURN, {"name": "doc", "type": "cosmosDB", "direction": "in"}],
        says="cosmosDB.*binding 'doc'",
    ),
    "UnknownTrigger": Broken(
        bindings=[{"name": "e", "type": "eventHubTrigger", "direction": "in"}],
        says="eventHubTrigger",
    ),
    "MissingSetting": Broken(
        bindings=[{**QUEUE, "queueName": "%NOT_THERE%"}],
        says="binding 'msg': '%NOT_THERE%' does not resolve",
    ),
    "BadScriptType": Broken(bindings=[HTTP], more={"scriptFile": 3}, says="scriptFile"),
    "ScriptMissing": Broken(bindings=[HTTP], code=None, says="__init__.py does not exist"),
    "ScriptNoPython": Broken(
        bindings=[HTTP], more={"scriptFile": "run.sh"}, says="invalid Python filename run.sh"
    ),
    "ScriptOutside": Broken(
        bindings=[HTTP], more={"scriptFile": "../../x.py"}, says="outside the app's folder"
    ),
    "BadDisabled": Broken(
        bindings=[HTTP], more={"disabled": [1]}, says="disabled in function.json must be"
    ),
    # Python
    "SyntaxBad": Broken(
        bindings=[HTTP], code="def main(req:\n", says=r"SyntaxError: .*SyntaxBad/__init__.py:1"
    ),
    "ImportMissing": Broken(
        bindings=[HTTP],
        code="import not_installed_anywhere\n" + OK,
        says="ModuleNotFoundError: .*not_installed_anywhere.*requirements.txt",
    ),
    "ImportRaises": Broken(
        bindings=[HTTP], code="1 / 0\n", says=r"ZeroDivisionError: .*ImportRaises/__init__.py:1"
    ),
    "ImportExits": Broken(bindings=[HTTP], code="import sys\nsys.exit(3)\n", says="SystemExit: 3"),
    "NoMain": Broken(
        bindings=[HTTP],
        code="def handler(req): ...\n",
        says=r"function main\(\) is not present in NoMain/__init__.py",
    ),
    "MainNoCallable": Broken(
        bindings=[HTTP], code="main = 3\n", says=r"function main\(\) is not present"
    ),
    "NoEntryPoint": Broken(
        bindings=[HTTP], more={"entryPoint": "run"}, says=r"function run\(\) is not present"
    ),
    "ParameterNotBound": Broken(
        bindings=[HTTP, RETURN],
        code="def main(req, extra): ...\n",
        says="declared in Python but not in function.json: {'extra'}",
    ),
    "BindingNotTaken": Broken(
        bindings=[HTTP, {"name": "client", "type": "durableClient", "direction": "in"}],
        says="declared in function.json but not in Python: {'client'}",
    ),
    "WrongAnnotation": Broken(
        bindings=[HTTP, RETURN],
        code="def main(req: int): ...\n",
        says='type of req binding in function.json "httpTrigger" does not match its '
        'Python annotation "int"',
    ),
    "OutNotAnnotated": Broken(
        bindings=[HTTP, {"name": "res", "type": "http", "direction": "out"}],
        code="def main(req, res: str): ...\n",
        says="annotation in Python is not a subclass of azure.functions.Out",
    ),
    "InAnnotatedOut": Broken(
        bindings=[HTTP],
        code="import azure.functions as f\ndef main(req: f.Out[str]): ...\n",
        says='declared to have the "in" direction',
    ),
    "ReturnAnnotation": Broken(
        bindings=[HTTP, RETURN],
        code="def main(req) -> int: ...\n",
        says='Python return annotation "int" does not match binding type "http"',
    ),
    "NonType": Broken(
        bindings=[HTTP],
        code="def main(req: 3): ...\n",
        says="annotations cannot be evaluated|invalid non-type annotation",
    ),
    "BuiltinGeneric": Broken(
        bindings=[HTTP],
        code="def main(req: dict[str, int]): ...\n",
        says="binding req has invalid non-type annotation dict",
    ),
    "AnnotationUnknown": Broken(
        bindings=[HTTP],
        code="def main(req: 'Nowhere'): ...\n",
        says="annotations cannot be evaluated: NameError",
    ),
    "WrongContext": Broken(
        bindings=[HTTP],
        code="def main(req, context: int): ...\n",
        says='"context" parameter is expected to be of type azure.functions.Context',
    ),
    # triggers
    "BadRoute": Broken(bindings=[{**HTTP, "route": "a/{id"}, RETURN], says="unbalanced braces"),
    "SlashRoute": Broken(
        bindings=[{**HTTP, "route": "/a"}, RETURN], says="must not start with '/'"
    ),
    "BadConstraint": Broken(
        bindings=[{**HTTP, "route": "a/{id:odd}"}, RETURN], says="constraint 'odd'"
    ),
    "RouteNoText": Broken(
        bindings=[{**HTTP, "route": 3}, RETURN], says="the route is not a string: 3"
    ),
    "Twin": Broken(
        bindings=[{**HTTP, "route": "SOUND"}, RETURN],
        says="route 'api/SOUND' is already taken by the function Sound",
    ),
    "BadLevel": Broken(
        bindings=[{**HTTP, "authLevel": "public"}, RETURN], says="authLevel 'public'"
    ),
    "BadMethods": Broken(
        bindings=[{**HTTP, "methods": ["fetch"]}, RETURN],
        says="methods names no HTTP method: FETCH",
    ),
    "MethodsNoList": Broken(
        bindings=[{**HTTP, "methods": "get"}, RETURN], says="methods is not a list"
    ),
    "NoSchedule": Broken(
        bindings=[{"name": "timer", "type": "timerTrigger"}],
        code="def main(timer): ...\n",
        says="timerTrigger 'timer' has no schedule",
    ),
    "BadCron": Broken(
        bindings=[{**TIMER, "schedule": "0 0 99 * * *"}],
        code="def main(timer): ...\n",
        says="'0 0 99 \\* \\* \\*' was not recognized",
    ),
    "CronWords": Broken(
        bindings=[{**TIMER, "schedule": "0 0 4 ? * MON"}],
        code="def main(timer): ...\n",
        says="was not recognized as a valid NCRONTAB",
    ),
    "BadSpan": Broken(
        bindings=[{**TIMER, "schedule": "often"}],
        code="def main(timer): ...\n",
        says="was not recognized",
    ),
    "BadQueueName": Broken(
        bindings=[{**QUEUE, "queueName": "Not_A_Queue"}],
        code="def main(msg): ...\n",
        says="no valid queueName: 'Not_A_Queue'",
    ),
    "NoConnection": Broken(
        bindings=[{**QUEUE, "connection": "NoSuchStore"}],
        code="def main(msg): ...\n",
        says="storage connection string 'NoSuchStore' does not exist",
    ),
}


def write_function(app: Path, name: str, broken: Broken) -> None:
    folder = app / name
    folder.mkdir()
    if isinstance(broken.bindings, str):
        text = broken.bindings.encode("utf-8", "surrogateescape")
    else:
        text = json.dumps({"bindings": broken.bindings, **(broken.more or {})}).encode()
    (folder / "function.json").write_bytes(text)
    if broken.code is not None:
        (folder / "__init__.py").write_text(broken.code, "utf-8")


def write_app(app: Path) -> Path:
    app.mkdir()
    (app / "host.json").write_text('{"version": "2.0"}', "utf-8")
    write_function(app, "Sound", Broken(bindings=[{**HTTP, "route": "sound"}, RETURN], says=""))
    return app


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    app = write_app(tmp_path_factory.mktemp("malformed") / "app")
    for name, broken in BROKEN.items():
        write_function(app, name, broken)
    (app / "bad name").mkdir()
    (app / "bad name" / "function.json").write_text("{}", "utf-8")
    with HostProcess(app, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_each_broken_function_is_told_in_one_line(host: HostProcess, name: str) -> None:
    """The line names the function and the reason; the admin API tells the same."""
    lines = [line for line in host.log.splitlines() if f" {name} is not loaded: " in line]
    assert len(lines) == 1, host.log
    assert re.search(BROKEN[name].says, lines[0]), lines[0]
    told = [e for e in host.get("/admin/host/status").json()["errors"] if e.startswith(f"{name}: ")]
    assert len(told) == 1


def test_a_folder_that_cannot_be_a_function_is_told(host: HostProcess) -> None:
    """Its name has a space."""
    assert "'bad name' is not a valid function name" in host.log


def test_nothing_but_these_lines_is_an_error(host: HostProcess) -> None:
    """No traceback and no second message."""
    assert host.log.count("is not loaded") == len(BROKEN) + 1
    assert "Traceback" not in host.log


def test_the_rest_of_the_app_serves(host: HostProcess) -> None:
    """The sound function answers; one that did not load answers 500, as on the real host."""
    assert host.get("/api/sound").text == "ok"
    assert host.get("/api/SyntaxBad").status == 500
    assert host.get("/api/NotJson").status == 404


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("host.json", "{", "host.json cannot be read"),
        ("host.json", None, "no host.json"),
        ("host.json", '{"version": "1.0"}', "version: Input should be '2.0'"),
        ("local.settings.json", "{", "local.settings.json cannot be read"),
        ("local.settings.json", '{"IsEncrypted": true}', "encrypted"),
    ],
)
def test_an_app_that_cannot_be_served_is_told_in_one_line(
    tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    """Exit code 1, and no state is made."""
    app = write_app(tmp_path / "app")
    (app / name).unlink(missing_ok=True)
    if content is not None:
        (app / name).write_text(content, "utf-8")
    host = HostProcess(app, tmp_path / "state")
    assert host.wait_ended() == 1
    assert len(host.log.splitlines()) == 1
    assert says in host.log
    assert not (tmp_path / "state").exists()


def test_unknown_parts_of_host_json_are_warned_about(tmp_path: Path) -> None:
    """And the app serves."""
    app = write_app(tmp_path / "app")
    (app / "host.json").write_text('{"version": "2.0", "extensoins": {}}', "utf-8")
    with HostProcess(app, tmp_path / "state") as host:
        assert "host.json: extensoins is unknown and is ignored" in host.log
        assert host.get("/api/sound").status == 200
