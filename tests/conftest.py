"""What all tests share: property tests that try the same examples on every run.

A run that fails by chance blocks others' work without telling them anything. To search for new
counter-examples, at random and four times as many, run with `HYPOTHESIS_PROFILE=search`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.register_profile("search", max_examples=400, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
