"""local.settings.json, `%SETTING%` expressions and host.json."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from functions_host.hostjson import read_host_json
from functions_host.problems import AppError
from functions_host.settings import MissingSettingError, read_local_settings, resolve
from functions_host.timespan import parse_timespan

if TYPE_CHECKING:
    from pathlib import Path


def local(tmp_path: Path, content: Any) -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "local.settings.json").write_text(text, "utf-8")
    return read_local_settings(tmp_path)


def host(tmp_path: Path, content: Any, **environment: str) -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "host.json").write_text(text, "utf-8")
    return read_host_json(tmp_path, environment)


def test_values_are_texts_whatever_json_they_are(tmp_path: Path) -> None:
    """As environment variables can only be texts."""
    settings = local(tmp_path, {"Values": {"a": "x", "b": 1, "c": True, "d": None}})
    assert settings.values == {"a": "x", "b": "1", "c": "true", "d": ""}


def test_host_section_gives_port_and_cors(tmp_path: Path) -> None:
    """Origins are comma-separated, a slash at their end does not count."""
    content = {
        "Host": {"LocalHttpPort": 7171, "CORS": "https://a.test/, *", "CORSCredentials": True}
    }
    settings = local(tmp_path, content)
    assert (settings.port, settings.cors, settings.cors_credentials) == (
        7171,
        ("https://a.test", "*"),
        True,
    )


def test_no_file_means_defaults(tmp_path: Path) -> None:
    """An app needs no local settings."""
    settings = read_local_settings(tmp_path)
    assert (dict(settings.values), settings.port) == ({}, 7071)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"IsEncrypted": True}, "func settings decrypt"),
        ("{", "local.settings.json cannot be read"),
        ([], "must hold a JSON object"),
        ({"Values": []}, None),
        ({"Values": ["a"]}, "'Values' must be an object"),
        ({"Values": {"a": {"b": 1}}}, "Values.a must be a string"),
        ({"Host": {"LocalHttpPort": "x"}}, "LocalHttpPort is not a port"),
    ],
)
def test_what_is_wrong_with_local_settings_is_told(
    tmp_path: Path, content: Any, words: str | None
) -> None:
    """One line that names the part."""
    if words is None:
        assert not local(tmp_path, content).values
        return
    with pytest.raises(AppError, match=words):
        local(tmp_path, content)


def test_expressions_resolve_without_case_and_with_colons() -> None:
    """As .NET configuration does."""
    environment = {"Queue__Name": "orders", "Env": "dev"}
    assert resolve("%queue:name%-%ENV%", environment) == "orders-dev"
    assert resolve("100 %", environment) == "100 %"
    with pytest.raises(MissingSettingError, match="%Nope%"):
        resolve("x-%Nope%", environment)


def test_host_json_is_read(tmp_path: Path) -> None:
    """The parts that the host obeys."""
    config = host(
        tmp_path,
        {
            "version": "2.0",
            "functionTimeout": "00:01:30",
            "functions": ["A"],
            "extensions": {
                "http": {"routePrefix": "/v1/"},
                "queues": {
                    "batchSize": 4,
                    "visibilityTimeout": "00:00:30",
                    "messageEncoding": "none",
                },
                "durableTask": {
                    "hubName": "hub",
                    "maxConcurrentActivityFunctions": 3,
                    "defaultVersion": "1.2.3",
                    "versionMatchStrategy": "None",
                },
            },
        },
    )
    assert (config.http.route_prefix, config.function_timeout) == ("/v1/", 90.0)
    assert config.functions == ["A"]
    assert (config.queues.batch_size, config.queues.new_batch_threshold) == (4, 2)
    assert (config.queues.visibility_timeout, config.queues.message_encoding) == (30.0, "none")
    assert (config.durable.hub_name, config.durable.max_concurrent_activity_functions) == ("hub", 3)
    assert config.durable.default_version == "1.2.3"
    assert config.warnings == []


def test_environment_overrides_host_json(tmp_path: Path) -> None:
    """Whatever the case of the names; numbers and booleans become such."""
    config = host(
        tmp_path,
        {"version": "2.0", "extensions": {"http": {"routePrefix": "api"}}},
        AzureFunctionsJobHost__extensions__HTTP__routePrefix="other",
        AzureFunctionsJobHost__extensions__durableTask__useGracefulShutdown="false",
        AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__BATCHSIZE="2",
    )
    assert config.http.route_prefix == "other"
    assert config.queues.batch_size == 2
    assert config.durable.use_graceful_shutdown is False


def test_unknown_parts_of_host_json_are_warned_about(tmp_path: Path) -> None:
    """One warning each; known parts without effect here are none of the developer's business."""
    config = host(
        tmp_path,
        {
            "version": "2.0",
            "verison": 1,
            "extensions": {"http": {"routPrefix": "x"}, "blobs": {}, "odd": {}},
        },
    )
    text = "\n".join(config.warnings)
    for part in ("verison", "extensions.http.routPrefix", "extensions.blobs", "extensions.odd"):
        assert part in text
    assert len(config.warnings) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "host.json cannot be read"),
        ("[]", "must hold a JSON object"),
        ({}, "version: Field required"),
        ({"version": "1.0"}, "version: Input should be '2.0', found '1.0'"),
        ({"version": "2.0", "functionTimeout": "soon"}, "functionTimeout"),
        ({"version": "2.0", "functionTimeout": "00:00:00"}, "functionTimeout: .*longer than zero"),
        ({"version": "2.0", "extensions": []}, "extensions: .*dictionary"),
        ({"version": "2.0", "extensions": {"http": 3}}, "extensions.http: .*dictionary"),
        (
            {"version": "2.0", "extensions": {"http": {"routePrefix": 3}}},
            "extensions.http.routePrefix: Input should be a valid string, found 3",
        ),
        (
            {"version": "2.0", "extensions": {"queues": {"batchSize": 33}}},
            "batchSize: Input should be less than or equal to 32, found 33",
        ),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": 0}}}, "batchSize"),
        (
            {"version": "2.0", "extensions": {"queues": {"batchSize": True}}},
            "batchSize: Input should be a valid integer",
        ),
        (
            {"version": "2.0", "extensions": {"queues": {"maxDequeueCount": 0}}},
            "maxDequeueCount: Input should be greater than or equal to 1",
        ),
        (
            {"version": "2.0", "extensions": {"queues": {"messageEncoding": "utf"}}},
            "'base64' or 'none'",
        ),
        (
            {"version": "2.0", "extensions": {"queues": {"visibilityTimeout": "-00:00:01"}}},
            "negative",
        ),
    ],
)
def test_what_is_wrong_with_host_json_is_told(tmp_path: Path, content: Any, words: str) -> None:
    """One line that names the part."""
    with pytest.raises(AppError, match=words):
        host(tmp_path, content)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(AppError, match=r"functionTimeout: .*; extensions\.http\.routePrefix: "):
        host(
            tmp_path,
            {
                "version": "2.0",
                "functionTimeout": "soon",
                "extensions": {"http": {"routePrefix": 3}},
            },
        )


