"""The host's gRPC messages, as far as Microsoft's worker library touches them.

`azure-functions-runtime-v1` takes the messages from its embedder. These are plain classes with the
field names of FunctionRpc.proto (Azure/azure-functions-language-worker-protobuf). The library is all
that they need: they are used where nothing of this project is installed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class TypedData:
    """A value of one of several kinds."""

    def __init__(self, **given: Any) -> None:
        self.kind = next(iter(given), None)
        for name, value in given.items():
            setattr(self, name, value)

    def WhichOneof(self, _: str) -> str | None:  # noqa: N802 - protobuf's name
        """Return the kind, or None."""
        return self.kind


class ParameterBinding:
    """A named value."""

    def __init__(self, *, name: str, data: TypedData) -> None:
        self.name = name
        self.data = data

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        """Return how the value travels."""
        return "data"


class Record(SimpleNamespace):
    """Any message without alternatives."""


class RpcHttpCookie(Record):
    """A cookie of an answer."""

    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


class BindingInfo(Record):
    """A binding of function.json, with the numbers of its enums."""

    inout, out, undefined = 2, 1, 0


class StatusResult(Record):
    """How a request went."""

    Success, Failure = 1, 0


PROTOS = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttp=Record,
    RpcHttpCookie=RpcHttpCookie,
    BindingInfo=BindingInfo,
    StatusResult=StatusResult,
    RpcException=Record,
    WorkerMetadata=Record,
    WorkerInitResponse=Record,
    FunctionLoadResponse=Record,
    InvocationResponse=Record,
    NullableString=Record,
    NullableBool=Record,
    NullableDouble=Record,
    NullableTimestamp=Record,
)
