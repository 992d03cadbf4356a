"""One instance serves as many requests at once as its memory is good for."""

from __future__ import annotations

import pytest

from infra_templates import SETS, resources

REQUESTS = {512: 8, 2048: 32, 4096: 64}
"""Requests at once, by an instance's memory in MB: an answer may hold some copies of 4 MB of log."""


@pytest.mark.parametrize("name", SETS)
def test_a_reader_who_waits_has_no_instance_alone(name: str) -> None:
    """Flex gives each request of a Python app an instance of its own, unless it is told otherwise.

    A request may wait 25 s for more of a log; how often Azure is asked for it depends on a process
    that serves many of them.
    """
    (app,) = resources(name, "Microsoft.Web/sites")
    flex = app["properties"].get("functionAppConfig")
    if flex is not None:
        scaling = flex["scaleAndConcurrency"]
        at_once = scaling["triggers"]["http"]["perInstanceConcurrency"]
        assert at_once == REQUESTS[scaling["instanceMemoryMB"]]
