"""
Faults on demand: everything that can go wrong between a request and its answer.

`FAULTS` is the whole list, name to function; a new fault is a function and a line there. How a
fault is asked for is `importer.sandbox.demand`, what spoils an answer or a request
`importer.sandbox.spoiling`.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from importer.sandbox.exchange import PIECES, Answer, Exchange, Unreadable, json_answer
from importer.sandbox.refusals import LayoutRefused
from importer.sandbox.spoiling import (
    HTML,
    as_flag,
    as_number,
    as_page,
    bare,
    half,
    relist,
    retexted,
    revalue,
    with_alien,
    with_doubled_id,
    without_ids,
    without_last,
    wrapped,
)
from importer.sandbox.switches import ALLOWED

if TYPE_CHECKING:
    from importer.model import JSON

#: Where a redirect leads; a client that follows it shows in the ledger.
REDIRECTED: Final = "/redirected"
_SETTINGS: Final[dict[str, tuple[type, ...]]] = {
    "kind": (str,),
    "method": (str,),
    "path": (str,),
    "times": (int, type(None)),
    "after": (int,),
    "seconds": (int, float),
    "status": (int,),
    "shape": (str,),
    "to": (str,),
}
_BAD_GATEWAY: Final = b"<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_PORTAL: Final = b"<!doctype html><title>Welcome</title><p>Sign in to use this network.</p>"


@dataclass(slots=True)
class Fault:
    """
    A fault that is asked for.

    Attributes:
        kind: A name in `FAULTS`.
        method: Only requests with this method; "" for any.
        path: Only requests whose path contains this.
        times: How many requests get it; None for all from now on.
        after: How many matching requests pass unharmed before.
        seconds: Delay, or what `Retry-After` says.
        status: Status of the answer where the kind leaves it open; 0 for its own.
        shape: Body of a refusal (`error_shape` of `importer.sandbox.switches`); "" for the switch's.
        to: Address of the host that a redirect leads to; "" for the sandbox itself.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int | None = 1
    after: int = 0
    seconds: float = 1.0
    status: int = 0
    shape: str = ""
    to: str = ""

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist, and a setting of the wrong type."""
        for name, types in _SETTINGS.items():
            if not isinstance(getattr(self, name), types):
                raise ValueError(f"{name} cannot be {getattr(self, name)!r}.")  # noqa: TRY004 - one refusal for all
        if self.kind not in FAULTS:
            raise ValueError(f"{self.kind!r} is not a fault. Use one of: {', '.join(FAULTS)}.")
        if self.shape not in ("", *ALLOWED["error_shape"]):
            raise ValueError(f"{self.shape!r} is not the shape of a refusal.")

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is one that the fault waits for."""
        return self.method.upper() in ("", method) and self.path in path

    def to_json(self) -> dict[str, JSON]:
        """Return the fault as a JSON object."""
        return asdict(self)


# ------------------------------------------------------------------ refused before any effect


def _limited(exchange: Exchange, headers: Mapping[str, str]) -> Answer:
    answer = exchange.refuse(429, "Too many requests. Slow down.", "")
    return replace(answer, headers={**answer.headers, **headers})


async def _rate_limited(exchange: Exchange, fault: Fault) -> Answer:
    return _limited(exchange, {"retry-after": str(math.ceil(fault.seconds))})


async def _rate_limited_date(exchange: Exchange, fault: Fault) -> Answer:
    return _limited(
        exchange, {"retry-after": formatdate(math.ceil(exchange.now() + fault.seconds), usegmt=True)}
    )


async def _rate_limited_bare(exchange: Exchange, _fault: Fault) -> Answer:
    return _limited(exchange, {})


async def _redirect(exchange: Exchange, fault: Fault) -> Answer:
    return Answer(fault.status or 302, {"location": f"{fault.to}{REDIRECTED}{exchange.path}"})


async def _error_before(exchange: Exchange, fault: Fault) -> Answer:
    return exchange.refuse(fault.status or 500, "Something went wrong on our side.", fault.shape)


async def _refused(exchange: Exchange, fault: Fault) -> Answer:
    return exchange.refuse(fault.status or 400, "This cannot be done.", fault.shape)


async def _refused_pages(_exchange: Exchange, _fault: Fault) -> Answer:
    where: dict[str, JSON] = {"page": 0, "row": 0, "column": 0, "item": 0}
    refused = LayoutRefused([where | {"type": "free_text", "message": "Unknown instruction."}])
    return json_answer(refused.status, refused.body(""))


async def _bad_gateway(_exchange: Exchange, _fault: Fault) -> Answer:
    return Answer(502, HTML, _BAD_GATEWAY)


async def _portal(_exchange: Exchange, _fault: Fault) -> Answer:
    return Answer(200, HTML, _PORTAL)


# ------------------------------------------------------------------ no answer, or a late one


async def _reset_before(exchange: Exchange, _fault: Fault) -> None:
    await exchange.connection.reset()


async def _close_before(exchange: Exchange, _fault: Fault) -> None:
    await exchange.connection.close()


async def _timeout_before(exchange: Exchange, _fault: Fault) -> None:
    await exchange.wait_gone()


async def _timeout_after(exchange: Exchange, _fault: Fault) -> None:
    await exchange.answer()
    await exchange.wait_gone()


async def _error_after(exchange: Exchange, fault: Fault) -> Answer:
    await exchange.answer()
    return await _error_before(exchange, fault)


async def _bad_gateway_after(exchange: Exchange, fault: Fault) -> Answer:
    await exchange.answer()
    return await _bad_gateway(exchange, fault)


