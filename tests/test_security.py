"""What must never get out or in: the token, terminal sequences, formulas, foreign code, entities, weak TLS."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import shlex
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
import xlsxwriter

from importer import __main__ as door
from importer import helpers
from importer.checking import check
from importer.errors import Unreachable, UsageError
from importer.helpers import MIN_EACH, Helpers
from importer.prolific import Prolific
from importer.render.screen import harmless, harmless_json
from importer.render.words import typed
from importer.sandbox import Sandbox
from importer.secret import HIDDEN, Token, check_url, hide_tokens
from importer.settings import load_token, read_settings
from importer.workbook.marked import mark_all
from importer.workbook.template import write_filled, write_template
from tests.books import BATCH_ID, LIKERT, ONE_BATCH, rows_of, write_book
from tests.desks import Clock, open_desk
from tests.test_cli import SECRET, Shell
from tests.test_prolific import tls_server
from tests.test_push import go, ids_in
from tests.writing import FIRST, texts_at, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="terminals, file modes and names are POSIX")

# ---------------------------------------------------------------- the token

#: How a server may repeat what it was sent.
ECHOES: Mapping[str, Callable[[str], str]] = {
    "plain": lambda sent: sent,
    "percent": lambda sent: quote(sent, safe=""),
    "base64": lambda sent: base64.b64encode(sent.encode()).decode(),
    "base64-of-line": lambda sent: base64.b64encode(f"Authorization: {sent}\r\n".encode()).decode(),
    "hexadecimal": lambda sent: sent.encode().hex(),
    "broken-over-lines": lambda sent: "\n  ".join(re.findall(".{1,8}", sent)),
    "cut-off": lambda sent: sent[:20] + "…",
    "capitals": str.upper,
}


def traces() -> list[bytes]:
    """What would tell the token: either end of it, in every form."""
    forms = [SECRET, SECRET.upper(), quote(SECRET, safe=""), SECRET.encode().hex()]
    forms += [base64.b64encode(b"x" * n + SECRET.encode()).decode()[4:-4] for n in range(3)]
    return [part.encode() for form in forms for part in (form[:12], form[-12:])]


def told(content: bytes) -> list[bytes]:
    """Return the traces of the token in some bytes, lines joined."""
    joined = re.sub(rb"\s+", b"", content)
    return [trace for trace in traces() if trace in content or trace in joined]


class Echo(BaseHTTPRequestHandler):
    """Answers every request with what it was sent, in body and headers."""

    status = 400
    form = "plain"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = ECHOES[self.form](self.headers["Authorization"])
        body = json.dumps({"detail": f"You sent {said} to us.", "headers": {"Authorization": said}}).encode()
        self.send_response(self.status)
        for name in ("Location", "Sunset", "Set-Cookie", "X-Debug"):
            self.send_header(name, "/" + said.replace("\n", " ").replace("…", ""))
        # A line that is no header: urllib3 logs it as it came.
        self.wfile.write(b"".join(self._headers_buffer))  # type: ignore[attr-defined]
        self._headers_buffer: list[bytes] = []
        self.wfile.write(f"\x1b]0;owned\x07 {said}".replace("\n", " ").replace("…", "").encode() + b"\r\n")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_PATCH = answer  # noqa: N815 - http.server looks for these

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def echo() -> Iterator[Callable[[int, str], str]]:
    """Start a server that repeats the token; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Echoing", (Echo,), {})) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def begin(status: int, form: str) -> str:
            server.RequestHandlerClass.status = status  # type: ignore[attr-defined]
            server.RequestHandlerClass.form = form  # type: ignore[attr-defined]
            return f"http://127.0.0.1:{server.server_port}"

        yield begin
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", ECHOES)
@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_a_server_that_repeats_the_token_tells_nobody(
    status: int, form: str, echo: Callable[[int, str], str], caplog: pytest.LogCaptureFixture
):
    """Not in what is raised or noticed, whatever the status and however it is encoded."""
    caplog.set_level("DEBUG")
    noticed: list[str] = []
    with Prolific(
        echo(status, form), Token(SECRET), sleep=lambda _: None, on_notice=noticed.append
    ) as prolific:
        for call in (
            lambda: prolific.get_instructions(BATCH_ID),
            lambda: prolific.patch_batch(BATCH_ID, {"name": "x"}),
        ):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - any of its refusals
                call()
            assert [] == told(repr(caught.value).encode())

    assert [] == told(" ".join(noticed).encode())
    assert [] == told(harmless(caplog.text).encode())


@pytest.mark.parametrize(
    ("status", "form"), [(400, "plain"), (500, "base64-of-line"), (401, "broken-over-lines")]
)
def test_no_output_and_no_file_tells_the_token(
    status: int, form: str, echo: Callable[[int, str], str], tmp_path: Path
):
    """Everything printed with -v -v and --json, and every byte of every file that a push leaves behind."""
    study = write_book(tmp_path / "study.xlsx", {"Instructions": LIKERT, "Batches": ONE_BATCH})
    shell = Shell(tmp_path, echo(status, form))

    for words in (["-v", "-v", "push", study.name, "--yes"], ["-v", "-v", "plan", study.name, "--json"]):
        ended = shell(*words)
        assert 0 != ended.code
        assert [] == told((ended.out + ended.err).encode())
        assert not {"\x1b", "\x07"} & set(ended.out + ended.err)

    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert [] == told(path.read_bytes()), path


def test_a_whole_round_leaves_no_trace_of_the_token(tmp_path: Path):
    """Journal with its log, locks, backups, workbook: raw bytes, while the journal is open and after."""
    with Sandbox(token=SECRET) as prolific:
        batch = prolific.add_batch("Round")
        path = write_book(tmp_path / "s.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch]]})
        with open_desk(prolific.url, SECRET, tmp_path / "state", Clock()) as desk:
            assert 0 == go(desk, path).exit_code
            assert (tmp_path / "state" / "journal.sqlite3-wal").exists()
            during = [one for one in tmp_path.rglob("*") if one.is_file() and told(one.read_bytes())]

    assert [] == during
    assert [] == [one for one in tmp_path.rglob("*") if one.is_file() and told(one.read_bytes())]


def test_an_answer_that_repeats_the_token_is_kept_without_it(tmp_path: Path):
    """The journal keeps what Prolific answered, word for word but for the token."""
    item = {"type": "free_text", "description": "Why?", "debug_id": f"sent with Token {SECRET}"}
    with Sandbox(token=SECRET) as prolific:
        batch = prolific.add_batch(f"Sent with {SECRET}", instructions=[{**item, "id": BATCH_ID}])
        table = f"""
            | ref | type      | description | instruction_id |
            | Q1  | free_text | Why?        | {BATCH_ID}     |
            | Q2  | free_text | How?        |                |
        """
        path = write_book(tmp_path / "s.xlsx", {"Instructions": table, "Batches": [["batch_id"], [batch]]})
        with open_desk(prolific.url, SECRET, tmp_path / "state", Clock()) as desk:
            assert 0 == go(desk, path).exit_code

    assert [] == [one for one in tmp_path.rglob("*") if one.is_file() and told(one.read_bytes())]


def test_a_helper_does_not_get_the_token(monkeypatch: pytest.MonkeyPatch):
    """It has it neither in its environment nor on its command line."""
    monkeypatch.setenv("PROLIFIC_TOKEN", SECRET)
    monkeypatch.setenv("IMPORTER_STATE", "kept")
    monkeypatch.setattr(helpers, "_cores", lambda: 2)
    monkeypatch.setattr(
        helpers,
        "_PROGRAM",
        "import os, pickle, sys; pickle.load(sys.stdin.buffer);"
        "pickle.dump((str((dict(os.environ), sys.orig_argv)), None), sys.stdout.buffer)",
    )
    with Helpers(2 * MIN_EACH) as started:
        told = str(started.deliver(None))  # type: ignore[arg-type]

    assert "'IMPORTER_STATE': 'kept'" in told
    assert "PROLIFIC_TOKEN" not in told
    assert SECRET not in told


def test_a_bug_report_hides_a_token_of_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Wherever the token came from, a traceback that quotes it does not bring it into the report."""
    monkeypatch.delenv("PROLIFIC_TOKEN", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "token").write_text("kept-in-a-file-0123456789")
    (tmp_path / "token").chmod(0o600)
    environ = {"IMPORTER_TOKEN_FILE": str(tmp_path / "token")}
    token = load_token(read_settings(environ=environ, folder=tmp_path), environ=environ)

    def broken() -> None:
        raise RuntimeError(f"boom {token.reveal()}")

    try:
        broken()
    except RuntimeError:
        door._report_bug()

    (report,) = tmp_path.glob("importer-bug-*.txt")
    assert "boom (token hidden)" in report.read_text()
    assert token.reveal() not in report.read_text()
    assert 0o600 == stat.S_IMODE(report.stat().st_mode)


def test_made_up_tokens_do_not_blot_out_words():
    """The sandbox's token is a word; only a real one is hidden in what researchers wrote."""
    Token("sandbox")
    assert "a sandbox here" == hide_tokens("a sandbox here")


@pytest.mark.parametrize("form", ECHOES)
def test_every_form_of_the_token_is_hidden(form: str):
    """What a server may make of it, in the middle of a sentence."""
    said = f"You sent {ECHOES[form](f'Token {SECRET}')} to us."

    hidden = Token(SECRET).hide_in(said)

    assert [] == told(hidden.encode())
    assert HIDDEN in hidden
    assert hidden.endswith(" to us.")


# ---------------------------------------------------------------- files


def test_what_is_kept_is_for_its_owner_only(tmp_path: Path):
    """Folders 0700, journal and backups 0600, whatever the umask; the workbook keeps its own mode."""
    before = os.umask(0)
    try:
        with Sandbox() as prolific:
            batch = prolific.add_batch("Private")
            path = write_book(
                tmp_path / "s.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch]]}
            )
            path.chmod(0o640)
            with open_desk(prolific.url, prolific.token, tmp_path / "state", Clock()) as desk:
                go(desk, path)
                kept = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
                modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in kept}
    finally:
        os.umask(before)

    assert {"state", "locks", "backups"} <= {name for name, mode in modes.items() if mode == 0o700}
    journal = {"journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"}
    private = {name for name, mode in modes.items() if mode == 0o600}
    assert {*journal, f"{batch}.lock"} <= private
    assert 1 == len([name for name in private if name.endswith(".xlsx")])
    assert 0o640 == stat.S_IMODE(path.stat().st_mode)


