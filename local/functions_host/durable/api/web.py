"""The management API and the SDK's RPC API: the same requests at two addresses.

Source: azure-functions-durable-extension, `HttpApiHandler`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from functions_host.durable.api import shapes
from functions_host.durable.api.checks import canonical_json
from functions_host.durable.api.errors import ClientError
from functions_host.durable.api.query import flag, moment_us, number, position, statuses, text_of
from functions_host.durable.events import compact
from functions_host.durable.store.errors import ChangeRefusedError, StoreError
from functions_host.durable.store.records import InstanceQuery, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from functions_host.durable.api.client import DurableClient
    from functions_host.durable.api.links import Links
    from functions_host.durable.store.records import Instance

_TOKEN_HEADER = "x-ms-continuation-token"  # noqa: S105 - a header's name
_PAGE_SIZE = 100
_START_RETRY_S = "10"
_STATUS_RETRY_S = "5"
_LONGEST_WAIT_S = 230.0  # Azure's load balancer ends a request then
_MAX_BODY_BYTES = 100 * 1024 * 1024
_EMPTY_KEY = "$"


class DurableApi:
    """Handlers of the durable HTTP APIs.

    Args:
        client: Gives the engine access to callers.
        make_links: Returns the URL maker for a request.
    """

    def __init__(self, client: DurableClient, make_links: Callable[[web.Request], Links]) -> None:
        self._client = client
        self._make_links = make_links

    def application(self) -> web.Application:
        """Return an application with all routes, to be mounted under either API's path."""
        app = web.Application(middlewares=[_plain_errors], client_max_size=_MAX_BODY_BYTES)
        app.add_routes(self.routes())
        return app

    def routes(self) -> list[web.RouteDef]:
        """Return all routes, relative to either API's path."""
        one, entity = "/instances/{instance_id:[^/]+}", "/entities/{name:[^/]+}/{key:[^/]+}"
        return [
            web.post("/orchestrators/{name:[^/]+}", self.start),
            web.post("/orchestrators/{name:[^/]+}/{instance_id:[^/]+}", self.start),
            web.get("/instances{slash:/?}", self.list_instances, allow_head=False),
            web.delete("/instances{slash:/?}", self.purge_many),
            web.get(one, self.show, allow_head=False),
            web.delete(one, self.purge_one),
            web.post(one + "/raiseEvent/{event_name:[^/]+}", self.raise_event),
            web.post(one + "/terminate", partial(self._steer, self._client.terminate)),
            web.post(one + "/suspend", partial(self._steer, self._client.suspend)),
            web.post(one + "/resume", partial(self._steer, self._client.resume)),
            web.post(one + "/rewind", partial(self._steer, self._client.rewind)),
            web.post(one + "/restart", self.restart),
            web.get("/entities{slash:/?}", self.list_entities, allow_head=False),
            web.get("/entities/{name:[^/]+}", self.list_entities, allow_head=False),
            web.get(entity, self.show_entity, allow_head=False),
            web.post(entity, self.signal_entity),
            web.delete(entity, self.signal_entity),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """POST orchestrators/{name}[/{instance_id}]."""
        text = await text_of(request)
        payload = canonical_json(text) if text else None
        instance_id = await self._client.start_new(
            request.match_info["name"],
            payload,
            request.match_info.get("instance_id", ""),
            request.query.get("version", ""),
            trace_parent=request.headers.get("traceparent"),
        )
        return await self._started(request, instance_id)

    async def _started(self, request: web.Request, instance_id: str) -> web.Response:
        timeout_s = number(request, "timeout")
        if timeout_s is not None and number(request, "pollingInterval") is not None:
            bounded_s = min(max(timeout_s, 0.0), _LONGEST_WAIT_S)
            instance = await self._client.wait_for_end(instance_id, bounded_s)
            if instance is not None:
                if instance.status is Status.COMPLETED:
                    return _json(shapes.parsed(instance.output))
                return _json(shapes.status_payload(instance, show_input=True))
        links = self._make_links(request).management_urls(instance_id)
        headers = {"Location": links["statusQueryGetUri"], "Retry-After": _START_RETRY_S}
        return _json(links, status=202, headers=headers)

    async def show(self, request: web.Request) -> web.Response:
        """GET instances/{instance_id}."""
        instance = self._client.find(request.match_info["instance_id"])
        if instance is None:
            return web.Response(status=404)
        show_input = flag(request, "showInput", default=True)
        history = None
        if flag(request, "showHistory", default=False):
            history = shapes.history_payload(
                self._client.history(instance.instance_id),
                show_output=flag(request, "showHistoryOutput", default=False),
                show_input=show_input,
            )
        payload = shapes.status_payload(instance, show_input=show_input, history=history)
        return self._status_response(request, instance, payload)

    def _status_response(
        self, request: web.Request, instance: Instance, payload: dict[str, Any]
    ) -> web.Response:
        if not instance.status.is_terminal:
            headers = {"Location": str(request.url), "Retry-After": _STATUS_RETRY_S}
            return _json(payload, status=202, headers=headers)
        fails_loudly = flag(request, "returnInternalServerErrorOnFailure", default=False)
        is_error = instance.status is Status.FAILED and fails_loudly
        return _json(payload, status=500 if is_error else 200)

    async def list_instances(self, request: web.Request) -> web.Response:
        """GET instances/."""
        top = number(request, "top")
        query = InstanceQuery(
            created_from_us=moment_us(request, "createdTimeFrom"),
            created_to_us=moment_us(request, "createdTimeTo"),
            statuses=statuses(request),
            id_prefix=request.query.get("instanceIdPrefix", ""),
            after=position(request.headers.get(_TOKEN_HEADER)),
            limit=_PAGE_SIZE if top is None or top < 1 else int(min(top, 1_000_000)),
        )
        page = self._client.list_instances(query)
        show_input = flag(request, "showInput", default=True)
        items = [shapes.status_payload(one, show_input=show_input) for one in page.instances]
        token = "" if page.next_after is None else str(page.next_after)
        return _json(items, headers={_TOKEN_HEADER: token})

    async def purge_one(self, request: web.Request) -> web.Response:
        """DELETE instances/{instance_id}."""
        instance_id = request.match_info["instance_id"]
        if self._client.find(instance_id) is None:
            return web.Response(status=404)
        return _json({"instancesDeleted": await self._client.purge([instance_id])})

    async def purge_many(self, request: web.Request) -> web.Response:
        """DELETE instances/?createdTimeFrom=."""
        created_from_us = moment_us(request, "createdTimeFrom")
        if created_from_us is None:
            return _json("Please provide value for 'createdTimeFrom' parameter.", status=400)
        query = InstanceQuery(
            created_from_us=created_from_us,
            created_to_us=moment_us(request, "createdTimeTo"),
            statuses=statuses(request),
        )
        page = self._client.list_instances(query)
        deleted = await self._client.purge([one.instance_id for one in page.instances])
        if deleted == 0:
            return web.Response(status=404)
        return _json({"instancesDeleted": deleted})

    async def raise_event(self, request: web.Request) -> web.Response:
        """POST instances/{instance_id}/raiseEvent/{event_name}."""
        if request.content_type != "application/json":
            instance = self._client.find(request.match_info["instance_id"])
            if instance is None:
                return web.Response(status=404)
            if not instance.status.is_terminal:
                text = "Only application/json request content is supported"
                return _json({"Message": text}, status=400)
        payload = canonical_json(await text_of(request) or "null")
        await self._client.raise_event(
            request.match_info["instance_id"], request.match_info["event_name"], payload
        )
        return web.Response(status=202)

    async def _steer(
        self, action: Callable[[str, str | None], Awaitable[None]], request: web.Request
    ) -> web.Response:
        await action(request.match_info["instance_id"], request.query.get("reason"))
        return web.Response(status=202)

    async def restart(self, request: web.Request) -> web.Response:
        """POST instances/{instance_id}/restart."""
        instance_id = await self._client.restart(
            request.match_info["instance_id"],
            with_new_id=flag(request, "restartWithNewInstanceId", default=True),
        )
        return await self._started(request, instance_id)

    async def list_entities(self, request: web.Request) -> web.Response:
        """GET entities/[{name}]."""
        with_state = flag(request, "fetchState", default=False)
        items = []
        for entity in self._client.list_entities(request.match_info.get("name", "")):
            _, name, key = entity.entity_id.split("@", 2)
            item: dict[str, Any] = {"entityId": {"name": name, "key": key}}
            item["lastOperationTime"] = shapes.seconds(entity.updated_us)
            item["state"] = shapes.parsed(entity.state) if with_state else None
            items.append(item)
        return _json(items, headers={_TOKEN_HEADER: ""})

    async def show_entity(self, request: web.Request) -> web.Response:
        """GET entities/{name}/{key}."""
        key = request.match_info["key"]
        entity = self._client.find_entity(
            request.match_info["name"], "" if key == _EMPTY_KEY else key
        )
        if entity is None:
            return web.Response(status=404)
        return _json(shapes.parsed(entity.state))

    async def signal_entity(self, request: web.Request) -> web.Response:
        """POST entities/{name}/{key}?op=, and DELETE for the operation `delete`."""
        operation = "delete" if request.method == "DELETE" else request.query.get("op", "")
        text = await text_of(request)
        if not text:
            payload = "null"
        elif request.content_type == "application/json":
            payload = canonical_json(text)
        else:
            payload = compact(text)
        await self._client.signal_entity(
            request.match_info["name"], request.match_info["key"], operation, payload
        )
        return web.Response(status=202)


@web.middleware
async def _plain_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer refusals with the extension's codes, and a wrong method with its 404."""
    try:
        return await handler(request)
    except ClientError as error:
        text = str(error)
        body = {"Message": "One or more of the arguments submitted is incorrect"}
        body |= {"ExceptionMessage": text, "ExceptionType": "System.ArgumentException"}
        return _json(body, status=error.status)
    except web.HTTPMethodNotAllowed:
        return web.Response(status=404)
    except ChangeRefusedError as error:
        return _json({"Message": str(error)}, status=400)
    except StoreError as error:
        return _json({"Message": f"The durable engine has stopped: {error}"}, status=503)


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        text=compact(body), status=status, headers=headers, content_type="application/json"
    )
