"""
Prolific over HTTP: the calls, one mapping of every outcome, retries of reads only.

Each call returns what Prolific answered or raises one branch of `ProlificError` or `TokenRefused`.
A write is sent exactly once: whether to send it again is `importer.push.submitter`'s decision, and
the class of the exception tells it what is known. What a body means is `importer.wire`'s
business; the one thing understood here is how a list of instructions is wrapped.

Source: the data-collection API's reference for paths and bodies; the behaviours of requests
and urllib3 named below were measured (tests/test_prolific.py has one test for each).
"""

from __future__ import annotations

import io
import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import IncompleteRead
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from importer import __version__
from importer.errors import (
    OutcomeUnknown,
    ProlificError,
    Rejected,
    TokenRefused,
    Unreachable,
    UsageError,
)
from importer.hands import aside
from importer.prolific.answers import Answer, deprecation, refusal, retry_after_s, words_of
from importer.prolific.making import Making
from importer.prolific.pace import MAX_JOBS, Pace
from importer.secret import Token, check_url, is_loopback

log = logging.getLogger(__name__)

API: Final = "/api/v1"
MAX_ANSWER_BYTES: Final = 64_000_000
#: Pauses before the second, third and fourth attempt of a read, stretched by up to half.
BACK_OFF_S: Final = (0.4, 0.8, 1.6)
RETRIED_STATUSES: Final = (429, 502, 503, 504)
#: 303 sends a client to look at the outcome of what it asked for; a proxy that has passed the
#: request on answers 408 too. Neither says that nothing happened.
UNKNOWN_STATUSES: Final = (303, 408)
#: A read that should wait longer than this is given up; nobody sits before it that long.
MAX_READ_PAUSE_S: Final = 30.0

_TOOL: Final = f"prolific-sheet-importer/{__version__}"
# Prolific's documentation invites tools to name themselves in Referer.
_HEADERS: Final = {
    **requests.utils.default_headers(),
    "User-Agent": _TOOL,
    "Referer": f"https://{_TOOL}",
    "Accept": "application/json",
}

