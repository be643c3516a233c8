"""
The operations that the sandbox serves, and the control endpoints under `/_sandbox`.

A handler turns one request into one call of the store and answers in the documented shape.
Authorization, the ledger and faults are dealt with before (`importer.sandbox.app`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from importer.sandbox.demand import FaultQueue
from importer.sandbox.exchange import Exchange, Unreadable
from importer.sandbox.faults import FAULTS, Fault
from importer.sandbox.ledger import Ledger
from importer.sandbox.refusals import LayoutRefused, Refused
from importer.sandbox.store import USER_ID, Store
from importer.sandbox.switches import Switches

if TYPE_CHECKING:
    from importer.model import JSON

CONTROL: Final = "/_sandbox"
_BATCHES: Final = "/api/v1/data-collection/batches"
#: Source: headers of the instructions operations in the public API document of today.
_DEPRECATED: Final = {"Deprecation": "true", "Sunset": "Tue, 01 Sep 2026 23:59:59 GMT"}

# All are coroutines: Starlette runs plain functions in a thread each, at three times the cost.
Handler = Callable[[Request], Awaitable[JSONResponse]]


def refusal_response(refused: Refused, shape: str) -> Response:
    """Return the documented error answer, in the shape that the switch asks for."""
    body = refused.body(shape)
    if isinstance(body, str):
        return PlainTextResponse(body, refused.status)
    return JSONResponse(body, refused.status)


def build_routes(store: Store, ledger: Ledger, faults: FaultQueue) -> Starlette:
    """Return the application that answers requests without regard to faults."""
    switches = store.switches

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            said = f"{request.method} {request.url.path} is not served."
            response = refusal_response(Refused(error.status_code, said), switches.error_shape)
            response.headers.update(error.headers or {})
            return response
        assert isinstance(error, Refused)  # noqa: S101 - the two classes registered below
        return refusal_response(error, switches.error_shape)

    return Starlette(
        routes=[*_operations(store, switches), *_control(store, ledger, faults)],
        exception_handlers={Refused: refused, LayoutRefused: refused, HTTPException: refused},
    )


def _operations(store: Store, switches: Switches) -> list[BaseRoute]:
    batch = f"{_BATCHES}/{{batch_id}}"
    return [
        Route("/api/v1/users/me", _get_user, methods=["GET"]),
        Route(_BATCHES, _list_batches(store), methods=["GET"]),
        Route(_BATCHES, _create_batch(store), methods=["POST"]),
        Route(batch, _get_batch(store), methods=["GET"]),
        Route(batch, _patch_batch(store), methods=["PATCH"]),
        Route(f"{batch}/status", _get_status(store), methods=["GET"]),
        Route(f"{batch}/instructions", _get_instructions(store, switches), methods=["GET"]),
        Route(f"{batch}/instructions", _write_instructions(store, switches), methods=["POST", "PUT"]),
    ]


def _payload(request: Request) -> JSON:
    payload: JSON | Unreadable = _exchange(request).payload
    if isinstance(payload, Unreadable):
        raise Refused(400, f"The body is not JSON: {payload.reason}.")
    return payload


def _exchange(request: Request) -> Exchange:
    exchange: Exchange = request.state.exchange
    return exchange


def _committed(request: Request, created: list[str]) -> None:
    received = _exchange(request).received
    received.is_committed, received.ids_created = True, tuple(created)


async def _get_user(request: Request) -> JSONResponse:
    del request
    return JSONResponse(
        {"id": USER_ID, "email": "sandbox@localhost", "first_name": "Sandy", "last_name": "Box"}
    )


def _list_batches(store: Store) -> Handler:
    async def list_batches(request: Request) -> JSONResponse:
        workspace_id = request.query_params.get("workspace_id")
        if workspace_id is None:
            raise Refused(400, {"workspace_id": ["This query parameter is required."]})
        held = [batch.live_json() for batch in store.batches(workspace_id)]
        return JSONResponse({"results": held, "meta": {"count": len(held)}})

    return list_batches


def _create_batch(store: Store) -> Handler:
    async def create_batch(request: Request) -> JSONResponse:
        batch, created = store.create_batch(_payload(request))
        _committed(request, [batch.id, *created])
        return JSONResponse(batch.created_json(), HTTPStatus.CREATED)

    return create_batch


def _get_batch(store: Store) -> Handler:
    async def get_batch(request: Request) -> JSONResponse:
        return JSONResponse(store.get(request.path_params["batch_id"]).live_json())

    return get_batch


def _patch_batch(store: Store) -> Handler:
    async def patch_batch(request: Request) -> JSONResponse:
        batch, created = store.patch_batch(request.path_params["batch_id"], _payload(request))
        _committed(request, created)
        return JSONResponse(batch.seed_json())

    return patch_batch


def _get_status(store: Store) -> Handler:
    async def get_status(request: Request) -> JSONResponse:
        return JSONResponse({"status": store.get(request.path_params["batch_id"]).status})

    return get_status


def _get_instructions(store: Store, switches: Switches) -> Handler:
    async def get_instructions(request: Request) -> JSONResponse:
        if switches.get_instructions != HTTPStatus.OK:
            raise Refused(switches.get_instructions, "This endpoint is no longer available.")
        held = store.get(request.path_params["batch_id"]).instructions_json(switches.parent)
        return JSONResponse({"results": held, "meta": {"count": len(held)}}, headers=_deprecation(switches))

    return get_instructions


def _write_instructions(store: Store, switches: Switches) -> Handler:
    async def write_instructions(request: Request) -> JSONResponse:
        is_put = request.method == "PUT"
        write = store.replace_instructions if is_put else store.append_instructions
        batch_id = request.path_params["batch_id"]
        items, created = write(batch_id, _payload(request))
        _committed(request, created)
        batch = store.get(batch_id)
        answered = [batch.instruction_json(item, switches.parent) for item in items]
        status = HTTPStatus.OK if is_put else HTTPStatus.CREATED
        return JSONResponse(answered, status, headers=_deprecation(switches))

    return write_instructions


def _deprecation(switches: Switches) -> dict[str, str]:
    return _DEPRECATED if switches.deprecation else {}


def _control(store: Store, ledger: Ledger, faults: FaultQueue) -> list[BaseRoute]:
    async def show_ledger(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            ledger.clear()
        return JSONResponse([entry.to_json() for entry in ledger.entries()])

    async def show_faults(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            faults.add(_fault(_payload(request)))
        return JSONResponse(
            {"waiting": [fault.to_json() for fault in faults.waiting()], "kinds": list(FAULTS)}
        )

    async def show_switches(request: Request) -> JSONResponse:
        if request.method == "PATCH":
            _set_switches(store.switches, _payload(request))
        return JSONResponse(store.switches.to_json())

    async def show_batch(request: Request) -> JSONResponse:
        batch = store.get(request.path_params["batch_id"])
        held = {"instructions": batch.instructions_json("seed"), "generations": batch.generations}
        return JSONResponse({"batch": batch.live_json(), **held})

    return [
        Route(f"{CONTROL}/ledger", show_ledger, methods=["GET", "DELETE"]),
        Route(f"{CONTROL}/faults", show_faults, methods=["GET", "POST", "DELETE"]),
        Route(f"{CONTROL}/switches", show_switches, methods=["GET", "PATCH"]),
        Route(f"{CONTROL}/batches/{{batch_id}}", show_batch, methods=["GET"]),
    ]


def _fault(payload: JSON) -> Fault:
    if not isinstance(payload, dict):
        raise Refused(400, "Expected a JSON object.")
    settings: dict[str, Any] = payload  # `Fault` itself refuses what does not fit
    try:
        return Fault(**settings)
    except (TypeError, ValueError) as error:
        raise Refused(400, str(error)) from error


def _set_switches(switches: Switches, payload: JSON) -> None:
    if not isinstance(payload, dict):
        raise Refused(400, "Expected a JSON object.")
    try:
        for name, value in payload.items():
            setattr(switches, name, value)
    except ValueError as error:
        raise Refused(400, str(error)) from error
