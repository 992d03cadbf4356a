"""Looks for secrets in everything that a stack has written, however it is packed."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SQLITE = b"SQLite format 3\0"


def forms(value: str) -> set[bytes]:
    """Return the ways in which a secret may be written."""
    data = value.encode()
    return {
        data,
        base64.b64encode(data).rstrip(b"="),
        *(base64.b64encode(b"x" * shift + data)[4:-4] for shift in (1, 2)),
        quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
        data.hex().encode(),
        value[::-1].encode(),
        value.upper().encode(),
    }


class Hunt:
    """Collects texts, and tells in which of them a secret is.

    Args:
        secrets: The secrets, by what they are called.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        self._forms = {name: forms(value) for name, value in secrets.items()}
        self.looked_at: dict[str, int] = {}
        self.found: list[str] = []

    def look(self, where: str, data: bytes | str | Any) -> None:
        """Look into a text, into what is packed in it, or into JSON data."""
        if not isinstance(data, bytes | str):
            data = json.dumps(data)
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        self.looked_at[where] = self.looked_at.get(where, 0) + len(raw)
        for name, known in self._forms.items():
            if any(form in raw for form in known):
                self.found.append(f"{name} in {where}")
        for packed in _unpacked(raw):
            self.look(f"{where} (unpacked)", packed)

    def look_into(self, folder: Path) -> None:
        """Look into every file below a folder, and into each cell of its databases."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(folder))
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # a database's journal comes and goes
                continue
            self.look(name, data)
            if data.startswith(_SQLITE):
                for cell in _cells(path):
                    self.look(name, cell)


def _unpacked(data: bytes) -> Iterator[bytes]:
    for unpack in (zlib.decompress, gzip.decompress, lambda raw: zlib.decompress(raw, -15)):
        try:
            unpacked = unpack(data)
        except (zlib.error, OSError, EOFError):
            continue
        if unpacked:
            yield unpacked


def _cells(path: Path) -> Iterable[bytes | str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        tables = [
            row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            for row in file.execute(f'SELECT * FROM "{table}"'):
                yield from (cell for cell in row if isinstance(cell, bytes | str))
