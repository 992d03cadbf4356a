"""After a deployment the app is waited for: for an answer, and for the version that was deployed."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acijobs.version import VERSION
from deployment.probe import PAUSE_S, look, main, version_of, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
MINUTE_S = 60.0


@contextmanager
def app_that_answers(status: int, body: str) -> Iterator[str]:
    """Serve one answer to all; yield the URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/api/health" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def waited(looks: list[str], *, within_s: float) -> tuple[str, float]:
    """Return what is still wrong, and how long it took, of an app that shows this look after look."""
    passed: list[float] = []
    shown = iter(looks)
    wrong = wait(
        lambda: next(shown), within_s=within_s, pause=passed.append, clock=lambda: sum(passed)
    )
    return wrong, sum(passed)


def test_the_version_is_that_of_the_package() -> None:
    """Read from its source: what deploys an app does not import it."""
    assert version_of(ROOT) == VERSION


def test_a_package_without_a_version_is_told_of(tmp_path: Path) -> None:
    """With the line that is missing."""
    (tmp_path / "acijobs").mkdir()
    (tmp_path / "acijobs" / "version.py").write_text('"""None."""\n', "utf-8")
    with pytest.raises(LookupError, match="VERSION = "):
        version_of(tmp_path)


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (200, json.dumps({"status": "up", "version": "2.0"}), ""),
        (200, json.dumps({"status": "up", "version": "1.9"}), "it answers as version 1.9"),
        (200, "<html>Your Functions app is up and running</html>", "its answer is not the app's"),
        (200, "[]", "its answer is not the app's"),
        (404, "", "it answers 404"),
        (503, json.dumps({"version": "2.0"}), "it answers 503"),
    ],
    ids=["right", "the release before", "the platform's page", "other JSON", "no function", "down"],
)
def test_only_the_deployed_version_will_do(status: int, body: str, wrong: str) -> None:
    """Not the release before, which answers for a while, nor the platform in place of the app."""
    with app_that_answers(status, body) as url:
        assert look(url, version="2.0") == wrong


def test_an_app_that_does_not_answer_is_told_of() -> None:
    """As after a deployment that did not start it."""
    with app_that_answers(200, "") as url:
        pass
    assert look(url, version="2.0").startswith("no answer: ")


def test_it_is_waited_for_until_it_is_right() -> None:
    """And not longer."""
    looks = ["no answer", "it answers 404", "it answers as version 1.9", ""]
    assert waited(looks, within_s=MINUTE_S) == ("", 3 * PAUSE_S)


def test_it_is_not_waited_for_for_ever() -> None:
    """What was wrong last is told."""
    assert waited(["it answers 404"] * 100, within_s=MINUTE_S) == ("it answers 404", MINUTE_S)


def test_it_is_looked_at_once_at_least() -> None:
    """However little time there is."""
    assert waited([""], within_s=0) == ("", 0)


def test_a_failure_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """With an exit code that ends `azd up`, too."""
    with app_that_answers(404, "") as url:
        assert main([url, "--within-seconds", "0"]) == 1
    told = capsys.readouterr().err
    assert f"{url}/api/health does not answer as version {VERSION}: it answers 404" in told
    assert "az functionapp function list" in told


@pytest.mark.parametrize("url", ["jobs.example.com", "file:///etc/passwd", "", "https://"])
def test_what_is_no_url_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As where azd has no APP_URL yet."""
    with pytest.raises(SystemExit):
        main([url])
    assert "is no URL: it begins with https://" in capsys.readouterr().err


def hook(name: str, shell: str) -> str:
    """Return what azure.yaml has a shell do at a point; the file is read line by line."""
    text = (ROOT / "azure.yaml").read_text("utf-8")
    after = text.split(f"\n  {name}:\n")[1].split(f"    {shell}:\n")[1]
    line: str = next(one for one in after.splitlines() if one.strip().startswith("run:"))
    return line.split("run: ", 1)[1]


def test_azd_waits_for_the_app_after_each_deployment() -> None:
    """On both kinds of machines, with the same program."""
    for shell, url in (("posix", '"$APP_URL"'), ("windows", "$env:APP_URL")):
        assert f"-m deployment.probe {url}" in hook("postdeploy", shell)