def test_what_would_change_the_app_is_refused_and_what_steers_azure_is_not(tmp_path: Path) -> None:
    """One error names all of it; a value that asks for nothing is no part of it."""
    content: dict[str, Any] = {
        "version": "2.0",
        "extensionBundle": {"id": "x"},
        "extensions": {
            "durableTask": {
                "storageProvider": {},
                "extendedSessionsEnabled": False,
                "overridableExistingInstanceStates": "NonRunningStates",
            }
        },
    }
    assert host(tmp_path, content).warnings == []
    content["retry"] = {}
    content["extensions"]["durableTask"]["extendedSessionsEnabled"] = True
    words = r"does not support retry, extensions\.durableTask\.extendedSessionsEnabled: remove"
    with pytest.raises(AppError, match=words):
        host(tmp_path, content)


@pytest.mark.parametrize("strategy", ["Strict", "CurrentOrOlder"])
def test_an_instance_runs_whatever_its_version_or_the_host_does_not_start(
    tmp_path: Path, strategy: str
) -> None:
    """Leaving those of other versions alone is not done here, so it must not be taken for done."""
    content = {"extensions": {"durableTask": {"versionMatchStrategy": strategy}}}
    with pytest.raises(AppError, match=r"extensions\.durableTask\.versionMatchStrategy"):
        host(tmp_path, {"version": "2.0"} | content)


def test_function_timeout_has_a_default_and_can_be_without_end(tmp_path: Path) -> None:
    """Thirty minutes as on a dedicated plan; -1 is no limit."""
    assert host(tmp_path, {"version": "2.0"}).function_timeout == 1800.0
    assert host(tmp_path, {"version": "2.0", "functionTimeout": "-1"}).function_timeout is None


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:00:30", timedelta(seconds=30)),
        ("1.02:03:04.5", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=500)),
        ("-00:01", timedelta(minutes=-1)),
        ("2", timedelta(days=2)),
    ],
)
def test_time_spans_are_dot_nets(text: str, span: timedelta) -> None:
    """Days before a dot, fractions after one."""
    assert parse_timespan(text) == span


@pytest.mark.parametrize(
    "text", ["", "30s", "25:00:00", "00:60:00", "1:2:3:4", "²", "10675200", "9" * 5000]
)
def test_what_is_no_time_span_is_refused(text: str) -> None:
    """Hours end at 23, minutes and seconds at 59, days where those of .NET do."""
    with pytest.raises(ValueError, match="not a time span"):
        parse_timespan(text)
