"""Puts the description together."""

from __future__ import annotations

import functools
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import azure.functions as func

from acijobs.domain.codec import to_camel
from acijobs.domain.spec.job import JobSpec
from acijobs.web.openapi.operations import OPERATIONS
from acijobs.web.openapi.schemas import SCHEMAS
from acijobs.web.openapi.webhooks import WEBHOOKS

if TYPE_CHECKING:
    from acijobs.web.openapi.schemas import Schema

VERSION = "1"
"""Of the API: another one would break clients; what is only added is not another one."""

_MAX_AGE_S = 300
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n        .+)*)", re.MULTILINE)


def answer_description() -> func.HttpResponse:
    """Answer the description of the API."""
    return func.HttpResponse(
        _text(),
        status_code=HTTPStatus.OK.value,
        mimetype="application/json",
        headers={"Cache-Control": f"public, max-age={_MAX_AGE_S}"},
    )


@functools.lru_cache(maxsize=1)
def _text() -> str:
    return json.dumps(document(), separators=(",", ":"))


def document() -> dict[str, Any]:
    """Return the description of the API, in OpenAPI 3.1."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation.told()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "acijobs",
            "version": VERSION,
            "description": "Runs container images as batch jobs on Azure Container Instances.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api"}],
        "paths": paths,
        "webhooks": WEBHOOKS,
        "components": {"schemas": _schemas(), "securitySchemes": _security_schemes()},
    }


def _security_schemes() -> Schema:
    told = "A function key of the app."
    return {
        "functionKey": {
            "type": "apiKey",
            "in": "header",
            "name": "x-functions-key",
            "description": told,
        },
        "functionKeyInQuery": {
            "type": "apiKey",
            "in": "query",
            "name": "code",
            "description": told,
        },
    }


def _schemas() -> dict[str, Schema]:
    job = JobSpec.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = job.pop("$defs")
    told = {name: _described(part) for name, part in ({"JobSpec": job} | parts).items()}
    return dict(sorted((told | SCHEMAS | {"OpenApi": {"type": "object"}}).items()))


def _described(schema: Schema) -> Schema:
    """Return a model's schema with what its docstring says of each field, and without titles."""
    text = str(schema.get("description", ""))
    first, _, rest = text.partition("\n\n")
    told = {to_camel(name): " ".join(said.split()) for name, said in _ATTRIBUTE.findall(rest)}
    described: Schema = _tidied(schema) | {"description": " ".join(first.split())}
    described["properties"] = {
        name: field | ({"description": told[name]} if name in told else {})
        for name, field in described.get("properties", {}).items()
    }
    return described


def _tidied(schema: Any) -> Any:
    """Return a schema without titles, and with no other names in an object than its pattern's."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {"additionalProperties": False} if "patternProperties" in schema else {}
    return closed | {
        name: _tidied(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }
