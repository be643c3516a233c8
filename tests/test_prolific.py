"""The client over real HTTP on loopback: every outcome, and each trap of requests and urllib3."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from importer import __version__
from importer.errors import (
    OutcomeUnknown,
    ProlificError,
    RateLimited,
    Rejected,
    TokenRefused,
    Unreachable,
    UsageError,
)
from importer.prolific import MAX_ANSWER_BYTES, Prolific, parse_instructions
from importer.sandbox import Sandbox
from importer.secret import Token
from tests.books import BATCH_ID

SECRET = "s3cret-t0ken-0123456789"  # noqa: S105 – opens nothing
BODY = {"instructions": [{"type": "free_text", "description": "Why? – ☃"}]}
ITEM = {"id": "0192041c-470f-7336-8e3d-e03fc086a4e1", "type": "free_text", "description": "Why?"}
PATH = f"/api/v1/data-collection/batches/{BATCH_ID}"
CERTIFICATE = Path(__file__).with_name("loopback.pem")


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 200, body: object = "", **headers: str) -> bytes:
    """One HTTP answer; a body that is no text becomes JSON."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


RESET = b"reset"  # the connection dies without an answer
SILENCE = b"silence"  # the connection stays open without an answer
CUT = answer(200, [ITEM])[:-9]


@dataclass
class Server:
    """Answers each request with the next scripted answer, and remembers what it received."""

    script: list[bytes]
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with ExitStack() as stack:
                stack.enter_context(connection)
                try:
                    if self.tls:
                        connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
                    self._answer(connection)
                except (OSError, UnicodeError):  # the client went away, or spoke TLS
                    continue

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            line = stream.readline().decode()
            if not line:
                return
            method, path, _ = line.split(" ")
            headers = {}
            while line := stream.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name] = value
            body = stream.read(int(headers.get("Content-Length", 0)))
        self.received.append(Received(method, path, headers, body))
        reply = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if reply == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif reply == SILENCE:
            connection.recv(1)
        else:
            connection.sendall(reply)


@dataclass
class Talk:
    """A client, the server it speaks to, and what it asked of its surroundings."""

    server: Server
    prolific: Prolific
    notices: list[str]
    slept: list[float]

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(r.method, r.path) for r in self.server.received]


@contextmanager
def talking(*script: bytes, **options: object) -> Iterator[Talk]:
    notices: list[str] = []
    slept: list[float] = []
    with (
        Server(list(script)) as server,
        Prolific(
            f"http://{server.host}/",
            Token(SECRET),
            on_notice=notices.append,
            sleep=slept.append,
            now=lambda: 1_800_000_000.0,
            **options,  # type: ignore[arg-type]
        ) as prolific,
    ):
        yield Talk(server, prolific, notices, slept)


@pytest.fixture
def closed_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def put(talk: Talk) -> str:
    return talk.prolific.put_instructions(BATCH_ID, BODY)


def get(talk: Talk) -> dict[str, object]:
    return talk.prolific.get_batch(BATCH_ID)


# ---------------------------------------------------------------- the calls


def test_calls_use_the_documented_methods_and_paths() -> None:
    """Each call is the documented method on the documented path."""
    user, batch, items = answer(body={"id": "u"}), answer(body={"id": BATCH_ID}), answer(body=[ITEM])
    with talking(user, batch, items, batch, items) as talk:
        talk.prolific.get_user()
        talk.prolific.get_batch(BATCH_ID)
        talk.prolific.get_instructions(BATCH_ID)
        talk.prolific.patch_batch(BATCH_ID, {"name": "Wave 1"})
        talk.prolific.put_instructions(BATCH_ID, BODY)

    assert talk.calls == [
        ("GET", "/api/v1/users/me/"),
        ("GET", PATH),
        ("GET", f"{PATH}/instructions"),
        ("PATCH", PATH),
        ("PUT", f"{PATH}/instructions"),
    ]


def test_request_names_the_tool_and_bears_the_token() -> None:
    """A request carries the token as documented, and says which tool sends it."""
    with talking(answer(body={})) as talk:
        get(talk)

    headers = talk.server.received[0].headers
    assert headers["Authorization"] == f"Token {SECRET}"
    assert headers["User-Agent"] == f"prolific-sheet-importer/{__version__}"
    assert headers["Referer"] == f"https://prolific-sheet-importer/{__version__}"


def test_put_sends_utf8_json() -> None:
    """The body is JSON in UTF-8, with its length."""
    with talking(answer(body=[ITEM])) as talk:
        put(talk)

    request = talk.server.received[0]
    assert json.loads(request.body.decode("utf-8")) == BODY
    assert "☃".encode() in request.body
    assert request.headers["Content-Type"] == "application/json"
    assert "Transfer-Encoding" not in request.headers


