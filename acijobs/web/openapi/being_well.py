"""Operations that tell how the app is."""

from __future__ import annotations

from http import HTTPStatus

from acijobs.web.openapi.operation import JSON, Answer, Operation
from acijobs.web.openapi.usual import KEY_NEEDED

UP = Operation(
    id="readHealth",
    method="get",
    path="/health",
    summary="Ask whether the app is up",
    description="Asks nothing of anybody; for load balancers, and after a deployment.",
    access="none",
    answers={HTTPStatus.OK: Answer(description="It is.", schemas={JSON: "Health"})},
)

DEPTH = Operation(
    id="readDeepHealth",
    method="get",
    path="/health/deep",
    summary="Ask whether all that the app depends on is there",
    description="Reads what nobody has of Azure, storage and key vaults, and checks all settings.",
    answers={
        HTTPStatus.OK: Answer(description="All is well.", schemas={JSON: "DeepHealth"}),
        HTTPStatus.UNAUTHORIZED: KEY_NEEDED,
        HTTPStatus.SERVICE_UNAVAILABLE: Answer(
            description="`problems` says what is wrong, part by part.", schemas={JSON: "DeepHealth"}
        ),
    },
)