# requests raises these, except for what it forgets to wrap: a missing certificate file is a
# plain OSError, a malformed header urllib3's own.
_FAILURES: Final = (OSError, urllib3.exceptions.HTTPError)


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One request, and what came of it.

    Attributes:
        began_s: When it left, in seconds since the client was opened.
        took_s: Seconds until its answer was read, or it failed.
        method: GET, PUT or PATCH.
        status: The HTTP status; None without an answer.
        waited_s: Seconds that it was held back before it left, because of rate limits.
    """

    began_s: float
    took_s: float
    method: str
    status: int | None
    waited_s: float


class Prolific(Making):
    """
    Prolific, over one pool of connections; a context manager.

    Several threads may read and write at the same time.

    Args:
        url: Address without the API's path, such as `https://api.prolific.com`.
        token: Sent with every request, and nowhere else.
        ca_file: Certificates to trust instead of the usual ones.
        on_notice: Called once, with one sentence, when Prolific announces the end of a call.
        sleep: Pauses between the attempts of a read.
        now: Seconds since 1970, for a `Retry-After` that is a date.
        pace: Grants each request its turn; None: one of its own.
        on_exchange: Called after each request, from the thread that made it.
        connect_s: How long a connection may take, in seconds.
        read_s: How long Prolific may be silent; a short time-out creates unknown outcomes.
        answer_s: How long an answer may take that comes in drips and is never silent for so long.

    Raises:
        UsageError: The token must not be sent to that address, or *ca_file* does not exist.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        ca_file: Path | None = None,
        on_notice: Callable[[str], None] = log.warning,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        pace: Pace | None = None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        connect_s: float = 5.0,
        read_s: float = 60.0,
        answer_s: float = 300.0,
    ) -> None:
        self._url = check_url(url)
        self._token = token
        if ca_file is not None and not ca_file.is_file():
            raise UsageError(f"There is no file {ca_file} (certificates to trust).")
        self._verify = True if ca_file is None else str(ca_file)
        self._on_notice = on_notice
        self._is_noticed = False
        self._notice_lock = threading.Lock()
        self._sleep = sleep
        self._now = now
        self._pace = pace or Pace(sleep=sleep)
        self._on_exchange = on_exchange
        self._opened_at = time.monotonic()
        self._timeout = (connect_s, read_s)
        self._answer_s = answer_s
        self._base = _prepared(self._url)
        self._settings = _settings(self._base, self._verify)
        # The adapter alone, without a Session: it keeps no cookies, follows no redirect, and asks no ~/.netrc.
        self._adapter = HTTPAdapter(pool_maxsize=MAX_JOBS)  # urllib3's own retries stay off: it repeats PUT

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    # ------------------------------------------------------------ the calls

    def get_user(self) -> dict[str, Any]:
        """Return whom the token belongs to. Source: GET users/me."""
        return _object(self._read(f"{API}/users/me/", "your account"), "your account")

    def get_batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch. Source: GET data-collection/batches/{batch_id}."""
        what = f"the batch {batch_id}"
        return _object(self._read(_batch_path(batch_id), what), what)

    def get_instructions(self, batch_id: str) -> list[dict[str, Any]]:
        """
        Return the instructions that a batch holds.

        Raises:
            ProlificError: The list cannot be read, or is only a part: a full replacement planned
                from it would delete the rest.

        Source: GET data-collection/batches/{batch_id}/instructions (deprecated).
        """
        what = f"the instructions of the batch {batch_id}"
        answer = self._read(f"{_batch_path(batch_id)}/instructions", what)
        items = _instruction_list(answer)
        if items is None:
            raise ProlificError(f"Prolific's answer for {what} is not a list of instructions.")
        meta = answer.get("meta") if isinstance(answer, dict) else None
        count = meta.get("count") if isinstance(meta, dict) else None
        if isinstance(count, int) and count != len(items):
            raise ProlificError(f"Prolific says that {what} are {count}, but sent {len(items)}.")
        if len({item["id"].lower() for item in items}) != len(items):
            raise ProlificError(f"Prolific's answer for {what} names an id twice.")
        return items

    def patch_batch(self, batch_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change a batch and return it. Source: "Update a Batch", PATCH."""
        what = f"the batch {batch_id}"
        raw = self._write("PATCH", _batch_path(batch_id), body, what)
        try:
            return _object(json.loads(raw), what)
        except (ValueError, RecursionError, ProlificError):
            raise OutcomeUnknown(f"Prolific's answer to the change of {what} cannot be read.") from None

    def patch_layout(self, batch_id: str, body: Mapping[str, Any]) -> str:
        """
        Replace the layout of a batch.

        Returns:
            The answer as it came, for the journal; `parse_layout` reads it.

        Source: "Update a Batch", PATCH with `batch_items`.
        """
        return self._write("PATCH", _batch_path(batch_id), body, f"the layout of the batch {batch_id}")

    def put_instructions(self, batch_id: str, body: Mapping[str, Any]) -> str:
        """
        Replace the instructions of a batch.

        Returns:
            The answer as it came, for the journal; `parse_instructions` reads it.

        Source: "Update Batch Instructions", PUT.
        """
        what = f"the instructions of the batch {batch_id}"
        return self._write("PUT", f"{_batch_path(batch_id)}/instructions", body, what)

    # ------------------------------------------------------------ one outcome each

    def _read(self, path: str, what: str) -> Any:
        for back_off in (*BACK_OFF_S, None):
            pause = back_off
            try:
                answer = self._exchange("GET", path, None)
            except _FAILURES as failure:
                outcome: Exception = Unreachable(f"Cannot read {what}: {self._why(failure)}")
                is_passing = not isinstance(failure, requests.exceptions.SSLError | _GivenUp)
            else:
                if answer.is_success:
                    return _parsed(answer.text, what)
                outcome = self._refusal(answer, what) or Rejected(
                    f"Cannot read {what}: {self._failed(answer)}", answer.status
                )
                is_passing = answer.status in RETRIED_STATUSES
                if back_off is not None:
                    pause = max(back_off, retry_after_s(answer, self._now()) or 0.0)
            # Raised out here: the failure holds the request, and that holds the token.
            if pause is None or pause > MAX_READ_PAUSE_S or not is_passing:
                raise outcome
            self._sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311 – spreads threads, no secret
        raise AssertionError("the last attempt returns or raises")

    def _write(self, method: str, path: str, payload: Mapping[str, Any], what: str) -> str:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body = _Body(text.encode("utf-8"))
        try:
            answer = self._exchange(method, path, body)
        except _FAILURES as failure:
            outcome: Exception = Unreachable(f"Cannot change {what}: {self._why(failure)}")
            if body.was_taken:
                outcome = OutcomeUnknown(f"Nobody knows whether {what} changed: {self._why(failure)}")
        else:
            if answer.is_success:
                return answer.text
            known = None if answer.status in UNKNOWN_STATUSES else self._refusal(answer, what)
            outcome = known or OutcomeUnknown(f"Nobody knows whether {what} changed: {self._failed(answer)}")
        raise outcome

    def _exchange(self, method: str, path: str, body: _Body | None) -> Answer:
        with aside(), self._pace.turn() as turn:
            started = time.monotonic()
            status = None
            try:
                answer = self._answer(method, path, body)
                status = answer.status
            except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
                turn.is_objected = True
                raise
            finally:
                took_s = time.monotonic() - started
                self._on_exchange(Exchange(started - self._opened_at, took_s, method, status, turn.waited_s))
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                turn.is_objected = True
                turn.hold_s = retry_after_s(answer, self._now()) or 0.0
        log.debug("%s %s: %d in %.0f ms", method, path, status, took_s * 1000)
        self._notice(answer, f"{method} {path}")
        return answer

    def _answer(self, method: str, path: str, body: _Body | None) -> Answer:
        request = requests.PreparedRequest()
        request.method, request.url = method, self._base + path
        request.body = body  # type: ignore[assignment]  # a file is sent, too
        headers = _HEADERS | {"Authorization": f"Token {self._token.reveal()}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(body.size)}
        request.headers = CaseInsensitiveDict(headers)
        response = self._adapter.send(request, timeout=self._timeout, **self._settings)
        with response:
            content = self._token.hide_in_answer(_content(response, self._answer_s))
            return Answer(self._url + path, response.status_code, response.headers, content)

    # ------------------------------------------------------------ what is said about it

    def _refusal(self, answer: Answer, what: str) -> ProlificError | TokenRefused | None:
        return refusal(answer, what, self._token, self._now())

    def _failed(self, answer: Answer) -> str:
        return f"Prolific failed ({answer.status}){words_of(answer, self._token)}"

    def _why(self, failure: Exception) -> str:
        host = urlsplit(self._url).netloc
        if isinstance(failure, requests.exceptions.ProxyError):
            return f"the proxy does not connect to {host}. Check HTTPS_PROXY."
        if isinstance(failure, requests.exceptions.SSLError):
            return (
                f"{host} has no certificate that is trusted here ({_innermost(failure)})."
                " If your network has its own authority, name its certificates with --ca-file."
            )
        if isinstance(failure, requests.exceptions.ConnectTimeout):
            return f"{host} did not answer within {self._timeout[0]:g} s. Check the network."
        if isinstance(failure, requests.exceptions.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
            return f"{host} was silent for {self._timeout[1]:g} s."
        if isinstance(failure, _GivenUp):
            return str(failure)
        return f"the connection to {host} failed ({_innermost(failure)}). Check the network and the address."

    def _notice(self, answer: Answer, call: str) -> None:
        sentence = deprecation(answer, self._token)
        with self._notice_lock:
            is_first, self._is_noticed = not self._is_noticed, self._is_noticed or bool(sentence)
        if sentence and is_first:
            self._on_notice(f"{call}: {sentence}")


def parse_instructions(raw: str) -> list[dict[str, Any]]:
    """
    Return the instructions of a PUT's answer: a bare array, or one wrapped in an object.

    Raises:
        OutcomeUnknown: The answer cannot be read, so its ids are not known.
    """
    try:
        items = _instruction_list(json.loads(raw.removeprefix("\ufeff")))
    except (ValueError, RecursionError):
        items = None
    if items is None:
        raise OutcomeUnknown("The answer to the instructions cannot be read.")
    return items


def parse_layout(raw: str) -> list[dict[str, Any]]:
    """
    Return the pages of a PATCH's answer, which is the batch.

    Raises:
        OutcomeUnknown: The answer cannot be read, or shows no layout, so its ids are not known.
    """
    try:
        batch = json.loads(raw.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        batch = None
    pages = batch.get("batch_items") if isinstance(batch, dict) else None
    if not isinstance(pages, list) or not all(isinstance(page, dict) for page in pages):
        raise OutcomeUnknown("The answer to the instructions cannot be read.")
    return pages


# ---------------------------------------------------------------- the wire


class _Body(io.BytesIO):
    """
    A request's body that knows whether any of it was taken to be sent.

    requests raises one ConnectionError for "refused" and for "reset after sending". urllib3 takes
    the body only after the connection stands, TLS and proxy included, and no server acts on a
    request whose body has not begun: so "not taken" is the proof that nothing happened.
    """

    was_taken = False

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)

    def read(self, size: int | None = -1, /) -> bytes:
        self.was_taken = True
        return super().read(size)


class _GivenUp(OSError):
    """The answer is longer, or takes longer, than it may; the message says which."""


def _prepared(url: str) -> str:
    """Return an address as it goes over the wire, its host's name in ASCII."""
    try:
        return str(requests.Request("GET", url).prepare().url).rstrip("/")
    except requests.exceptions.RequestException as error:
        raise UsageError(
            f'"{url}" is not an address of Prolific, such as https://api.prolific.com: {error}'
        ) from None


def _settings(url: str, verify: bool | str) -> dict[str, Any]:
    """Return what the environment says of proxies and certificates, as the adapter takes it."""
    with requests.Session() as session:
        # A proxy for this very computer would only carry the token out in plain text.
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        # As an argument, because $REQUESTS_CA_BUNDLE would replace a session's own setting.
        return dict(session.merge_environment_settings(url, {}, True, verify, None))


def _content(response: requests.Response, limit_s: float) -> bytes:
    started = time.monotonic()
    pieces: list[bytes] = []
    size = 0
    try:
        # `iter_content` returns only when a whole piece has come, which an answer in drips never does.
        while piece := response.raw.read1(1 << 16, decode_content=True):
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise _GivenUp(f"the answer is longer than {MAX_ANSWER_BYTES // 1_000_000} MB.")
            if time.monotonic() - started > limit_s:
                raise _GivenUp(f"the answer took longer than {limit_s:g} s.")
            pieces.append(piece)
    except _FAILURES:
        # A refusal stands by its status, even if its explanation breaks off.
        if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise
    return b"".join(pieces)


def _innermost(failure: BaseException) -> str:
    """Return the operating system's words, below requests' and urllib3's wrapping."""
    below: BaseException | None = failure
    while below is not None:
        failure = below
        inside = (*failure.args, getattr(failure, "reason", None), failure.__cause__)
        wrapped = [item for item in inside if item is not failure]
        below = next((item for item in reversed(wrapped) if isinstance(item, BaseException)), None)
    if isinstance(failure, IncompleteRead):
        return "the answer broke off"
    words = getattr(failure, "verify_message", None) or getattr(failure, "strerror", None) or str(failure)
    return str(words) or type(failure).__name__


def _batch_path(batch_id: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z-]+", batch_id):
        raise UsageError(f"{batch_id!r} is not the id of a batch.")
    return f"{API}/data-collection/batches/{batch_id}"


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ProlificError(f"Prolific's answer for {what} cannot be read; it is not JSON.") from None


def _object(answer: Any, what: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise ProlificError(f"Prolific's answer for {what} cannot be read; it is no JSON object.")
    return answer


def _instruction_list(answer: Any) -> list[dict[str, Any]] | None:
    if isinstance(answer, dict):
        answer = answer.get("results", answer.get("instructions"))
    if not isinstance(answer, list):
        return None
    if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in answer):
        return None
    return answer
