"""The form in which both stores keep a row, a specification and what the store is known by."""

from __future__ import annotations

import json
import secrets
import string
import zlib
from typing import TYPE_CHECKING, Any

from acijobs.domain.codec import changed_only, decode, encode
from acijobs.domain.errors import UnreadableRowError
from acijobs.domain.listing import job_of_key
from acijobs.domain.row import Row
from acijobs.domain.told import Told, ToldProgress
from acijobs.usecases.ports import Listed, Store, StoredRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    Piece = TypeVar("Piece", str, bytes)

_STORE_ID_CHARS = string.ascii_lowercase + string.digits
_STORE_ID_LENGTH = 12
_DIGEST_KEY_BYTES = 32


def pack_row(row: Row, instead_of: StoredRow | None = None) -> str:
    """Return the row as compact JSON, all ASCII.

    Args:
        row: The row.
        instead_of: What it replaces: fields that this release cannot read are kept from it.
    """
    data = encode(row)
    if instead_of is not None and instead_of.stored:
        data = changed_only(instead_of.stored, encode(instead_of.row), data)
    return json.dumps(data, separators=(",", ":"))


def unpack_row(job_id: str, text: str, version: str) -> StoredRow:
    """Return the row of this job, as far as it can be read.

    Raises:
        UnreadableRowError: it is no row of this job. One made of defaults would look open.
    """
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableRowError("the row is not JSON") from None
    row = decode(Row, stored)
    if row.job_id != job_id:
        raise UnreadableRowError("the row is another job's, or nobody's")
    return StoredRow(row=row, version=version, stored=stored)


def pack_spec(spec: dict[str, Any]) -> bytes:
    """Return the specification, compressed."""
    return zlib.compress(json.dumps(spec, separators=(",", ":")).encode())


def unpack_spec(packed: bytes) -> dict[str, Any]:
    """Return the specification.

    Raises:
        UnreadableRowError: it is none.
    """
    try:
        spec = json.loads(zlib.decompress(packed))
    except (ValueError, RecursionError, zlib.error):
        raise UnreadableRowError("the specification cannot be read") from None
    if not isinstance(spec, dict):
        raise UnreadableRowError("the specification is no object")
    return spec


def pack_labels(labels: dict[str, str]) -> str:
    """Return the labels as compact JSON, all ASCII."""
    return json.dumps(labels, separators=(",", ":"))


def unpack_listed(key: str, labels: object) -> Listed | None:
    """Return the entry of the list with this key; None for what is none."""
    job = job_of_key(key)
    if job is None:
        return None
    known = _object(labels)
    return Listed(
        key=key,
        job_id=job[0],
        accepted_at=job[1],
        labels={name: value for name, value in known.items() if isinstance(value, str)},
    )


def pack_progress(progress: ToldProgress) -> str:
    """Return what a job told of its progress as compact JSON."""
    return json.dumps(encode(progress), separators=(",", ":"))


def pack_outputs(told: Told) -> str:
    """Return a job's outputs as compact JSON; ASCII takes six times as much in some scripts."""
    return json.dumps(told.outputs, separators=(",", ":"), ensure_ascii=False)


def unpack_told(progress: object, outputs: object, looks: object) -> Told:
    """Return what a job has told of itself, as far as it can be read."""
    return Told(
        progress=decode(ToldProgress, _object(progress)) if progress else None,
        outputs=_object(outputs),
        looks=looks if isinstance(looks, int) else 0,
    )


def _object(text: object) -> dict[str, Any]:
    try:
        data = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def is_same_submission(stored: Row, submitted: Row) -> bool:
    """Tell whether the stored job is the very one that was submitted, however far it has come.

    Another submission, even of the same content under the same id, was accepted at another time.
    """
    return stored.digest == submitted.digest and stored.accepted_at == submitted.accepted_at


def new_store() -> Store:
    """Return what a new store is known by, made at random."""
    return Store(
        id="".join(secrets.choice(_STORE_ID_CHARS) for _ in range(_STORE_ID_LENGTH)),
        digest_key=secrets.token_bytes(_DIGEST_KEY_BYTES),
    )


def pieces(whole: Piece, length: int) -> Iterator[Piece]:
    """Return the text or the bytes in pieces of at most this length, in order."""
    for start in range(0, len(whole), length):
        yield whole[start : start + length]