# ---------------------------------------------------------------- addresses and TLS


@pytest.mark.parametrize(
    "url",
    [
        "http://0x7f.1",
        "http://0x7f000001",
        "http://2130706433",
        "http://0177.0.0.1",
        "http://127.1",
        "http://127.0.0.1.",
        "http://127.0.0.1.nip.io",
        "http://localhost.",
        "http://localhost.evil",
        "http://localhost@evil.example",
        "http://evil.example#@127.0.0.1",
        "http://evil.example?@127.0.0.1",
        "http://127.0.0.1%2f@evil.example",
        "http://127.0.0.1;evil.example",
        "http://[::ffff:8.8.8.8]",
        "http://[fe80::1]",
        "http://[::]",
        "http://0.0.0.0",
        "http://１２７.0.0.1",
        "http:127.0.0.1",
        "http:///127.0.0.1",
        "HTTP://api.prolific.com",
        "http://api.prolific.com:443",
        "file:///etc/passwd",
    ],
)
def test_plain_http_goes_to_this_computer_only(url: str):
    """Whatever another program may take for this computer, the token goes nowhere in plain text."""
    with pytest.raises(UsageError):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://prolific.com.evil.example",
        "https://evilprolific.com",
        "https://evil.example/.prolific.com",
        "https://evil.example#.prolific.com",
        "https://evil.example?.prolific.com",
        "https://api.prolific.com@evil.example",
        "https://evil.example\\\\.prolific.com",
        "https://evil。prolific.com",
        "https://evil.example／.prolific.com",
        "http://localhost.evil.example",
    ],
)
def test_a_project_file_cannot_lead_the_token_away(url: str, tmp_path: Path):
    """It comes along with somebody's workbooks, so it names Prolific or this computer, or it is refused."""
    (tmp_path / "importer.toml").write_text(f'[importer]\nurl = "{url}"\n', "utf-8")
    with pytest.raises(UsageError):
        read_settings(environ={}, folder=tmp_path)


@pytest.mark.parametrize(
    "line", ["verify = false", 'ca_file = "ca.pem"', 'state = "state"', "insecure = true"]
)
def test_a_project_file_cannot_weaken_anything(line: str, tmp_path: Path):
    """Neither TLS, nor whose certificates count, nor which journal is believed."""
    (tmp_path / "importer.toml").write_text(f"[importer]\n{line}\n", "utf-8")
    with pytest.raises(UsageError, match=line.split(maxsplit=1)[0]):
        read_settings(environ={}, folder=tmp_path)