async def _reset_after(exchange: Exchange, _fault: Fault) -> None:
    await exchange.answer()
    await exchange.connection.reset()


async def _close_after(exchange: Exchange, _fault: Fault) -> None:
    await exchange.answer()
    await exchange.connection.close()


async def _late_commit(exchange: Exchange, fault: Fault) -> None:
    await exchange.connection.reset()
    await exchange.pause(fault.seconds)
    await exchange.answer()


async def _slow_before(exchange: Exchange, fault: Fault) -> Answer:
    await exchange.pause(fault.seconds)
    return await exchange.answer()


async def _slow_after(exchange: Exchange, fault: Fault) -> Answer:
    answer = await exchange.answer()
    await exchange.pause(fault.seconds)
    return answer


async def _slow_drip(exchange: Exchange, fault: Fault) -> Answer:
    return replace(await exchange.answer(), pause_s=fault.seconds / PIECES)


async def _endless_drip(exchange: Exchange, fault: Fault) -> Answer:
    return replace(await exchange.answer(), pause_s=fault.seconds / PIECES, is_endless=True)


async def _stale(exchange: Exchange, _fault: Fault) -> Answer:
    return exchange.earlier or await exchange.answer()


# ------------------------------------------------------------------ spoilt on the way


def _spoil(change: Callable[[Answer], Answer]) -> FaultFunction:
    """Apply the request, and change its answer."""

    async def fault(exchange: Exchange, _fault: Fault) -> Answer:
        return change(await exchange.answer())

    return fault


def _rewrite(change: Callable[[JSON], JSON]) -> FaultFunction:
    """Apply another request than the one that came."""

    async def fault(exchange: Exchange, _fault: Fault) -> Answer:
        if not isinstance(exchange.payload, Unreadable):
            exchange.payload = change(exchange.payload)
        return await exchange.answer()

    return fault


def _retext(change: Callable[[str], str]) -> FaultFunction:
    return _rewrite(lambda payload: retexted(payload, lambda _, text: change(text)))


def _without_ids(payload: JSON) -> JSON:
    return retexted(payload, lambda name, text: None if name == "id" else text)


FaultFunction = Callable[[Exchange, Fault], Awaitable[Answer | None]]
FAULTS: Final[dict[str, FaultFunction]] = {
    # refused before any effect
    "rate-limited": _rate_limited,  # Retry-After in seconds
    "rate-limited-date": _rate_limited_date,  # Retry-After as an HTTP date
    "rate-limited-bare": _rate_limited_bare,  # no Retry-After
    "redirect": _redirect,  # status: 301, 302, 303, 307, 308; to: another host
    "refused": _refused,  # status: 400, 401, 403, 404, 405, 409, 410, 413, 422; shape
    "refused-pages": _refused_pages,  # 422 INVALID_BATCH_ITEMS
    "error-before": _error_before,  # status: 500, 502, 503, 504 …
    "bad-gateway": _bad_gateway,  # 502 of a proxy, in HTML
    "portal": _portal,  # 200 of a network that wants a login first
    # no answer, or a late one
    "reset-before": _reset_before,
    "reset-after": _reset_after,
    "close-before": _close_before,
    "close-after": _close_after,
    "timeout-before": _timeout_before,  # silent until the client gives up, without effect
    "timeout-after": _timeout_after,
    "error-after": _error_after,
    "bad-gateway-after": _bad_gateway_after,
    "late-commit": _late_commit,  # reset at once, applied so many seconds later
    "slow-before": _slow_before,
    "slow-after": _slow_after,
    "slow-drip": _slow_drip,  # the body takes so many seconds
    "endless-drip": _endless_drip,  # the body never comes
    "stale": _stale,  # what a GET was answered before: a replica that lags behind
    # applied, but the answer is spoilt
    "truncated-body": _spoil(lambda answer: replace(answer, cut_at=len(half(answer)))),
    "truncated-chunks": _spoil(lambda answer: replace(answer, cut_at=len(half(answer)), is_chunked=True)),
    "half-json": _spoil(lambda answer: replace(answer, body=half(answer))),
    "empty-body": _spoil(lambda answer: replace(answer, body=b"")),
    "no-content": _spoil(lambda _: Answer(204)),
    "null-body": _spoil(lambda answer: replace(answer, body=b"null")),
    "html-body": _spoil(as_page),
    "wrong-type": _spoil(lambda answer: replace(answer, headers={"content-type": "text/plain"})),
    "byte-order-mark": _spoil(lambda answer: replace(answer, body=b"\xef\xbb\xbf" + answer.body)),
    "wrapped-results": _spoil(wrapped("results")),
    "wrapped-instructions": _spoil(wrapped("instructions")),
    "bare-list": _spoil(bare),
    "reordered": _spoil(relist(lambda items: items[::-1])),
    "missing-item": _spoil(relist(lambda items: items[:-1])),
    "extra-item": _spoil(relist(with_alien)),
    "doubled-id": _spoil(relist(with_doubled_id)),
    "no-ids": _spoil(relist(without_ids)),
    "values-as-numbers": _spoil(revalue(as_number)),
    "values-as-booleans": _spoil(revalue(as_flag)),
    # another request is applied: what is held afterwards differs too
    "ids-not-preserved": _rewrite(_without_ids),
    "item-dropped": _rewrite(without_last),
    "text-trimmed": _retext(str.strip),
    "text-collapsed": _retext(lambda text: " ".join(text.split())),
    "text-nfc": _retext(lambda text: unicodedata.normalize("NFC", text)),
    "text-escaped": _retext(lambda text: html.escape(text, quote=False)),
    "text-typographic": _retext(lambda text: text.replace("'", "’")),
}
