"""The control endpoints under `/_sandbox`: how another process drives the sandbox and looks inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from importer.sandbox.demand import FaultQueue
from importer.sandbox.faults import FAULTS, Fault
from importer.sandbox.ledger import Ledger
from importer.sandbox.refusals import Refused
from importer.sandbox.request import payload_of
from importer.sandbox.store import Store
from importer.sandbox.switches import Switches

if TYPE_CHECKING:
    from importer.model import JSON

CONTROL: Final = "/_sandbox"


def build_control(store: Store, ledger: Ledger, faults: FaultQueue) -> list[Route]:
    """Return the control endpoints."""

    async def show_ledger(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            ledger.clear()
        return JSONResponse([entry.to_json() for entry in ledger.entries()])

    async def show_faults(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            faults.add(_fault(payload_of(request)))
        return JSONResponse(
            {"waiting": [fault.to_json() for fault in faults.waiting()], "kinds": list(FAULTS)}
        )

    async def show_switches(request: Request) -> JSONResponse:
        if request.method == "PATCH":
            _set_switches(store.switches, payload_of(request))
        return JSONResponse(store.switches.to_json())

    async def show_batch(request: Request) -> JSONResponse:
        batch = store.get(request.path_params["batch_id"])
        held = {"instructions": batch.instructions_json("seed"), "generations": batch.generations}
        return JSONResponse({"batch": batch.live_json(), **held})

    async def publish(request: Request) -> JSONResponse:
        store.studies.publish(request.path_params["study_id"])
        return JSONResponse(store.studies.shelf.get(request.path_params["study_id"]).to_json())

    return [
        Route(f"{CONTROL}/studies/{{study_id}}/publish", publish, methods=["POST"]),
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
