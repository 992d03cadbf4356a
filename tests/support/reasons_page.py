"""Renders docs/reference/reasons.md from the failure taxonomy; run by `make docs`."""

from __future__ import annotations

from pathlib import Path

from acijobs.domain.reasons import _OF_AZURE, TAXONOMY, Reason

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reasons.md"

NOT_GIVEN_YET = frozenset[Reason]()
"""Reasons that the taxonomy has, and nothing gives to a job in this release."""

_HEAD = """\
# Failure reasons

The `reason` of a job that did not succeed (see [the job API](api.md)): a `code` from this table with
its `fault`, `retryable` and `advice`, and the `message` of this very case. `azureCode` is Azure's own
code behind it, where there is one.

* `fault` says who has to act: `job` whoever submitted it, `operator` whoever runs this app, `platform`
  Azure, `user` nobody, because somebody asked for it.
* `retryable` says whether another attempt is worth its cost. A job with [`retry`](../guides/retry.md)
  is attempted again by itself; any other, [run again](api.md#post-apijobsidrerun).
* A later release may add codes: treat one that you do not know like `InternalError`.

This page is made from `acijobs/domain/reasons.py`: change that, then run `make docs`.

| Code | Meaning | Fault | Retryable | Advice |
|---|---|---|---|---|
"""

_MIDDLE = """
## Codes of Azure

Azure's error codes, and the reasons that they become; a refusal with any other code is
`InvalidRequest`. `ContainerGroupQuotaReached`, `RegistryErrorResponse` and `ServiceUnavailable` are
waited out until queueSeconds have passed first. `HTTP 401` and `HTTP 403` stand for answers without a
code.

| Azure's code | Reason |
|---|---|
"""


def render() -> str:
    """Return the page."""
    reasons = "".join(_row(reason) for reason in Reason)
    codes = {code: reason for code, reason in _OF_AZURE.items() if code != reason}
    codes |= {"HTTP 401": Reason.ACCESS_DENIED, "HTTP 403": Reason.ACCESS_DENIED}
    azure = "".join(f"| `{code}` | `{reason}` |\n" for code, reason in sorted(codes.items()))
    return _HEAD + reasons + _MIDDLE + azure


def _row(reason: Reason) -> str:
    about = TAXONOMY[reason]
    later = " Not given by this release." if reason in NOT_GIVEN_YET else ""
    retryable = "yes" if about.is_retryable else "no"
    return (
        f"| `{reason}` | {about.meaning}{later} | {about.fault} | {retryable} | {about.advice} |\n"
    )


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
