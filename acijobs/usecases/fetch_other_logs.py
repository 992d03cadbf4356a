"""Brings the archived logs of a group's other containers up to date: those before and beside the job's.

They are fetched with the job's own, and never keep it: what goes wrong with them is noted in their
states, and is made up for by the next fetch while there is one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from acijobs.domain.messages import merged
from acijobs.domain.progress import ContainerLog, LogState
from acijobs.log_lines import words_of
from acijobs.usecases.fetch_logs import LOG_TROUBLES, LogSource, try_to_fetch_log

if TYPE_CHECKING:
    from acijobs.domain.observation import ContainerState, Observation
    from acijobs.domain.row import Row
    from acijobs.usecases.ports import Outside

LONGEST_TIME = timedelta(seconds=20)
"""How long further ones are begun with: an Azure that is busy must not hold up the job."""

_OUT_OF_TIME = "there was no time left to fetch it"
_NOT_SEEN = "Azure did not show its container any more"


def fetch_other_logs(
    outside: Outside, row: Row, seen: Observation, known: dict[str, ContainerLog]
) -> dict[str, ContainerLog]:
    """Fetch the logs of the containers that have run; return the states of those that were fetched.

    One that is complete is not fetched again.

    Args:
        outside: All of the outside.
        row: The job, whose group was read.
        seen: What the group showed.
        known: What was archived before, by container.
    """
    until = outside.clock.now() + LONGEST_TIME
    before = {name: known.get(name, ContainerLog()) for name in row.terms.other_containers}
    states: dict[str, ContainerLog] = {}
    for container in seen.all_containers:
        log = before.get(container.name)
        if log is None or log.complete or not container.has_run:
            continue
        if outside.clock.now() > until:
            states[container.name] = replace(log, trouble=_OUT_OF_TIME)
        else:
            states[container.name] = _fetch(outside, row, container, log)
    return states


def collect_other_logs(outside: Outside, row: Row, log: LogState) -> LogState:
    """Return what is archived, once the logs of the other containers were fetched for the last time.

    It costs nothing where there are none, or all of them are complete.
    """
    names = row.terms.other_containers
    if row.group is None or all(log.of(name).complete for name in names):
        return log
    try:
        found = outside.groups(row.group.scope).get(row.group.name)
        trouble = "" if found is not None and row.group.owns(found.tags) else _NOT_SEEN
    except LOG_TROUBLES as error:
        found, trouble = None, words_of(error)
    if found is None or trouble:
        open_ones = {name: log.of(name) for name in names if not log.of(name).complete}
        return log.with_others({n: replace(o, trouble=trouble) for n, o in open_ones.items()})
    return log.with_others(fetch_other_logs(outside, row, found.seen, log.containers or {}))


def _fetch(
    outside: Outside, row: Row, container: ContainerState, log: ContainerLog
) -> ContainerLog:
    assert row.group is not None
    source = partial(LogSource.of, outside, row.group, container.name)
    has_ended = container.state == "Terminated"
    fetched = try_to_fetch_log(source, has_ended=has_ended, known_bytes=log.archived_bytes)
    state = merged(log, fetched, has_ended=has_ended and _is_last_run(container, row))
    lost = container.restart_count > 0  # each run has a new log, as with the job's own
    return replace(state, truncated=state.truncated or lost)


def _is_last_run(container: ContainerState, row: Row) -> bool:
    """Tell whether its restart policy does not start it again."""
    return container.exit_code == 0 or row.terms.restart_policy == "Never"
