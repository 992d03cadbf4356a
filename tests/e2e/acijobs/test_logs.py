"""The API of logs on the whole local stack: followed while the job runs, and afterwards."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aci_emulator.admin.client import AdminClient
from log_requests import LogReply, follow_log, read_log
from stack import job_story
from stack.http import send

if TYPE_CHECKING:
    from gate import Gate
    from stack.job_story import JobStory
    from stack.local_stack import LocalStack

pytestmark = pytest.mark.slow


def shell(script: str, **fields: Any) -> dict[str, Any]:
    return {"image": "alpine:3.20", "command": ["/bin/sh", "-c", script], **fields}


def count(to: int, pause_s: float, before: str = "true") -> str:
    return (
        f"{before}; i=1; while [ $i -le {to} ]; do echo line $i; i=$((i+1)); sleep {pause_s}; done"
    )


def logs_url(stack: LocalStack, story: JobStory) -> str:
    return f"{stack.base_url}/api/jobs/{story.job_id}/logs"


def start(stack: LocalStack, spec: dict[str, Any]) -> tuple[JobStory, str]:
    """Start a job; return it, and the URL of its logs."""
    story = job_story.start(stack, spec)
    return story, logs_url(stack, story)


def finish(stack: LocalStack, story: JobStory) -> dict[str, Any]:
    job_story.follow(stack, story, lambda _: None, timeout_s=90)
    assert story.job is not None
    return dict(story.job.body)


def log_reads(stack: LocalStack, story: JobStory) -> int:
    """Return how often a log of the job was read from Azure."""
    groups = AdminClient(stack.emulator_env["ACI_EMULATOR_ADMIN"]).requests()["groups"]
    of_job = (counts for name, counts in groups.items() if name.startswith(f"job-{story.job_id}-"))
    return sum(counts.get("Containers_ListLogs", 0) for counts in of_job)


def wait_for_line(url: str) -> LogReply:
    """Return the answer that has the first line."""
    give_up_at = time.monotonic() + 90
    while not (reply := read_log(url, wait=25)).text:
        assert time.monotonic() < give_up_at, reply.headers
    return reply


def test_a_job_is_followed_from_its_submission_to_its_end(stack: LocalStack) -> None:
    """Each line once, in order, soon after it was written, and complete when the job is."""
    _, url = start(stack, shell(count(10, 1, before="sleep 1")))
    seen, got = list[float](), ""
    for text in follow_log(url):
        got += text
        seen += [time.monotonic()] * text.count("\n")
    assert got == "".join(f"line {i}\n" for i in range(1, 11))
    assert max(b - a for a, b in itertools.pairwise(seen)) < 8
    assert seen[-1] - seen[0] > 6


def test_many_who_read_twice_a_second_cost_one_read_of_azure_a_second(stack: LocalStack) -> None:
    """By the emulator's own count, and beside the job's own watch."""
    story, url = start(stack, shell(count(30, 0.5)))
    wait_for_line(url)
    before, begun = log_reads(stack, story), time.monotonic()

    def read(_: int) -> None:
        while time.monotonic() - begun < 8:
            assert read_log(url).status == 200
            time.sleep(0.5)

    with ThreadPoolExecutor(4) as readers:
        list(readers.map(read, range(4)))
    elapsed_s = time.monotonic() - begun
    watch_reads = elapsed_s / 2 + 1
    assert log_reads(stack, story) - before <= elapsed_s + 1 + watch_reads
    finish(stack, story)


def test_long_polls_hold_up_nobody(stack: LocalStack, gate: Gate) -> None:
    """A hundred of them wait, and a job is still read at once."""
    story, url = start(stack, shell(f"echo one; {gate.wait}; echo two"))
    first = wait_for_line(url)
    end = {"attempt": 1, "offset": first.headers["x-next-offset"]}
    texts: list[str] = []
    waiting = [
        threading.Thread(target=lambda: texts.append(read_log(url, wait=25, **end).text))
        for _ in range(100)
    ]
    for thread in waiting:
        thread.start()
    time.sleep(2)
    begun = time.monotonic()
    assert send("GET", f"{stack.base_url}/api/jobs/{story.job_id}").status == 202
    assert time.monotonic() - begun < 10
    gate.open()
    for thread in waiting:
        thread.join(60)
    assert set(texts) == {"two\n"}
    assert finish(stack, story)["logs"] == "one\ntwo\n"


def test_a_follower_outlives_the_host(own_stack: LocalStack) -> None:
    """Killed in the middle: it goes on at its offset, and nothing is lost or comes twice."""
    _, url = start(own_stack, shell(count(16, 1)))
    with ThreadPoolExecutor(1) as followers:
        following = followers.submit(follow_patiently, url)
        time.sleep(6)
        own_stack.kill_host()
        own_stack.start_host()
        got = following.result(timeout=90)
    assert got == "".join(f"line {i}\n" for i in range(1, 17))


def follow_patiently(url: str) -> str:
    """Return the whole log, and ask again where nobody answers."""
    query, got, is_complete, give_up_at = (
        {"attempt": "1", "offset": "0"},
        "",
        False,
        time.monotonic() + 90,
    )
    while not is_complete:
        assert time.monotonic() < give_up_at
        try:
            reply = read_log(url, wait=5, **query)
        except OSError:
            time.sleep(0.2)
            continue
        got += reply.text
        is_complete = reply.headers["x-log-complete"] == "true"
        query = {name: reply.headers[f"x-next-{name}"] for name in ("attempt", "offset")}
    return got


def test_an_ended_log_is_known_by_its_etag_and_read_in_ranges(stack: LocalStack) -> None:
    """304, 206 and 416 through the host."""
    story, url = start(stack, shell("echo one; echo two"))
    finish(stack, story)
    whole = read_log(url, timestamps="true")
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert [line.split(" ", 1)[1] for line in whole.text.splitlines()] == ["one", "two"]
    size = len(whole.text)
    known = read_log(url, {"If-None-Match": whole.headers["etag"]}, timestamps="true")
    assert (known.status, known.text) == (304, "")
    rest = read_log(url, {"Range": f"bytes={size - 4}-"}, timestamps="true")
    assert (rest.status, rest.text) == (206, "two\n")
    assert rest.headers["content-range"] == f"bytes {size - 4}-{size - 1}/{size}"
    assert read_log(url, {"Range": f"bytes={size}-"}, timestamps="true").status == 416
    assert read_log(url, tail=1).text == "two\n"
    assert read_log(url).headers["x-log-complete"] == "true"


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_wget_goes_on_with_a_log_that_it_has_the_beginning_of(
    stack: LocalStack, tmp_path: Path, gate: Gate
) -> None:
    """As the guide says: the same command again brings what is new."""
    story, url = start(stack, shell(f"echo one; {gate.wait}; echo two"))
    wait_for_line(url)
    file = tmp_path / "job.log"
    command = ["wget", "--no-proxy", "-q", "-c", "-O", str(file), f"{url}?timestamps=true"]
    subprocess.run(command, check=True, timeout=30)
    assert file.read_text().endswith("one\n")
    gate.open()
    finish(stack, story)
    subprocess.run(command, check=True, timeout=30)
    assert [line.split(" ", 1)[1] for line in file.read_text().splitlines()] == ["one", "two"]


def test_azure_that_is_down_fails_no_read(stack: LocalStack, gate: Gate) -> None:
    """What is archived is shown at once, with the trouble in a header."""
    story, url = start(stack, shell(f"echo line 1; {gate.wait}; echo line 2"))
    wait_for_line(url)
    admin = AdminClient(stack.emulator_env["ACI_EMULATOR_ADMIN"])
    fault = admin.add_fault(
        "respond", operation="Containers_ListLogs", status=503, code="ServiceUnavailable",
        group=f"job-{story.job_id}-*",
    )  # fmt: skip
    give_up_at = time.monotonic() + 60
    while True:  # fetches come further apart where they are slow
        begun = time.monotonic()
        reply = read_log(url)
        assert time.monotonic() - begun < 15
        assert (reply.status, reply.text[:7]) == (200, "line 1\n")
        if "x-log-trouble" in reply.headers:
            break
        assert time.monotonic() < give_up_at
        time.sleep(0.5)
    assert "BusyError" in reply.headers["x-log-trouble"]
    admin.remove_fault(fault)
    gate.open()
    assert finish(stack, story)["logs"] == "line 1\nline 2\n"


def test_wrong_requests_are_told_what_would_be_right(stack: LocalStack) -> None:
    """400 with each parameter, 404 with the attempts and containers that there are."""
    story, url = start(stack, shell("echo one"))
    finish(stack, story)
    reply = read_log(url, wait=99, tail="x")
    assert (reply.status, "?wait" in reply.text, "?tail" in reply.text) == (400, True, True)
    assert "it has attempt 1" in read_log(url, attempt=7).text
    assert "it has job" in read_log(url, container="web").text


def test_a_jobs_json_carries_the_end_of_a_long_log(stack: LocalStack) -> None:
    """64 KB of it, and where all of it is."""
    story, url = start(stack, shell("seq -w 1 40000; sleep 6"))
    job = finish(stack, story)
    assert len(job["logs"]) <= 64 * 1024
    assert job["logs"].endswith("39999\n40000\n")
    assert job["logState"]["partial"]
    assert story.lines == [f"{i:05d}" for i in range(1, 40001)]
    whole = "".join(f"{i:05d}\n" for i in range(1, 40001))
    assert read_log(url).text == whole
    assert read_log(job["logState"]["url"]).text == whole  # by capability, as the job's own URL


GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guides" / "follow-logs.md").read_text(
    "utf-8"
)


@pytest.mark.parametrize("language", ["sh", "python"])
def test_the_guides_own_follower_reads_the_whole_log(
    stack: LocalStack, tmp_path: Path, language: str
) -> None:
    """What the page shows is what a user runs."""
    program = {"sh": ["sh", "-c"], "python": [sys.executable, "-c"]}[language]
    if shutil.which("curl") is None and language == "sh":
        pytest.skip("curl is not installed")
    _, url = start(stack, shell(count(6, 1)))
    code = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert code is not None
    script = code[1].replace("http://127.0.0.1:7071/api/jobs/render-42/logs", url)
    done = subprocess.run(
        [*program, script], cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout == "".join(f"line {i}\n" for i in range(1, 7))


def test_sidecars_and_init_containers_have_logs_of_their_own(stack: LocalStack) -> None:
    """Read while they run, archived to their end, and shown in the job's state."""
    fetch = "echo fetching; sleep 4; echo fetched"
    proxy = "echo listening; while true; do sleep 1; done"
    _, url = story_and_url = start(
        stack,
        shell("echo working; sleep 6")
        | {
            "initContainers": [{"name": "fetch", **shell(fetch)}],
            "sidecars": [{"name": "proxy", **shell(proxy), "cpu": 1, "memoryGb": 1}],
        },
    )
    assert read_log(url, container="fetch", wait=25).text == "fetching\n"
    assert read_log(url, container="proxy", wait=25).text == "listening\n"
    job = finish(stack, story_and_url[0])
    assert (job["state"], job["logs"]) == ("Succeeded", "working\n")
    assert read_log(url, container="fetch").text == "fetching\nfetched\n"
    reply = read_log(url, container="proxy")
    assert (reply.text, reply.headers["x-log-complete"]) == ("listening\n", "true")
    states = job["logState"]["containers"]
    assert {name: state["complete"] for name, state in states.items()} == {
        "fetch": True,
        "proxy": False,
    }
    assert "it has job, fetch, proxy" in read_log(url, container="web").text


