"""JSON merge patches (RFC 7396)."""

from __future__ import annotations

from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """Return the target with the patch applied; neither is changed.

    Members of an object are set one by one, and removed by null; anything else, a list too, is replaced
    as a whole. Source: RFC 7396, section 2.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
