"""The demo: the main job, end to end, on the local stack; every promise is checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stack import job_story
from stack.figures import measure
from stack.http import ArmClient, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.figures import Figure
    from stack.job_story import JobStory
    from stack.local_stack import LocalStack

_EXPECTED_LINES = [str(number) for number in range(1, 31)]
_TIMEOUT_S = 180.0


def run_demo(stack: LocalStack, tell: Callable[[str], None]) -> list[str]:
    """Run the default job and tell its story; return what went wrong, nothing if all is well."""
    _introduce(stack, tell)
    story = job_story.start(stack)
    tell(f"202 Accepted\n{json.dumps(story.started.body, indent=2)}\n")
    job_story.follow(stack, story, tell, timeout_s=_TIMEOUT_S)
    group = story.status["group"]
    is_gone = not ArmClient(env=stack.emulator_env).group_exists(group)
    requests = _arm_requests(stack, group)
    figures = measure(story, requests=requests, runtime=stack.options.runtime)
    _conclude(story, figures, tell, is_gone=is_gone)
    problems = _problems(story)
    return problems if is_gone else [*problems, f"group {group} still exists"]


def _introduce(stack: LocalStack, tell: Callable[[str], None]) -> None:
    tell(
        f"Functions host  {stack.base_url}\n"
        f"ARM endpoint    {stack.emulator_env['ARM_ENDPOINT']} (containers run as "
        f"{stack.emulator_env.get('RUNTIME', stack.options.runtime)})\n"
        f"state and logs  {stack.options.state}\n\n"
        f"$ curl -i -X POST {stack.base_url}/api/jobs\n"
    )


def _arm_requests(stack: LocalStack, group: str) -> int:
    admin = stack.emulator_env["ACI_EMULATOR_ADMIN"]
    log = send("GET", f"{admin}/requests?group={group}").body
    # One request is the demo's own, to see that the group is gone.
    return int(log["total"]) - 1


def _conclude(
    story: JobStory, figures: list[Figure], tell: Callable[[str], None], *, is_gone: bool
) -> None:
    status, job = story.status, story.job
    assert job is not None
    path = urlsplit(story.started.body["jobUrl"]).path
    tell(
        f"\noutcome         {status['phase']}, exit code {status['exitCode']}, "
        f"GET {path} answers {job.status}\n"
        f"log             {len(story.lines)} lines, "
        f"complete: {status['logs']['complete']}, truncated: {status['logs']['truncated']}\n"
        f"group           {status['group']} "
        f"{'is gone (GET answers 404)' if is_gone else 'STILL EXISTS'}\n"
        + "".join(f"{figure}\n" for figure in figures)
    )


def _problems(story: JobStory) -> list[str]:
    status, job = story.status, story.job
    assert job is not None
    checks = {
        f"the job ended as {status['phase']}: {status['reason']}": status["phase"] == "Succeeded",
        f"the exit code is {status['exitCode']}": status["exitCode"] == 0,
        f"GET job answered {job.status} with {job.body['state']}": (
            (job.status, job.body["state"]) == (200, "Succeeded")
        ),
        f"the log is not 1 to 30, each once: {story.lines}": story.lines == _EXPECTED_LINES,
        f"the clean-up is {status['cleanUp']}": status["cleanUp"] == "Deleted",
    }
    return [problem for problem, is_well in checks.items() if not is_well]