def test_put_returns_the_raw_answer() -> None:
    """What the journal keeps is the answer as it came, without a byte order mark."""
    with talking(answer(body="\ufeff[ {} ]")) as talk:
        assert put(talk) == "[ {} ]"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_accepts_a_put(status: int) -> None:
    """Any 2xx is an acceptance; an empty answer is the reader's business."""
    with talking(answer(status)) as talk:
        assert put(talk) == ""


def test_patch_returns_the_batch() -> None:
    """PATCH gives the batch as it now is."""
    with talking(answer(body={"id": BATCH_ID, "name": "Wave 1"})) as talk:
        assert talk.prolific.patch_batch(BATCH_ID, {"name": "Wave 1"}) == {"id": BATCH_ID, "name": "Wave 1"}


@pytest.mark.parametrize("body", [[ITEM], {"results": [ITEM], "meta": {"count": 1}}])
def test_instructions_are_read_from_both_shapes(body: object) -> None:
    """GET instructions may answer a bare array or a wrapped one."""
    with talking(answer(body=body)) as talk:
        assert talk.prolific.get_instructions(BATCH_ID) == [ITEM]


def test_partial_list_is_refused() -> None:
    """A plan made from half a list would delete the other half."""
    with (
        talking(answer(body={"results": [ITEM], "meta": {"count": 120}})) as talk,
        pytest.raises(ProlificError, match="are 120, but sent 1"),
    ):
        talk.prolific.get_instructions(BATCH_ID)


@pytest.mark.parametrize("body", [{"results": None}, ["x"], [{"type": "free_text"}], "text", 7])
def test_other_shapes_are_no_instructions(body: object) -> None:
    """Whatever is not a list of objects with ids is refused."""
    with talking(answer(body=json.dumps(body))) as talk, pytest.raises(ProlificError):
        talk.prolific.get_instructions(BATCH_ID)


@pytest.mark.parametrize(
    "raw", ['[{"id": "a"}]', '\ufeff{"results": [{"id": "a"}]}', '{"instructions": [{"id": "a"}]}']
)
def test_put_answer_is_read_from_each_shape(raw: str) -> None:
    """The answer of PUT may be bare or wrapped."""
    assert parse_instructions(raw) == [{"id": "a"}]


@pytest.mark.parametrize("raw", ["", "[{", "[1]", '{"results": 1}', '[{"id": 5}]', "[" * 200_000, "<html>"])
def test_unreadable_put_answer_leaves_the_outcome_unknown(raw: str) -> None:
    """An accepted PUT whose ids cannot be read must be reconciled."""
    with pytest.raises(OutcomeUnknown):
        parse_instructions(raw)


def test_batch_id_cannot_change_the_path() -> None:
    """An id with dots or slashes would lead to another resource."""
    with talking(answer(body={})) as talk, pytest.raises(UsageError):
        talk.prolific.get_batch("../../users/me")
    assert talk.calls == []


# ---------------------------------------------------------------- a write is sent once


