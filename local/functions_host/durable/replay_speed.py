"""Makes the SDK's replay cheaper without changing what it computes.

At each episode the SDK parses the timestamp of every history event with `dateutil`, which is most of
the cost of a short replay, and makes a class for its own bookkeeping anew. Both are pure functions
that are asked the same again and again, so the host remembers their answers.
"""

from __future__ import annotations

import functools
import sys

_PACKAGE = "azure.durable_functions.models."
_REMEMBERED = {
    ("history.HistoryEvent", "dt_parse"): 16_384,
    ("TaskOrchestrationExecutor", "namedtuple"): 16,
}


def remember_pure_results() -> bool:
    """Pure functions of a loaded SDK remember their results; return whether all were found."""
    found = [
        _remember(sys.modules.get(_PACKAGE + module), name, size)
        for (module, name), size in _REMEMBERED.items()
    ]
    return all(found)


def _remember(module: object, name: str, size: int) -> bool:
    function = getattr(module, name, None)
    if module is None or function is None:
        return False
    if not hasattr(function, "cache_info"):
        setattr(module, name, functools.lru_cache(maxsize=size)(function))
    return True
