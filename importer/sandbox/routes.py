"""
The operations that the sandbox serves.

Each is one line of `_operations`: what a request asks of the store, and the documented shape of
the answer. Authorization, the ledger and faults are dealt with before (`importer.sandbox.app`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from importer.sandbox.control import build_control
from importer.sandbox.datasets import UPLOADS
from importer.sandbox.demand import FaultQueue
from importer.sandbox.layout import Object
from importer.sandbox.ledger import Ledger
from importer.sandbox.refusals import Refused
from importer.sandbox.request import created, exchange_of, payload_of
from importer.sandbox.store import Store
from importer.sandbox.switches import Switches
from importer.sandbox.world import PROJECT_ID, USER_ID, WORKSPACE_ID

if TYPE_CHECKING:
    from importer.model import JSON

_API: Final = "/api/v1"
_BATCHES: Final = f"{_API}/data-collection/batches"
_DATASETS: Final = f"{_API}/data-collection/datasets"
#: Source: headers of the instructions operations in the public API document of today.
_DEPRECATED: Final = {"Deprecation": "true", "Sunset": "Tue, 01 Sep 2026 23:59:59 GMT"}

Handler = Callable[[Request], Awaitable[Response]]


class Operations:
    """
    Everything that is served, as one function from a request to its proper answer.

    Args:
        store: What is held.
        ledger: Shown by the control endpoints.
        faults: Asked for through the control endpoints.
    """

    def __init__(self, store: Store, ledger: Ledger, faults: FaultQueue) -> None:
        self.routes = [*_operations(store, store.switches), *build_control(store, ledger, faults)]
        self._switches = store.switches

    async def answer(self, scope: Scope) -> Response:
        """
        Let a request have its effect.

        The routes are asked directly, because Starlette's application around them would be a fifth of
        what a reading costs here.
        """
        allowed: set[str] = set()
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                endpoint: Handler = route.endpoint
                try:
                    return await endpoint(Request({**scope, **found}))
                except Refused as refused:
                    return self._refusal(refused)
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        status = HTTPStatus.METHOD_NOT_ALLOWED if allowed else HTTPStatus.NOT_FOUND
        response = self._refusal(Refused(status, f"{scope['method']} {scope['path']} is not served."))
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    def _refusal(self, refused: Refused) -> Response:
        body = refused.body(self._switches.error_shape)
        if isinstance(body, str):
            return Response(body, refused.status, media_type=refused.media_type)
        return JSONResponse(body, refused.status)


def _operations(store: Store, switches: Switches) -> list[Route]:
    batch, dataset, study = f"{_BATCHES}/{{id}}", f"{_DATASETS}/{{id}}", f"{_API}/studies/{{id}}"
    workspace = f"{_API}/workspaces/{{id}}"
    return [
        _get(batch, lambda request: store.read(_id(request)).live_json()),
        _get(f"{batch}/status", lambda request: {"status": store.read(_id(request)).status}),
        Route(f"{batch}/instructions", _get_instructions(store, switches), methods=["GET"]),
        Route(f"{batch}/instructions", _write_instructions(store, switches), methods=["POST", "PUT"]),
        Route(batch, _patch_batch(store), methods=["PATCH"]),
        _get(_BATCHES, lambda request: _listed(_batches(store, request))),
        Route(_BATCHES, _create_batch(store), methods=["POST"]),
        Route(f"{batch}/setup", _set_up(store, switches), methods=["POST"]),
        Route(_DATASETS, _create_dataset(store), methods=["POST"]),
        _get(dataset, lambda request: store.datasets.read(_id(request)).to_json()),
        _get(f"{dataset}/status", lambda request: {"status": store.datasets.read(_id(request)).status}),
        _get(f"{dataset}/upload-url/{{filename}}", _upload_url(store), status=HTTPStatus.CREATED),
        Route(f"{UPLOADS}/{{id}}/{{filename}}", _upload(store), methods=["PUT"]),
        _get(f"{_API}/studies", _studies(store)),
        Route(f"{_API}/studies", _create_study(store), methods=["POST"]),
        _get(study, lambda request: store.studies.shelf.get(_id(request)).to_json()),
        Route(study, _patch_study(store), methods=["PATCH"]),
        Route(f"{study}/transition", _transition(store), methods=["POST"]),
        _get(f"{_API}/projects/{{id}}/studies", _studies_of_project(store)),
        _get(f"{_API}/workspaces", lambda _: _listed([_named(WORKSPACE_ID, "Sandbox workspace")])),
        _get(workspace, lambda request: _named(_id(request), "Sandbox workspace")),
        _get(f"{workspace}/projects", lambda _: _listed([_project()])),
        _get(f"{_API}/users/me", lambda _: _USER),
    ]


_USER: Final[dict[str, JSON]] = {
    "id": USER_ID,
    "email": "sandbox@localhost",
    "first_name": "Sandy",
    "last_name": "Box",
}


def _get(
    path: str, read: Callable[[Request], Mapping[str, JSON]], status: HTTPStatus = HTTPStatus.OK
) -> Route:
    async def handler(request: Request) -> Response:
        return JSONResponse(read(request), status)

    return Route(path, handler, methods=["GET"])


def _id(request: Request) -> str:
    wanted: str = request.path_params["id"]
    return wanted


def _listed(results: list[JSON]) -> dict[str, JSON]:
    return {"results": results, "meta": {"count": len(results)}}


# ------------------------------------------------------------------ batches


def _batches(store: Store, request: Request) -> list[JSON]:
    workspace_id = request.query_params.get("workspace_id")
    if workspace_id is None:
        raise Refused(400, {"workspace_id": ["This query parameter is required."]})
    return [batch.live_json() for batch in store.batches(workspace_id)]


def _create_batch(store: Store) -> Handler:
    async def create_batch(request: Request) -> Response:
        batch, made = store.create_batch(payload_of(request))
        created(request, [batch.id, *made], batch=1, layout=len(made))
        return JSONResponse(batch.created_json(), HTTPStatus.CREATED)

    return create_batch


def _patch_batch(store: Store) -> Handler:
    async def patch_batch(request: Request) -> Response:
        batch, made = store.patch_batch(_id(request), payload_of(request))
        created(request, made, layout=len(made))
        return JSONResponse(batch.seed_json())

    return patch_batch


def _set_up(store: Store, switches: Switches) -> Handler:
    async def set_up(request: Request) -> Response:
        store.set_up(_id(request), payload_of(request))
        created(request, [], setup=1)
        return Response(status_code=switches.setup_answer)

    return set_up


def _get_instructions(store: Store, switches: Switches) -> Handler:
    async def get_instructions(request: Request) -> Response:
        if switches.get_instructions != HTTPStatus.OK:
            raise Refused(switches.get_instructions, "This endpoint is no longer available.")
        held = store.get(_id(request)).instructions_json(switches.parent)
        return JSONResponse(_listed(held), headers=_deprecation(switches))

    return get_instructions


def _write_instructions(store: Store, switches: Switches) -> Handler:
    async def write_instructions(request: Request) -> Response:
        is_put = request.method == "PUT"
        write = store.replace_instructions if is_put else store.append_instructions
        items, made = write(_id(request), payload_of(request))
        created(request, made, instruction=len(made))
        batch = store.get(_id(request))
        answered = [batch.instruction_json(item, switches.parent) for item in _ordered(items, switches)]
        status = HTTPStatus.OK if is_put else HTTPStatus.CREATED
        return JSONResponse(answered, status, headers=_deprecation(switches))

    return write_instructions


def _ordered(items: list[Object], switches: Switches) -> list[Object]:
    if switches.response_order == "by_id":
        return sorted(items, key=lambda item: str(item["id"]))
    return items[::-1] if switches.response_order == "reversed" else items


def _deprecation(switches: Switches) -> dict[str, str]:
    return _DEPRECATED if switches.deprecation else {}


# ------------------------------------------------------------------ datasets


def _create_dataset(store: Store) -> Handler:
    async def create_dataset(request: Request) -> Response:
        dataset = store.datasets.create(payload_of(request))
        created(request, [dataset.id], dataset=1)
        return JSONResponse(dataset.to_json(), HTTPStatus.CREATED)

    return create_dataset


def _upload_url(store: Store) -> Callable[[Request], Mapping[str, JSON]]:
    def upload_url(request: Request) -> Mapping[str, JSON]:
        host, port = request.scope["server"]
        filename = request.path_params["filename"]
        return store.datasets.upload_url(_id(request), filename, f"http://{host}:{port}")

    return upload_url


def _upload(store: Store) -> Handler:
    async def upload(request: Request) -> Response:
        signature = request.query_params.get("X-Amz-Signature", "")
        path = _id(request), request.path_params["filename"]
        store.datasets.upload(path, signature, request.headers, exchange_of(request).body)
        created(request, [], upload=1)
        return Response()

    return upload


# ------------------------------------------------------------------ studies, workspaces


def _studies(store: Store) -> Callable[[Request], Mapping[str, JSON]]:
    return lambda _: _listed([one.short_json() for one in store.studies.shelf.all()])


def _studies_of_project(store: Store) -> Callable[[Request], Mapping[str, JSON]]:
    def list_studies(request: Request) -> Mapping[str, JSON]:
        held = [one for one in store.studies.shelf.all() if one.fields["project"] == _id(request)]
        if request.query_params.get("ordering") == "-date_created":
            held.reverse()
        page, size = _natural(request, "page", 1), _natural(request, "page_size", len(held) or 1)
        on_page: list[JSON] = [one.short_json() for one in held[(page - 1) * size : page * size]]
        return _listed(on_page) | {"meta": {"count": len(held)}}

    return list_studies


def _natural(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text)):
        raise Refused(400, {name: ["A valid integer of at least 1 is required."]})
    return int(text)


def _create_study(store: Store) -> Handler:
    async def create_study(request: Request) -> Response:
        study = store.studies.create(payload_of(request))
        created(request, [study.id], study=1)
        return JSONResponse(study.to_json(), HTTPStatus.CREATED)

    return create_study


def _patch_study(store: Store) -> Handler:
    async def patch_study(request: Request) -> Response:
        study = store.studies.update(_id(request), payload_of(request))
        created(request, [])
        return JSONResponse(study.to_json())

    return patch_study


def _transition(store: Store) -> Handler:
    async def transition(request: Request) -> Response:
        store.studies.transition(_id(request))

    return transition


def _named(wanted: str, title: str) -> dict[str, JSON]:
    return {"id": wanted, "title": title, "description": "", "owner": USER_ID, "users": [{"id": USER_ID}]}


def _project() -> dict[str, JSON]:
    return _named(PROJECT_ID, "Sandbox project") | {"type": "PRIVATE"}