@pytest.mark.parametrize(
    "environ",
    [
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""},
        {"PYTHONHTTPSVERIFY": "0"},
        {"REQUESTS_CA_BUNDLE": "/nowhere.pem"},
        {"CURL_CA_BUNDLE": "/"},
        {"SSL_CERT_FILE": str(Path(__file__).with_name("loopback.pem"))},
        {"SSL_VERIFY": "0", "NODE_TLS_REJECT_UNAUTHORIZED": "0"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_the_environment_cannot_switch_verification_off(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """A self-signed server gets no request, whatever is set; only naming its certificate trusts it."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("importer.prolific.is_loopback", lambda _: False)  # as for every other host
    with (
        tls_server() as server,
        Prolific(f"https://{server.host}", Token(SECRET), sleep=lambda _: None) as prolific,
        pytest.raises(Unreachable),
    ):
        prolific.get_batch(BATCH_ID)

    assert [] == server.received


# ---------------------------------------------------------------- formulas and entities

INJECTED = ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://x","y")')
_CELLS = re.compile(r"<c ([^>]*?)(?:/>|>(.*?)</c>)", re.DOTALL)


def cells_of(path: Path) -> Iterator[tuple[str, str]]:
    """Attributes and content of every cell of every sheet."""
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            if name.startswith("xl/worksheets/sheet"):
                yield from _CELLS.findall(package.read(name).decode())


def test_what_the_importer_writes_holds_no_formula(tmp_path: Path):
    """Template, filled template and marked copy: a text that begins with = + - @ is a text."""
    rows = [{"ref": f"Q{n}", "type": text, "description": text} for n, text in enumerate(INJECTED)]
    write_template(tmp_path / "template.xlsx", example=True)
    write_filled(tmp_path / "filled.xlsx", rows, [{"batch_id": BATCH_ID, "name": INJECTED[0]}])
    mark_all(check([tmp_path / "filled.xlsx"]).report)

    for path in sorted(tmp_path.glob("*.xlsx")):
        found = [(attributes, content) for attributes, content in cells_of(path) if content]
        assert found
        assert [] == [content for _, content in found if "<f" in content]
        assert {"s", "inlineStr"} >= {
            "".join(re.findall(r'\bt="(\w+)"', attributes)) for attributes, _ in found
        }


@pytest.mark.parametrize("text", INJECTED)
def test_what_is_written_back_is_text(text: str, tmp_path: Path):
    """Into a researcher's workbook too: an inline string, which no program evaluates."""
    path = write_book(tmp_path / "s.xlsx", {"Instructions": [["a", "b"], ["1", "2"]]})
    write(path, texts_at(path, {(2, 2): text}), FIRST)

    (attributes, content) = next(cell for cell in cells_of(path) if 'r="B2"' in cell[0])
    assert 't="inlineStr"' in attributes
    assert "<f" not in content


ENTITIES = '<!DOCTYPE x [<!ENTITY e "EXPANDED"><!ENTITY f SYSTEM "file:///etc/hostname">]>'


def with_entities(path: Path, part: str) -> None:
    """Declare entities in one part of a workbook, and use one in each of its texts."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    xml = re.sub(r"^<\?xml[^>]*\?>\s*", "", parts[part].decode())
    xml = re.sub(r">([^<>&]+)<", r">\1&e;<", xml)
    parts[part] = (ENTITIES + xml).encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)


PARTS = (
    "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels", "[Content_Types].xml", "xl/theme/theme1.xml", "docProps/core.xml",
    "docProps/app.xml", "xl/comments1.xml",
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_no_entity_is_expanded(part: str, tmp_path: Path):
    """In no part: what the reader needs is refused, and what it does not need reaches no marked copy."""
    path = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(path) as book:  # it writes every part that there can be
        for name, table in (("Instructions", LIKERT.replace("free_text", "free")), ("Batches", ONE_BATCH)):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows_of(table)):
                sheet.write_row(number, 0, [text or None for text in row])
            sheet.write_comment("A2", "mine")
    with_entities(path, part)

    checked = check([path])
    marked, _ = mark_all(checked.report)

    assert checked.report.broken
    assert not any("EXPANDED" in one.text for one in checked.report.problems)
    for target in marked.values():
        with zipfile.ZipFile(target) as package:
            assert [] == [name for name in package.namelist() if b"EXPANDED" in package.read(name)]


# ---------------------------------------------------------------- the terminal

STEER = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def on_terminal(shell: Shell, *words: str, **env: str) -> str:
    """Run a command on a terminal, and return all that it printed."""
    ours, theirs = pty.openpty()
    environ = {**shell.env, "TERM": "xterm-256color", **env}
    environ.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "importer", *words],
        cwd=shell.folder, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    ):  # fmt: skip
        os.close(theirs)
        printed = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                break
            printed += piece
            if not piece:
                break
    os.close(ours)
    return printed.decode("utf-8", "surrogateescape")


def test_nothing_steers_a_terminal(tmp_path: Path):
    """Escape sequences in file names, cells and what a server holds never reach a terminal as they are."""
    with Sandbox(token=SECRET) as prolific:
        batch = prolific.add_batch(
            f"Batch {STEER}", instructions=[{"type": "free_text", "description": STEER}]
        )
        name = f"s{STEER}.xlsx"
        table = LIKERT.replace("Why?", "_x001B_]0;owned_x0007_ \u202e\u009b31m")
        good = write_book(tmp_path / name, {"Instructions": LIKERT, "Batches": [["batch_id"], [batch]]})
        write_book(
            tmp_path / f"bad{name}",
            {"Instructions": table.replace("free_text", STEER[-1] + "free"), f"Extra{STEER[-6:]}": [["x"]]},
        )
        shell = Shell(tmp_path, prolific.url)
        printed = {
            words: on_terminal(shell, *words)
            for words in (
                ("check", f"bad{name}"),
                ("check", f"bad{name}", "--json", "--mark"),
                ("plan", good.name),
                ("push", good.name, "--yes", "--allow-remove", "1"),
                ("status",),
                ("template", "--out", f"t{name}"),
                ("template", "--out", f"t{name}"),
                ("check", f"none{name}"),
                ("nonsense" + STEER,),
            )
        }

    for words, text in printed.items():
        assert text, words
        left = _COLOUR.sub("", text)
        assert not set("\x1b\x07\x9b\u202e") & set(left), (words, left)


def test_json_stays_the_same_document():
    """What would steer is escaped, so a program reads what it would have read."""
    document = {"name": f"a{STEER}\udcff.xlsx", "lines": "a\nb"}

    shown = harmless_json(json.dumps(document, ensure_ascii=False, indent=2))

    assert document == json.loads(shown)
    assert shown == shown.encode("utf-8").decode("utf-8")
    assert not set(STEER) - set("]0;owned[2J31m") & set(shown)


def test_a_name_that_is_no_utf8_breaks_nothing(tmp_path: Path):
    """Linux allows any bytes in a file name; it is shown as well as can be."""
    shell = Shell(tmp_path, "http://127.0.0.1:9")
    name = os.fsdecode(b"study\xff.xlsx")
    write_book(tmp_path / name, {"Instructions": LIKERT, "Batches": ONE_BATCH})

    assert 0 == shell("check", name).code
    assert 0 == shell("check", name, "--json").code


def test_the_command_to_copy_runs_nothing_else():
    """The plan shows a command with the file's name in it; a shell finds one word there and nothing to do."""
    for name in (
        "$(reboot).xlsx",
        "`id`.xlsx",
        'a"; id; ".xlsx',
        "a b.xlsx",
        "it's.xlsx",
        "a$HOME b.xlsx",
        "a\\b.xlsx",
    ):
        said = subprocess.run(
            ["/bin/sh", "-c", f"printf %s {typed(name)}"], capture_output=True, text=True, check=True
        ).stdout
        assert name.replace("a\\b", "ab") == said or shlex.split(typed(name)) == [name]


# ---------------------------------------------------------------- foreign code


PLANTED = (
    "pandas",
    "pandera",
    "numpy",
    "click",
    "requests",
    "openpyxl",
    "keyring",
    "json",
    "sqlite3",
    "rich",
)


@pytest.mark.parametrize("is_installed", [False, True], ids=["python -m importer", "importer"])
def test_modules_in_the_working_folder_are_not_run(is_installed: bool, tmp_path: Path):
    """A pandas.py that came along with workbooks is a file like any other."""
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text("open('run', 'w').close()\n")
    with Sandbox(token=SECRET) as prolific:
        batch = prolific.add_batch("Planted")
        path = write_book(tmp_path / "s.xlsx", {"Instructions": LIKERT, "Batches": [["batch_id"], [batch]]})
        shell = Shell(tmp_path, prolific.url)
        start = [sys.executable, "-m", "importer"]
        if is_installed:
            start = [str(Path(sys.executable).with_name("importer"))]
        ended = subprocess.run(
            [*start, "push", path.name, "--yes"],
            cwd=tmp_path, env=shell.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert (0, "") == (ended.returncode, ended.stderr if ended.returncode else "")
    assert ["Q1", "Q2"] == list(ids_in(path))
    assert not (tmp_path / "run").exists()