@pytest.mark.parametrize(
    "reply", [RESET, SILENCE, CUT, answer(500), answer(502), answer(503), answer(504), answer(408)]
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_write_is_sent_once_and_its_outcome_unknown(method: str, reply: bytes) -> None:
    """Once the body may have left, only looking tells what happened; the client sends nothing again."""
    with talking(reply, read_s=0.3) as talk, pytest.raises(OutcomeUnknown):
        put(talk) if method == "PUT" else talk.prolific.patch_batch(BATCH_ID, {"name": "x"})

    assert [method for method, _ in talk.calls] == [method]
    assert talk.slept == []


def test_unreadable_patch_answer_leaves_the_outcome_unknown() -> None:
    """A PATCH that was accepted in words nobody can read is not a success."""
    with talking(answer(200, "<html>")) as talk, pytest.raises(OutcomeUnknown):
        talk.prolific.patch_batch(BATCH_ID, {"name": "x"})


def test_refused_connection_is_not_an_unknown_outcome(closed_url: str) -> None:
    """Requests says ConnectionError for "refused" as for "reset after sending"; here they differ."""
    with Prolific(closed_url, Token(SECRET)) as prolific, pytest.raises(Unreachable, match="refused"):
        prolific.put_instructions(BATCH_ID, BODY)


def test_connect_timeout_is_not_an_unknown_outcome() -> None:
    """A host that does not take the connection has received nothing."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # fill the queue of connections that nobody accepts
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        prolific = stack.enter_context(Prolific(url, Token(SECRET), connect_s=0.2))
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            prolific.put_instructions(BATCH_ID, BODY)


def test_unreachable_proxy_is_not_an_unknown_outcome(
    closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that refuses the connection has passed nothing on."""
    monkeypatch.setenv("https_proxy", closed_url)
    monkeypatch.setenv("no_proxy", "")
    with (
        Prolific("https://prolific.invalid", Token(SECRET)) as prolific,
        pytest.raises(Unreachable, match="proxy"),
    ):
        prolific.put_instructions(BATCH_ID, BODY)


def test_loopback_is_reached_without_a_proxy(closed_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for the sandbox would carry the token out of this computer in plain text."""
    monkeypatch.setenv("http_proxy", closed_url)
    monkeypatch.setenv("no_proxy", "")
    with talking(answer(body={})) as talk:
        assert get(talk) == {}


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 410, 413, 415, 422, 425])
def test_4xx_is_rejected_with_its_status(status: int) -> None:
    """Prolific's refusal is final, and its status known."""
    with (
        talking(answer(status, {"detail": "No."})) as talk,
        pytest.raises(Rejected, match=r'"No\."') as caught,
    ):
        put(talk)

    assert caught.value.status == status
    assert len(talk.calls) == 1


def test_401_asks_for_a_token() -> None:
    """A refused token is a matter of the settings, not of the request."""
    with (
        talking(answer(401, {"detail": "Invalid token."})) as talk,
        pytest.raises(TokenRefused, match="PROLIFIC_TOKEN"),
    ):
        get(talk)


@pytest.mark.parametrize("status", [403, 404])
def test_no_access_is_said(status: int) -> None:
    """Prolific answers 403 and 404 when the token has no access, too."""
    with (
        talking(answer(status)) as talk,
        pytest.raises(Rejected, match=f"{BATCH_ID}, or your token has no access"),
    ):
        get(talk)


def test_refusal_stands_although_its_explanation_is_cut() -> None:
    """The status alone says that nothing happened."""
    with talking(answer(422, {"detail": "Something long"})[:-5]) as talk, pytest.raises(Rejected) as caught:
        put(talk)
    assert caught.value.status == 422


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_never_followed(status: int) -> None:
    """A followed redirect would send the token elsewhere, and a 302 turns PUT into GET."""
    with Server([answer(200, [ITEM])]) as elsewhere:
        location = f"http://{elsewhere.host}/there?sig=abc"
        with talking(answer(status, Location=location)) as talk, pytest.raises(Rejected) as caught:
            put(talk)

    assert caught.value.status == status
    assert f"{location.removesuffix('?sig=abc')})" in str(caught.value)
    assert "sig=abc" not in str(caught.value)
    assert (len(talk.calls), elsewhere.received) == (1, [])


def test_cut_answer_is_told_in_plain_words() -> None:
    """Nobody is shown the name of an exception."""
    with talking(CUT) as talk, pytest.raises(OutcomeUnknown, match=r"failed \(the answer broke off\)\."):
        put(talk)


def test_see_other_leaves_the_outcome_unknown() -> None:
    """303 is how a server answers a request that it has carried out."""
    with talking(answer(303, Location="/there")) as talk, pytest.raises(OutcomeUnknown):
        put(talk)
    assert len(talk.calls) == 1


def test_malformed_redirect_is_a_refusal() -> None:
    """A target that nobody can parse is still only a refusal."""
    with talking(answer(302, Location="http://[")) as talk, pytest.raises(Rejected):
        put(talk)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("99999999", 3600.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 9999 08:00:00 GMT", 3600.0),
        ("soon", None),
        ("nan", None),
    ],
)
def test_429_says_when_to_come_back(header: str, seconds: float | None) -> None:
    """`Retry-After` is seconds or a date; neither makes anybody wait for ever."""
    with talking(answer(429, Retry_After=header)) as talk, pytest.raises(RateLimited) as caught:
        put(talk)

    assert caught.value.retry_after_s == seconds
    assert len(talk.calls) == 1


# ---------------------------------------------------------------- reads are repeated


@pytest.mark.parametrize("reply", [RESET, SILENCE, CUT, answer(429), answer(502), answer(503), answer(504)])
def test_read_is_repeated(reply: bytes) -> None:
    """A read that failed in passing is repeated, pausing longer each time."""
    with talking(reply, reply, reply, answer(body={"id": "b"}), read_s=0.3) as talk:
        assert get(talk) == {"id": "b"}

    assert len(talk.calls) == 4
    assert talk.slept == sorted(talk.slept)
    assert 0.4 <= talk.slept[0] <= 0.6
    assert 1.6 <= talk.slept[2] <= 2.4


def test_read_waits_as_long_as_asked() -> None:
    """`Retry-After` counts for reads too."""
    with talking(answer(429, Retry_After="7"), answer(body={})) as talk:
        get(talk)
    assert 7.0 <= talk.slept[0] <= 10.5


def test_read_does_not_wait_for_an_hour() -> None:
    """Nobody sits before a read that should wait for an hour; the refusal says when to come back."""
    with talking(answer(429, Retry_After="1800")) as talk, pytest.raises(RateLimited) as caught:
        get(talk)
    assert (caught.value.retry_after_s, talk.slept) == (1800.0, [])


@pytest.mark.parametrize("reply", [RESET, SILENCE, CUT, answer(503), answer(500), answer(200, "[")])
def test_failed_read_is_never_an_unknown_outcome(reply: bytes) -> None:
    """A read changes nothing, so nothing about it can be unknown."""
    with talking(reply, read_s=0.1) as talk, pytest.raises(ProlificError) as caught:
        get(talk)
    assert not isinstance(caught.value, OutcomeUnknown)


def test_missing_endpoint_is_told_by_its_status() -> None:
    """Whoever reads must be able to tell that the deprecated endpoint is gone."""
    with talking(answer(501)) as talk, pytest.raises(Rejected) as caught:
        get(talk)
    assert (caught.value.status, len(talk.calls)) == (501, 1)


def test_list_that_names_an_id_twice_is_refused() -> None:
    """Such a list says nothing about what the batch holds."""
    twice = [ITEM, ITEM | {"id": ITEM["id"].upper(), "description": "How?"}]
    with talking(answer(200, twice)) as talk, pytest.raises(ProlificError, match="twice"):
        talk.prolific.get_instructions(BATCH_ID)


def test_answer_in_drips_is_given_up() -> None:
    """A server that is never silent for long still does not hold a push for ever."""
    with Sandbox() as sandbox:
        batch_id = sandbox.add_batch()
        with Prolific(sandbox.url, Token(sandbox.token), read_s=5, answer_s=0.1) as prolific:
            sandbox.fault("endless-drip", method="PUT", seconds=0.2)
            sandbox.fault("endless-drip", method="GET", seconds=0.2)
            with pytest.raises(OutcomeUnknown, match=r"longer than 0\.1 s"):
                prolific.put_instructions(batch_id, BODY)
            with pytest.raises(Unreachable, match=r"longer than 0\.1 s"):
                prolific.get_batch(batch_id)

    assert [entry.method for entry in sandbox.ledger] == ["PUT", "GET"]


def test_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer beyond the limit is not kept in memory."""
    assert MAX_ANSWER_BYTES == 64_000_000
    monkeypatch.setattr("importer.prolific.MAX_ANSWER_BYTES", 1000)
    with talking(answer(200, "x" * 2000)) as talk, pytest.raises(OutcomeUnknown, match="longer than"):
        put(talk)


# ---------------------------------------------------------------- the token


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests would replace a plain header by ~/.netrc, and Prolific would see a stranger."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setattr("importer.prolific.is_loopback", lambda _: False)  # as for every other host
    with talking(answer(body={})) as talk:
        get(talk)

    assert talk.server.received[0].headers["Authorization"] == f"Token {SECRET}"


@pytest.mark.parametrize(
    "reply",
    [
        RESET,
        answer(401, {"detail": f"Bad token {SECRET}."}),
        answer(422, SECRET),
        answer(302, Location=f"/{SECRET}"),
    ],
)
def test_token_is_in_no_exception_and_no_log(reply: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Neither what is raised, with all it holds on to, nor the log tells the token."""
    caplog.set_level(logging.DEBUG)
    with talking(reply) as talk, pytest.raises((ProlificError, TokenRefused)) as caught:
        put(talk)

    assert SECRET not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert SECRET not in caplog.text
    assert "Why?" not in caplog.text


def test_log_names_method_path_and_status(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what was asked and what came, in milliseconds."""
    caplog.set_level(logging.DEBUG, "importer.prolific")
    with talking(answer(body=[ITEM])) as talk:
        put(talk)
    assert caplog.messages[0].startswith(f"PUT {PATH}/instructions: 200 in ")


def test_token_does_not_show_itself() -> None:
    """Printing, formatting and pickling a token gives nothing away."""
    token = Token(SECRET)

    assert SECRET not in f"{token} {token!r} {token!s:>40} {[token]}"
    with pytest.raises(TypeError):
        pickle.dumps(token)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.prolific.com",
        "http://127.0.0.1@evil.example",
        "http://localhost.evil.example",
        "http://127.1",
        "http://127.0.0.1\\@evil.example",
        "https://user:word@api.prolific.com",
        "https://api.prolific.com/?x=1",
        "https://api.prolific.com:port",
        "https://api. prolific.com",
        "https://",
        "api.prolific.com",
        "ftp://127.0.0.1",
    ],
)
def test_unsafe_address_is_refused(url: str) -> None:
    """The token goes over https, or to this computer, or nowhere."""
    with pytest.raises(UsageError):
        Prolific(url, Token(SECRET))


@pytest.mark.parametrize(
    "url", ["https://api.prolific.com/", "http://127.8.9.1:80", "http://[::1]:8000", "http://LOCALHOST"]
)
def test_safe_address_is_accepted(url: str) -> None:
    """Prolific itself, and every way to say this computer."""
    Prolific(url, Token(SECRET)).close()


def test_cookies_are_not_kept() -> None:
    """A shared client must not carry one thread's cookies into another's request."""
    with talking(answer(body={}, Set_Cookie="session=abc; Path=/"), answer(body={})) as talk:
        get(talk)
        get(talk)
    assert "Cookie" not in talk.server.received[1].headers


# ---------------------------------------------------------------- TLS


@contextmanager
def tls_server() -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with Server([answer(body={"id": "b"})], context) as server:
        yield server


def test_untrusted_certificate_is_refused_at_once() -> None:
    """TLS is verified always; a certificate does not become better by asking again."""
    slept: list[float] = []
    with (
        tls_server() as server,
        Prolific(f"https://{server.host}", Token(SECRET), sleep=slept.append) as prolific,
    ):
        with pytest.raises(Unreachable, match="--ca-file"):
            prolific.put_instructions(BATCH_ID, BODY)
        with pytest.raises(Unreachable, match="--ca-file"):
            prolific.get_batch(BATCH_ID)

    assert (server.received, slept) == ([], [])


def test_private_authority_is_trusted_when_named() -> None:
    """`--ca-file` names the certificates of a private authority."""
    with (
        tls_server() as server,
        Prolific(f"https://{server.host}", Token(SECRET), ca_file=CERTIFICATE) as prolific,
    ):
        assert prolific.get_batch(BATCH_ID) == {"id": "b"}


def test_environment_does_not_replace_the_named_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests lets $REQUESTS_CA_BUNDLE win over a session's own setting."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", __file__)
    monkeypatch.setattr("importer.prolific.is_loopback", lambda _: False)  # as for every other host
    with (
        tls_server() as server,
        Prolific(f"https://{server.host}", Token(SECRET), ca_file=CERTIFICATE) as prolific,
    ):
        assert prolific.get_batch(BATCH_ID) == {"id": "b"}


def test_https_to_a_plain_port_sends_nothing() -> None:
    """A handshake that fails is before the request."""
    with (
        Server([answer()]) as server,
        Prolific(f"https://{server.host}", Token(SECRET)) as prolific,
        pytest.raises(Unreachable),
    ):
        prolific.put_instructions(BATCH_ID, BODY)
    assert server.received == []


def test_missing_authority_file_is_refused(tmp_path: Path) -> None:
    """A wrong --ca-file is told before anything is asked."""
    with pytest.raises(UsageError, match=r"none\.pem"):
        Prolific("https://api.prolific.com", Token(SECRET), ca_file=tmp_path / "none.pem")


# ---------------------------------------------------------------- notices, threads


def test_deprecation_is_said_once() -> None:
    """One run, one sentence, with the date that Prolific names."""
    sunset = "Tue, 01 Sep 2026 23:59:59 GMT"
    with talking(answer(body=[ITEM], Deprecation="true", Sunset=sunset)) as talk:
        talk.prolific.get_instructions(BATCH_ID)
        put(talk)

    assert talk.notices == [
        f"GET {PATH}/instructions: Prolific has deprecated it; it ends, or has ended, on {sunset}."
    ]


@pytest.mark.parametrize("headers", [{}, {"Deprecation": "false"}])
def test_no_notice_without_deprecation(headers: dict[str, str]) -> None:
    """Nothing is announced that Prolific does not announce."""
    with talking(answer(body={}, **headers)) as talk:
        get(talk)
    assert talk.notices == []


def test_threads_share_one_client() -> None:
    """Reads from several threads each get their own answer."""
    with talking(answer(body={"id": "b"})) as talk:
        results: list[object] = []
        threads = [threading.Thread(target=lambda: results.append(get(talk))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [{"id": "b"}] * 8
