"""The errors of acijobs.

```
AcijobsError
├── InvalidSpecError        the request is wrong: names every wrong field (HTTP 400)
├── NotAllowedError         the operator does not allow this job: names every rule it breaks (HTTP 403)
├── BodyTooLargeError       the request is too large (HTTP 413)
├── InvalidQueryError       parameters of the query are wrong: names every wrong one (HTTP 400)
├── UnknownLogError         the job has no such log (HTTP 404)
├── InvalidSettingsError    the operator's settings are wrong: names every wrong setting
├── UnwellError             parts of what the app depends on are not well: names every one of them
├── ServiceError            Azure answered with an error
│   ├── RefusedError        it will not get better by asking again
│   └── BusyError           it may: throttled, unavailable, in transition, out of capacity
│       └── StorageError    the store of rows or logs did not answer usefully (HTTP 503)
│           └── RowError                it did, but something is wrong with this one row
│               ├── UnreadableRowError  it cannot be read
│               └── RowTooLargeError    it cannot be written
├── RowExistsError          a job of this id has been accepted before
├── RowConflictError        someone else changed the row since it was read
├── ArchiveConflictError    someone else wrote the same part of a log first
└── JobFailedError          how a failed job ends its orchestration
```
"""

from __future__ import annotations

from dataclasses import dataclass


class AcijobsError(Exception):
    """Any error that acijobs raises on purpose."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One wrong field of a request.

    Attributes:
        pointer: Where, as a JSON pointer in a URI fragment (`#/timeouts/runSeconds`; `#` is the whole);
            a parameter of the query is `?name`.
        detail: What is wrong and what would be right.
    """

    pointer: str
    detail: str


class InvalidSpecError(AcijobsError):
    """The job specification is wrong; `violations` names every wrong field."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("; ".join(f"{v.pointer}: {v.detail}" for v in violations))
        self.violations = violations


class NotAllowedError(AcijobsError):
    """The operator does not allow this job; `violations` names every rule that it breaks."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("; ".join(f"{v.pointer}: {v.detail}" for v in violations))
        self.violations = violations


class BodyTooLargeError(AcijobsError):
    """The request body is larger than a job specification may be."""


class InvalidQueryError(AcijobsError):
    """Parameters of the query are wrong; `violations` names every wrong one."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("; ".join(f"{v.pointer}: {v.detail}" for v in violations))
        self.violations = violations


class UnknownLogError(AcijobsError):
    """The job has no such attempt or container; the text names those that it has."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(violation.detail)
        self.violations = (violation,)


class InvalidSettingsError(AcijobsError):
    """App settings are missing or wrong; the text names every one of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("wrong app settings: " + "; ".join(problems))
        self.problems = problems


class UnwellError(AcijobsError):
    """Parts of what the app depends on are not well; the text names every one of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ServiceError(AcijobsError):
    """Azure answered with an error.

    Attributes:
        code: Azure's error code, or `HTTP <status>` where the body had none.
        message: Azure's message, at most 1,000 characters.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.say(message)

    def say(self, message: str) -> None:
        """Let the error say this."""
        self.message = message[:1000]
        self.args = (f"{self.code}: {self.message}",)


class RefusedError(ServiceError):
    """Azure refused for good: asking again gives the same answer."""


class BusyError(ServiceError):
    """Azure could not answer now: asking later may succeed.

    Attributes:
        retry_after_s: Seconds to wait as Azure asked, or None where it did not say.
        is_refused: Whether nothing was done for certain; otherwise the request may have worked.
        is_brief: Whether it may well be over in some seconds: throttled or overloaded, not out of
            quota or capacity.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        is_refused: bool = False,
        is_brief: bool = False,
    ) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s
        self.is_refused = is_refused
        self.is_brief = is_brief


class StorageError(BusyError):
    """The store of rows or of logs did not answer, or not usefully."""

    def __init__(self, message: str) -> None:
        super().__init__("StorageUnavailable", message)


class RowError(StorageError):
    """Something is wrong with this one job's row; other jobs are not concerned."""


class UnreadableRowError(RowError):
    """What is stored of this job cannot be read."""


class RowTooLargeError(RowError):
    """What is to be stored of this job does not fit."""


class RowExistsError(AcijobsError):
    """A job of this id has been accepted before; the text is the id."""


class RowConflictError(AcijobsError):
    """Someone else changed the row since it was read; the text is the job's id."""


class ArchiveConflictError(AcijobsError):
    """The log archive was written by someone else since it was read."""


class JobFailedError(AcijobsError):
    """The job failed; the text is its one-line reason, and becomes the orchestration's output."""
