"""The form of an operation in the table, and what it becomes in the description."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from http import HTTPStatus

JSON = "application/json"
PROBLEM = "application/problem+json"
TEXT = "text/plain"
MERGE_PATCH = "application/merge-patch+json"

Method = Literal["get", "post", "delete"]

Access = Literal["key", "url", "none"]
"""Who may: whoever has a function key, whoever has the URL, anybody."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a request.

    Attributes:
        name: Its name.
        place: `path`, `query` or `header`.
        schema: What it is, as JSON Schema.
        description: What it does.
    """

    name: str
    place: Literal["path", "query", "header"] = "query"
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    description: str

    def told(self) -> dict[str, Any]:
        """Return it as the description has it."""
        return {
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "schema": self.schema,
            "description": self.description,
        }


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with one status.

    Attributes:
        description: When it comes.
        schemas: The schema of each kind of content, by its media type; a name of a component, or empty
            for a text.
        headers: Names of headers that it has, each with its meaning.
    """

    description: str
    schemas: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it as the description has it."""
        told: dict[str, Any] = {"description": self.description}
        if self.schemas:
            told["content"] = {kind: _content(name) for kind, name in self.schemas.items()}
        if self.headers:
            told["headers"] = {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in self.headers.items()
            }
        return told


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that the API does.

    Attributes:
        id: Its name, like `startJob`.
        method: `get`, `post` or `delete`.
        path: Its path below `/api`, like `/jobs/{id}`.
        summary: What it does, in a few words.
        description: What else there is to know; Markdown.
        access: Who may.
        parameters: Those of path, query and header.
        body: The schema of the request's body by media type; empty where it takes none.
        answers: Every status that it answers with.
    """

    id: str
    method: Method
    path: str
    summary: str
    description: str = ""
    access: Access = "key"
    parameters: tuple[Parameter, ...] = ()
    body: dict[str, str] = field(default_factory=dict)
    answers: dict[HTTPStatus, Answer]

    def told(self) -> dict[str, Any]:
        """Return it as the description has it."""
        told: dict[str, Any] = {"operationId": self.id, "summary": self.summary}
        if self.description:
            told["description"] = self.description
        if self.parameters:
            told["parameters"] = [parameter.told() for parameter in self.parameters]
        if self.body:
            content = {kind: _content(name) for kind, name in self.body.items()}
            told["requestBody"] = {"required": False, "content": content}
        answers = dict(sorted(self.answers.items()))
        told["responses"] = {str(status.value): each.told() for status, each in answers.items()}
        keys: list[dict[str, list[str]]] = [{"functionKey": []}, {"functionKeyInQuery": []}]
        told["security"] = keys if self.access == "key" else []
        return told


def problem(description: str, *, retry: bool = False) -> Answer:
    """Return an answer that is a problem.

    Args:
        description: When it comes.
        retry: Whether it says when to repeat the request.
    """
    headers = {"Retry-After": "Seconds after which to repeat the request."} if retry else {}
    return Answer(description=description, schemas={PROBLEM: "Problem"}, headers=headers)


def _content(name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"} if name else {"type": "string"}
    return {"schema": schema}
