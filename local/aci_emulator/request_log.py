"""What was asked of the service: counted by operation and by group, the newest kept whole."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_KEPT_REQUESTS = 5_000
_KEPT_GROUPS = 20_000


@dataclass(frozen=True, kw_only=True)
class LoggedRequest:
    """One request as it was answered; status 0 means the connection was cut."""

    at: datetime
    operation: str
    method: str
    group: str
    status: int
    duration_ms: float


class RequestLog:
    """Counts since the start or the last reset; bounded in memory however many requests come."""

    def __init__(self) -> None:
        self._recent: deque[LoggedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._operations: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._groups: OrderedDict[str, Counter[str]] = OrderedDict()
        self.total = 0

    def add(self, request: LoggedRequest) -> None:
        """Count a request."""
        self.total += 1
        self._recent.append(request)
        self._operations[request.operation] += 1
        self._statuses[str(request.status)] += 1
        if request.group:
            self._groups.setdefault(request.group, Counter())[request.operation] += 1
            if len(self._groups) > _KEPT_GROUPS:
                self._groups.popitem(last=False)

    def reset(self) -> None:
        """Begin counting anew."""
        self._recent.clear()
        self._operations.clear()
        self._statuses.clear()
        self._groups.clear()
        self.total = 0

    def summary(self, *, group: str | None = None, recent: int = 0) -> dict[str, Any]:
        """Return the counts, of one group if named, and the newest `recent` requests."""
        groups = self._groups if group is None else {group: self._groups.get(group, Counter())}
        newest = [r for r in self._recent if group is None or r.group == group]
        return {
            "total": self.total if group is None else sum(groups[group].values()),
            "operations": dict(self._operations if group is None else groups[group]),
            "statuses": dict(self._statuses),
            "groups": {name: dict(counts) for name, counts in groups.items()},
            "recent": [_shown(r) for r in newest[len(newest) - recent :]] if recent else [],
        }


def _shown(request: LoggedRequest) -> dict[str, Any]:
    return {**asdict(request), "at": request.at.isoformat()}
