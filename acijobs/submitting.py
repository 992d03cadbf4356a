"""Takes jobs in, whichever way they come: reads what is asked for, stores it, has it driven."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acijobs.domain.cost import usd_per_second
from acijobs.domain.errors import (
    BodyTooLargeError,
    InvalidSpecError,
    NotAllowedError,
    RowExistsError,
    StorageError,
    Violation,
)
from acijobs.domain.metrics import JOB_ACCEPTED, Attribute
from acijobs.domain.nesting import TOO_DEEP, is_too_deep
from acijobs.domain.row import Row
from acijobs.domain.spec.job import MAX_BODY_BYTES, JobSpec, parse
from acijobs.domain.spec.policy import Refusal, refusals
from acijobs.domain.terms import Terms
from acijobs.log_lines import tell
from acijobs.security.keys import derived
from acijobs.usecases.secrets import kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from acijobs.instances import Instances
    from acijobs.security.sealing import Seals
    from acijobs.settings.jobs import DefaultJobSettings
    from acijobs.usecases.ports import Outside, Rows, StoredRow

_PLAIN, _WITH_VALUES = "1", "2"
"""Versions of digests: of a job without secret values, and of one that holds some."""

_PURPOSE = "acijobs digest 2"

IDEMPOTENCY_KEY = "Idempotency-Key"
"""The header whose value stands for the id of a job."""

_ID_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The job that a request asks for.

    Attributes:
        spec: The job, validated.
        sent: The JSON data that was sent.
        key: The request's `Idempotency-Key`; empty without one.
        key_of: The job by whose capability the key was sent, so that it stands for no other caller's
            id; empty where it came with a key of the app.
        rerun_of: The job that this is another run of; empty where it is none.
        first_run: The first job of that chain; empty likewise.
        came_by: The way it came, `http` or `queue`.
    """

    spec: JobSpec
    sent: dict[str, Any]
    key: str = ""
    key_of: str = ""
    rerun_of: str = ""
    first_run: str = ""
    came_by: str = "http"

    @property
    def source(self) -> str:
        """What is counted of the way it came: `http`, `queue` or `rerun`."""
        return "rerun" if self.rerun_of else self.came_by

    def keyed_id(self, key: bytes) -> str:
        """Return the id that the `Idempotency-Key` stands for.

        A keyed digest, so that an id tells nothing of the header, and nobody can tell it beforehand.
        """
        owner = f" by {self.key_of}" if self.key_of else ""
        text = f"{IDEMPOTENCY_KEY}{owner}:{self.key}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_ID_LENGTH]

    def digests(self, key: bytes, seals: Seals) -> tuple[str, ...]:
        """Return the keyed digests of what was sent, its id apart: the first is stored, any is known.

        Of what was sent, so that another release's defaults do not make another job of it; keyed, so
        that whoever reads the digest cannot try out what was sent. A job that holds secret values is
        digested with keys made from the seals' besides, one for each: the store and its key do
        not help to guess a value either, and a rotation does not make another job of it.
        """
        if all(secret.kind != "value" for secret in self.spec.all_secrets.values()):
            return (self._digest(_PLAIN, key),)
        return tuple(
            self._digest(_WITH_VALUES, derived(secret, purpose=_PURPOSE, salt=key))
            for secret in seals.secrets
        )

    def _digest(self, version: str, key: bytes) -> str:
        told = {name: value for name, value in self.sent.items() if name != "id"}
        if self.rerun_of:
            told |= {"rerunOf": self.rerun_of}
        text = json.dumps(_canonical(told), sort_keys=True, separators=(",", ":"))
        digest = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"{version}:{digest}"


def read_submission(body: bytes, default: DefaultJobSettings, *, key: str = "") -> Submission:
    """Return the job that this body asks for; an empty one asks for the operator's default job.

    Args:
        body: The request's body.
        default: The operator's default job.
        key: The request's `Idempotency-Key`, in the place of an id; empty without one.

    Raises:
        BodyTooLargeError: the body is too large.
        InvalidSpecError: it is not JSON, or not a job; names every wrong field.
    """
    sent = read_json(body, empty=lambda: _default_job(default))
    return submission_of(sent, key=key)


def submission_of(
    sent: Any, *, key: str = "", key_of: str = "", rerun_of: str = "", first_run: str = ""
) -> Submission:
    """Return the job that this JSON data asks for.

    Raises:
        InvalidSpecError: it is not a job, or it has an id beside an `Idempotency-Key`.
    """
    spec = parse(sent)
    if key and spec.id is not None:
        detail = f"must be left out beside the header {IDEMPOTENCY_KEY}: the job's id is made of it"
        raise InvalidSpecError((Violation(pointer="#/id", detail=detail),))
    return Submission(
        spec=spec, sent=sent, key=key, key_of=key_of, rerun_of=rerun_of, first_run=first_run
    )


