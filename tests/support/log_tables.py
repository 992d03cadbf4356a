"""The tables of a workspace that the queries in infra/queries read, with the columns that they use.

Source: learn.microsoft.com/azure/azure-monitor/reference/tables: AppMetrics, AppTraces,
AppDependencies, AppRequests, AppExceptions.
"""

from __future__ import annotations

TABLES: dict[str, dict[str, str]] = {
    "AppMetrics": {
        "TimeGenerated": "datetime",
        "Name": "string",
        "Sum": "real",
        "Min": "real",
        "Max": "real",
        "ItemCount": "int",
        "Properties": "dynamic",
    },
    "AppTraces": {
        "TimeGenerated": "datetime",
        "Message": "string",
        "SeverityLevel": "int",
        "ItemCount": "int",
        "OperationId": "string",
        "Properties": "dynamic",
    },
    "AppDependencies": {
        "TimeGenerated": "datetime",
        "Name": "string",
        "OperationId": "string",
        "DurationMs": "real",
        "Properties": "dynamic",
    },
    "AppRequests": {
        "TimeGenerated": "datetime",
        "Name": "string",
        "OperationId": "string",
        "ResultCode": "string",
        "Success": "bool",
        "DurationMs": "real",
        "ItemCount": "int",
    },
    "AppExceptions": {
        "TimeGenerated": "datetime",
        "ExceptionType": "string",
        "OuterMessage": "string",
        "ProblemId": "string",
        "OperationId": "string",
        "OperationName": "string",
        "ItemCount": "int",
    },
}
"""Each table's columns and their types, as KQL names them."""
