"""The rules by which things go wrong, as a test or a config file writes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from aci_emulator.documents import Document, Number, Whole

REQUEST_KINDS = {
    "respond": "answer with `status`, `code`, `message` or `body`, and do nothing",
    "respond_after": "do the work, then answer with `status`, `code`, `message` or `body`",
    "drop_reply": "do the work, then close the connection without an answer",
    "disconnect": "close the connection without doing anything",
    "delay": "wait `delay_s` before doing the work",
    "expire_token": "answer 401 and let every token issued so far be expired",
}
"""Kinds that concern one request."""

GROUP_KINDS = {
    "capacity": "refuse the create: no capacity (409 ServiceUnavailable)",
    "capacity_async": "accept the create, then fail its operation: no capacity",
    "unstartable": "accept the create, pull, and never start: Waiting, restartCount 3, then Failed",
    "stuck_pending": "accept the create and start nothing, ever",
    "repairing": "after `after_s`, take the group into repair again and again, every `period_s`",
    "platform_restart": "after `after_s`, end its containers with `exit_code` and start them again",
    "evict": "after `after_s`, take the group away once and bring it back",
    "recase_tags": "after `after_s`, show the names of its tags in another letter case",
    "vanish": "after `after_s`, let the group be gone",
}
"""Kinds that concern one group, decided when it is created."""

_Position = Annotated[int, Field(strict=True, ge=1)]
_Positions = Annotated[
    tuple[_Position, ...], BeforeValidator(lambda n: n if isinstance(n, list | tuple) else (n,))
]


class FaultRule(Document):
    """One thing that goes wrong.

    Attributes:
        kind: One of `REQUEST_KINDS` or `GROUP_KINDS`.
        operation: Glob over the operation id, e.g. `ContainerGroups_*`.
        group: Glob over the group's name; requests without a group match only `*`.
        nth: Which matching requests it strikes, counted from 1; empty for all.
        share: Which share of the matching requests it strikes, 0 to 1; None for all.
        times: How often it strikes at most; None for always.
        for_s: For how long it strikes, from the first request it matches on; None for ever.
        status, code, message, body, retry_after_s: The answer of `respond` and `respond_after`; code
            and message of None are those ARM gives with the status.
        delay_s: For `delay`.
        after_s, period_s: When, and how often, for the group kinds, in the emulator's time.
        exit_code: For `platform_restart` (7147 and 7148 are the platform's own).
    """

    kind: str
    id: str = ""
    operation: str = "*"
    group: str = "*"
    nth: _Positions = ()
    share: Annotated[Number, Field(le=1)] | None = None
    times: Whole | None = None
    for_s: Number | None = None
    status: Annotated[int, Field(strict=True, ge=200, le=599)] = 500
    code: str | None = None
    message: str | None = None
    body: Any = None
    retry_after_s: Number | None = None
    delay_s: Number = 1.0
    after_s: Number = 0.0
    period_s: Number = 5.0
    exit_code: Whole = 7147

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in REQUEST_KINDS and kind not in GROUP_KINDS:
            known = ", ".join([*REQUEST_KINDS, *GROUP_KINDS])
            raise ValueError(f"must be one of {known}")
        return kind