def test_a_log_is_followed_from_one_attempt_to_the_next(stack: LocalStack) -> None:
    """Each has a log of its own, and a follower reads all of them, each line once."""
    script = "echo begun; sleep 3; echo failed; exit 3"
    retry = {"attempts": 2, "backoffSeconds": 1}
    story, url = start(stack, shell(script, retry=retry))
    assert "".join(follow_log(url)) == "begun\nfailed\n" * 2
    assert finish(stack, story)["logs"] == "begun\nfailed\n"
    first = read_log(url, attempt=1)
    assert (first.text, first.headers["x-log-complete"]) == ("begun\nfailed\n", "false")
    assert (first.headers["x-next-attempt"], first.headers["x-next-offset"]) == ("2", "0")
    assert "it has attempts 1 to 2" in read_log(url, attempt=3).text


def test_a_failed_init_container_fails_the_job_and_its_log_is_kept(stack: LocalStack) -> None:
    """Within seconds, and not at the deadline of provisioning."""
    init = [{"name": "fetch", **shell("echo no such file; exit 4")}]
    story, url = start(stack, shell("echo never", initContainers=init))
    job = finish(stack, story)
    assert (job["state"], job["reason"]["code"]) == ("Failed", "InitContainerFailed")
    assert (job["logs"], job["exitCode"], job["cleanUp"]) == ("", None, "Deleted")
    assert read_log(url, container="fetch").text == "no such file\n"
    assert job["logState"]["containers"]["fetch"]["complete"]
