"""Makes docs/reference/openapi.json, the description of the API, from the code."""

from __future__ import annotations

import json
from pathlib import Path

from acijobs.web.openapi.document import document

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


def page() -> str:
    """Return the page's text."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
