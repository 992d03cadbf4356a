"""A workspace of logs in memory: it answers KQL, translated to SQL for DuckDB."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import duckdb_kql

from log_tables import TABLES

if TYPE_CHECKING:
    from types import TracebackType

    from infra_queries import Rule

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
"""The time at which every query runs."""

_SQL_TYPES = {
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "int": "INTEGER",
    "real": "DOUBLE",
    "string": "VARCHAR",
}


_COLUMNS = {name: list(columns) for name, columns in TABLES.items()}


@functools.cache
def _as_sql(query: str) -> str:
    """Return a query in SQL; its tables are those that `LogWorkspace.answer` makes."""
    return str(duckdb_kql.to_sql(query, schema=_COLUMNS, query_now=NOW.replace(tzinfo=None)))


class LogWorkspace:
    """The tables of `log_tables`, between `with` and its end."""

    def __enter__(self) -> Self:
        """Make them, empty."""
        self._tables = duckdb_kql.connect()
        self._rows: dict[str, list[list[Any]]] = defaultdict(list)
        for name, columns in TABLES.items():
            fields = ", ".join(f'"{one}" {_SQL_TYPES[kind]}' for one, kind in columns.items())
            self._tables.execute(f"CREATE TABLE {name}_all ({fields})")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget them."""
        self._tables.close()

    def counted(self, name: str, number: float, *, minutes_ago: float = 3, **of: str) -> None:
        """Add what the exporter of Application Insights sends of a counter or a gauge.

        It has neither least nor most. Source: azure-monitor-opentelemetry-exporter 1.0.0b58,
        `AzureMonitorMetricExporter._point_to_envelope`.
        """
        self._metric(name, minutes_ago, of, Sum=number, ItemCount=1)

    def measured(self, name: str, *values: float, minutes_ago: float = 3, **of: str) -> None:
        """Add what it sends of a histogram for a minute in which these values were seen.

        Args:
            name: The metric's.
            values: Of one minute and one worker.
            minutes_ago: When.
            of: Attributes; `__` in a name stands for a dot.
        """
        least, most = min(values), max(values)
        self._metric(
            name, minutes_ago, of, Sum=sum(values), Min=least, Max=most, ItemCount=len(values)
        )

    def took(self, told: dict[str, Any], *, minutes_ago: float) -> None:
        """Add a metric as it was sent to the ingestion endpoint: the data of an item `MetricData`."""
        (point,) = told["metrics"]
        self._add(
            "AppMetrics",
            TimeGenerated=_ago(minutes_ago),
            Name=point["name"],
            Sum=point["value"],
            Min=point.get("min"),
            Max=point.get("max"),
            ItemCount=point.get("count", 1),
            Properties=json.dumps(told["properties"]),
        )

    def _metric(self, name: str, minutes_ago: float, of: dict[str, str], **known: float) -> None:
        properties = json.dumps({key.replace("__", "."): value for key, value in of.items()})
        self._add(
            "AppMetrics",
            TimeGenerated=_ago(minutes_ago),
            Name=name,
            Properties=properties,
            **known,
        )

    def told(self, event: str, *, minutes_ago: float = 3, level: int = 1, **fields: Any) -> None:
        """Add a line of the app's own log."""
        self.wrote(json.dumps({"event": event} | fields), minutes_ago=minutes_ago, level=level)

    def wrote(self, message: str, *, minutes_ago: float = 3, level: int = 1) -> None:
        """Add any line; levels are 0 to 4, from verbose to critical."""
        self._add(
            "AppTraces",
            TimeGenerated=_ago(minutes_ago),
            Message=message,
            SeverityLevel=level,
            ItemCount=1,
        )

    def served(
        self,
        result_code: str,
        *,
        success: bool,
        minutes_ago: float = 3,
        name: str = "POST /api/jobs",
    ) -> None:
        """Add an invocation of a function."""
        self._add(
            "AppRequests",
            TimeGenerated=_ago(minutes_ago),
            Name=name,
            ResultCode=result_code,
            Success=success,
            ItemCount=1,
        )

    def threw(
        self,
        kind: str,
        *,
        minutes_ago: float = 3,
        function: str = "GetJob",
        text: str = "",
    ) -> None:
        """Add an exception of a function, or with this text one that came while none ran."""
        self._add(
            "AppExceptions",
            TimeGenerated=_ago(minutes_ago),
            ExceptionType=kind,
            OuterMessage=text or f"Exception while executing function: Functions.{function}",
            OperationName="" if text else function,
            ItemCount=1,
        )

    def failed_job(self, *, minutes_ago: float = 3) -> None:
        """Add what the host and the Durable extension tell of a job that ended as failed.

        Seen with the extension 3.19.0: a line of its own, one of the host, and the exception.
        """
        reason = "Failed: the container exited with code 3"
        self.served("0", success=False, minutes_ago=minutes_ago, name="JobOrchestrator")
        self.threw(
            "Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
            minutes_ago=minutes_ago,
            function="JobOrchestrator",
        )
        for line in (
            f"a1: Function 'JobOrchestrator (Orchestrator)' failed with an error. Reason: {reason}",
            "Executed 'Functions.JobOrchestrator' (Failed, Id=1, Duration=23ms)",
        ):
            self.wrote(line, minutes_ago=minutes_ago, level=3)

    def pass_time(self, time: timedelta) -> None:
        """Let all rows grow older."""
        self._write()
        for name in TABLES:
            self._tables.execute(
                f"UPDATE {name}_all SET TimeGenerated = TimeGenerated - to_seconds(?)",
                [time.total_seconds()],
            )

    def value_of(self, rule: Rule) -> float | None:
        """Return what a rule would compare with its threshold, as Azure Monitor works it out.

        The rows are those of the rule's window; the values of all rows of the answer are added up.
        """
        rows = self.answer(rule.query, since=NOW - rule.window)
        values = [row["Value"] for row in rows if row["Value"] is not None]
        return float(sum(values)) if values else None

    def answer(
        self, query: str, *, since: datetime = NOW - timedelta(days=1)
    ) -> list[dict[str, Any]]:
        """Return the answer to a query about what is not older than this."""
        self._write()
        for name in TABLES:
            self._tables.execute(
                f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {name}_all "
                f"WHERE TimeGenerated >= TIMESTAMP '{since.replace(tzinfo=None)}'"
            )
        found = self._tables.execute(_as_sql(query))
        columns = [one[0] for one in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]

    def _add(self, table: str, **row: Any) -> None:
        self._rows[table].append([row.get(column) for column in _COLUMNS[table]])

    def _write(self) -> None:
        """Write the rows that were added: many at once, which takes a hundredth of the time."""
        for table, rows in self._rows.items():
            marks = ", ".join(["(" + ", ".join("?" for _ in rows[0]) + ")"] * len(rows))
            values = [value for row in rows for value in row]
            self._tables.execute(f"INSERT INTO {table}_all VALUES {marks}", values)
        self._rows.clear()


def _ago(minutes: float) -> datetime:
    return (NOW - timedelta(minutes=minutes)).replace(tzinfo=None)