def read_json(body: bytes, *, empty: Callable[[], Any]) -> Any:
    """Return the JSON data of a request's body.

    Args:
        body: The request's body.
        empty: What a body stands for that is empty, or has blanks only.

    Raises:
        BodyTooLargeError: the body is too large.
        InvalidSpecError: it is not JSON, or nested too deep.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    if not body.strip():
        return empty()
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidSpecError(
            (Violation(pointer="#", detail=f"the body is not JSON in UTF-8: {error}"),)
        ) from None
    if is_too_deep(data):
        raise InvalidSpecError((Violation(pointer="#", detail=TOO_DEEP),))
    return data


async def submit(
    outside: Outside, instances: Instances, submission: Submission, job_id: str
) -> Row | None:
    """Store the job unless it was before, and have it driven; return None for another job's id.

    Once the row is stored the job is accepted, whatever the engine says: the Reconciler starts what
    was not started.

    Args:
        outside: The outside.
        instances: The jobs' orchestrations.
        submission: What is asked for.
        job_id: Its id; empty for the one that its `Idempotency-Key` stands for.

    Raises:
        NotAllowedError: the operator's rules do not allow it.
        InvalidSpecError: what only the settings tell: a secret cannot be kept, or can never be read, or
            the callback has no key, or must not go where it says.
        StorageError: storage did not answer; the job may be stored or not.
    """
    row = await asyncio.to_thread(accept, outside, submission, job_id)
    if row is not None and row.claim is None and not row.is_closed:
        await instances.start(row.job_id, row.offer, row.trace_parent)
    return row


def accept(outside: Outside, submission: Submission, job_id: str) -> Row | None:
    """Store the job unless it was before; return its row, None for another job under its id.

    Raises:
        NotAllowedError: the operator's rules do not allow it, and it was not accepted before.
        InvalidSpecError: as `submit`.
        StorageError: storage did not answer; the job may be stored or not.
    """
    rows, policy = outside.rows(), outside.job_policy()
    key = rows.store().digest_key
    job_id = job_id or submission.keyed_id(key)
    spec = ready_to_keep(outside, submission.spec, job_id)
    digests = submission.digests(key, outside.seals())
    row = _new_row(outside, submission, spec, job_id=job_id, digest=digests[0])
    if broken := refusals(spec, policy):
        return _accepted_before(rows, row, digests, broken)
    try:
        accepted = rows.insert(row, spec.to_json())
    except RowExistsError:
        existing = rows.read(job_id)
        if existing is None:  # removed between these two requests
            raise StorageError("the job of this id was being removed") from None
        return _same(existing, digests)
    tell("accepted", job=job_id, image=spec.image, rerunOf=row.rerun_of or None)
    source = {Attribute.SOURCE: submission.source}
    outside.telemetry.record(lambda: [JOB_ACCEPTED.of(attributes=source)])
    return accepted.row


def _accepted_before(
    rows: Rows, row: Row, digests: tuple[str, ...], broken: tuple[Refusal, ...]
) -> Row | None:
    """Return the row of a job that was accepted while the rules allowed it: a repeat is fine."""
    existing = rows.read(row.job_id)
    if existing is None:
        tell("notAllowed", job=row.job_id, rules=", ".join(sorted({r.rule for r in broken})))
        raise NotAllowedError(broken)
    return _same(existing, digests)


def _same(existing: StoredRow, digests: tuple[str, ...]) -> Row | None:
    return existing.row if existing.row.digest in digests else None


def _new_row(
    outside: Outside, submission: Submission, spec: JobSpec, *, job_id: str, digest: str
) -> Row:
    price = usd_per_second(spec, outside.job_policy().prices)
    return Row(
        job_id=job_id,
        digest=digest,
        accepted_at=outside.clock.now(),
        terms=Terms.of(spec, usd_per_second=price, own_locations=outside.locations()),
        labels=spec.labels,
        rerun_of=submission.rerun_of,
        first_run=submission.first_run,
        trace_parent=outside.telemetry.trace_parent(),
    )


def ready_to_keep(outside: Outside, spec: JobSpec, job_id: str) -> JobSpec:
    """Return the specification as it may be stored.

    Raises:
        InvalidSpecError: what only the settings tell, as `submit`.
    """
    wrong = _wrong_callback(outside, spec)
    try:
        ready = kept(outside, spec, job_id)
    except InvalidSpecError as error:
        raise InvalidSpecError((*error.violations, *wrong)) from None
    if wrong:
        raise InvalidSpecError(wrong)
    return ready


def _wrong_callback(outside: Outside, spec: JobSpec) -> tuple[Violation, ...]:
    if spec.callback is None:
        return ()
    wrong, refused = [], outside.callbacks().complaint(spec.callback.url)
    if refused is not None:
        wrong.append(Violation(pointer="#/callback/url", detail=refused))
    if spec.callback.secret is None and not outside.callback_secret():
        detail = "is required, because the operator has set no CallbackSecret to sign messages with"
        wrong.append(Violation(pointer="#/callback/secret", detail=detail))
    return tuple(wrong)


def _default_job(default: DefaultJobSettings) -> dict[str, object]:
    if default.image is None:
        detail = "is required; an empty body starts DefaultImage, and the operator set none"
        raise InvalidSpecError((Violation(pointer="#/image", detail=detail),))
    job: dict[str, object] = {"image": default.image}
    if default.command is not None:
        job["command"] = list(default.command)
    return job


def _canonical(data: Any) -> Any:
    """Return the data with whole numbers as integers: 1.0 and 1 ask for the same."""
    if isinstance(data, dict):
        return {name: _canonical(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_canonical(item) for item in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data
