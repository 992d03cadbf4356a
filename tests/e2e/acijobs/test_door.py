"""The job API's door, through the local Functions host: what a browser, a proxy or a slip sends."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stack.http import send

if TYPE_CHECKING:
    from stack.local_stack import LocalStack

JOB = {"image": "alpine:3.20", "command": ["true"]}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def post(stack: LocalStack, body: Any, **headers: str) -> tuple[int, str]:
    """Return status and text of the answer to a POST; a list of bytes goes out in chunks."""
    place = urlsplit(stack.base_url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", "/api/jobs", body, sent, encode_chunked=isinstance(body, list))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_chunked_job_is_refused_as_on_azure(stack: LocalStack) -> None:
    """411, and not the operator's default job, which an empty body would start."""
    chunks = [json.dumps(JOB).encode()]
    status, text = post(stack, chunks, Content_Type=JSON, Transfer_Encoding="chunked")
    assert (status, "Content-Length" in text) == (411, True)


def test_what_curl_sends_without_a_header_is_refused_with_the_header(stack: LocalStack) -> None:
    """415; with the header, or without any type, it is taken."""
    body = json.dumps(JOB)
    status, text = post(stack, body, Content_Type=FORM)
    assert (status, "Content-Type: application/json" in text) == (415, True)
    assert post(stack, body, Content_Type=JSON)[0] == 202
    assert post(stack, body)[0] == 202


def test_a_web_page_starts_no_job(stack: LocalStack) -> None:
    """A foreign Origin or Host is refused before the app sees it, whatever it says of the body."""
    body = json.dumps(JOB)
    assert post(stack, body, Content_Type=JSON, Origin="https://evil.test")[0] == 403
    assert post(stack, body, Content_Type="text/plain", Origin="null")[0] == 403
    assert post(stack, body, Content_Type=JSON, Host="evil.test")[0] == 403


def test_a_lone_surrogate_is_refused_at_its_field(stack: LocalStack) -> None:
    """400; a job with a whole character runs."""
    bad = json.dumps(JOB | {"environment": {"A": "\ud800"}})
    status, text = post(stack, bad, Content_Type=JSON)
    assert (status, json.loads(text)["errors"][0]["pointer"]) == (400, "#/environment/A")


def test_without_a_queue_nobody_complains(stack: LocalStack) -> None:
    """The function that reads one is switched off, and every other one is served."""
    log = (stack.options.state / "functions_host.log").read_text("utf-8")
    started = log.split("Serving", 1)[0]
    assert not [line for line in started.splitlines() if "WARNING" in line or "ERROR" in line]
    assert "does not resolve" not in log
    served = send("GET", f"{stack.base_url}/admin/functions").body
    assert "QueueStart" not in {function["name"] for function in served}
