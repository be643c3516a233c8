"""What a handler takes from a request, and what it leaves in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request

from importer.sandbox.exchange import Exchange, Unreadable
from importer.sandbox.refusals import Refused

if TYPE_CHECKING:
    from importer.model import JSON


def exchange_of(request: Request) -> Exchange:
    """Return the request as it came."""
    exchange: Exchange = request.state.exchange
    return exchange


def payload_of(request: Request) -> JSON:
    """Return the JSON of the body; 400 if it is not JSON."""
    payload = exchange_of(request).payload
    if isinstance(payload, Unreadable):
        raise Refused(400, f"The body is not JSON: {payload.reason}.")
    return payload


def created(request: Request, ids: Sequence[str], **creations: int) -> None:
    """Enter in the ledger that a request had its effect, and how many of what it created."""
    received = exchange_of(request).received
    received.is_committed, received.ids_created = True, tuple(ids)
    received.creations = {kind: count for kind, count in creations.items() if count}
