"""Settings: precedence, refusals, and where the token is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from importer.errors import TokenRefused, UsageError
from importer.settings import Settings, load_token, read_settings

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Write a project file; returns the folder."""

    def write(text: str) -> Path:
        (tmp_path / "importer.toml").write_text(text, "utf-8")
        return tmp_path

    return write


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"state": tmp_path / "state"}, environ={}, folder=tmp_path)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A keyring that holds what the test puts into it."""
    held: dict[tuple[str, str], str] = {}
    fake = ModuleType("keyring")
    fake.errors = SimpleNamespace(KeyringError=LookupError)  # type: ignore[attr-defined]
    fake.get_password = lambda *entry: held.get(entry)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return held


# ---------------------------------------------------------------- precedence


def test_defaults(tmp_path: Path) -> None:
    """Nothing given: Prolific itself, HOLD of a minute, and a folder of this user."""
    found = read_settings(environ={}, folder=tmp_path)

    assert (found.url, found.hold_s, found.ca_file) == ("https://api.prolific.com", 60.0, None)
    assert found.state.name == "importer"
    assert set(found.origin.values()) == {"default"}


def test_flag_wins_over_environment_over_project_file(project: Callable[[str], Path]) -> None:
    """Each value comes from the nearest source, and says which."""
    folder = project('[importer]\nurl = "https://a.prolific.com"\nhold_s = 1\n')
    environ = {"PROLIFIC_URL": "https://b.example", "IMPORTER_HOLD_S": "3"}

    found = read_settings({"url": "https://c.example/", "hold_s": None}, environ=environ, folder=folder)

    assert (found.url, found.hold_s) == ("https://c.example", 3.0)
    assert found.origin == {
        "url": "--url",
        "hold_s": "IMPORTER_HOLD_S",
        "state": "default",
        "ca_file": "default",
        "app_url": "default",
    }


def test_empty_variable_is_not_set(tmp_path: Path) -> None:
    """`IMPORTER_HOLD_S=` means: not given."""
    assert read_settings(environ={"IMPORTER_HOLD_S": ""}, folder=tmp_path).hold_s == 60.0


def test_project_file_is_found_above(project: Callable[[str], Path]) -> None:
    """The project file serves the folders below it."""
    folder = project("[importer]\nhold_s = 90\n")
    below = folder / "a" / "b"
    below.mkdir(parents=True)

    assert read_settings(environ={}, folder=below).hold_s == 90.0


def test_relative_path_of_the_environment_starts_from_the_current_folder(tmp_path: Path) -> None:
    """What is given on the command line is meant from where one stands."""
    found = read_settings(environ={"IMPORTER_STATE": "s", "IMPORTER_CA_FILE": "ca.pem"}, folder=tmp_path)
    assert (found.state, found.ca_file) == (tmp_path / "s", tmp_path / "ca.pem")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[importer]\nhold = 5\n", r"holds hold\. Did you mean hold_s\? The settings are url"),
        ("[importer]\ncolour = 1\n", r"holds colour\. The settings are"),
        ('[importer]\ntoken = "x"\n', "never stands in a project file"),
        ('PROLIFIC_TOKEN = "x"\n', "never stands in a project file"),
        ('url = "https://api.prolific.com"\n', r"below the line \[importer\]"),
        ("importer = 1\n", r"below the line \[importer\]"),
        ("[importer\n", "cannot be read"),
        ('[importer]\nurl = "https://evil.example"\n', "would send your token to evil.example"),
        ('[importer]\nurl = "https://notprolific.com"\n', "would send your token"),
        ('[importer]\nurl = "http://api.prolific.com"\n', "plain http"),
        ("[importer]\nurl = 1\n", "an address in quotes"),
        ('[importer]\nstate = "state"\n', r"may not set.* set IMPORTER_STATE\."),
        ('[importer]\nca_file = "ca.pem"\n', r"may not set.* set IMPORTER_CA_FILE\."),
        ("[importer]\nhold_s = 0\n", "a number of seconds from 60"),
        ("[importer]\nhold_s = true\n", "a number of seconds"),
    ],
)
def test_project_file_is_refused(project: Callable[[str], Path], text: str, sentence: str) -> None:
    """A project file that cannot be meant stops the run, naming the file and the way out."""
    folder = project(text)
    with pytest.raises(UsageError, match=sentence) as caught:
        read_settings(environ={}, folder=folder)
    assert str(folder / "importer.toml") in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://api.prolific.com", "https://prolific.com/", "http://127.0.0.1:8000"]
)
def test_project_file_may_name_prolific_or_this_computer(project: Callable[[str], Path], url: str) -> None:
    """The sandbox and Prolific are where a project file may send the token."""
    assert read_settings(environ={}, folder=project(f'[importer]\nurl = "{url}"\n')).url == url.rstrip("/")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IMPORTER_HOLD_S", "soon"),
        ("IMPORTER_HOLD_S", "-1"),
        ("IMPORTER_HOLD_S", "nan"),
        ("IMPORTER_HOLD_S", "1e9"),
        ("PROLIFIC_URL", "api.prolific.com"),
        ("IMPORTER_STATE", "~nobody-of-this-name/x"),
    ],
)
def test_senseless_variable_is_refused(tmp_path: Path, variable: str, value: str) -> None:
    """A senseless value names its variable."""
    with pytest.raises(UsageError, match=variable):
        read_settings(environ={variable: value}, folder=tmp_path)


# ---------------------------------------------------------------- token


def write_token(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_token_of_the_environment_wins(settings: Settings, keyring: dict[tuple[str, str], str]) -> None:
    """The environment comes before the keyring and the file."""
    keyring["importer", "prolific"] = "from-keyring"
    write_token(settings.state / "token", "from-file")
    assert load_token(settings, environ={"PROLIFIC_TOKEN": " from-env\n"}).reveal() == "from-env"


def test_token_of_the_keyring(settings: Settings, keyring: dict[tuple[str, str], str]) -> None:
    """The keyring comes before the usual file."""
    keyring["importer", "prolific"] = "from-keyring"
    write_token(settings.state / "token", "from-file")
    assert load_token(settings, environ={}).reveal() == "from-keyring"


def test_token_of_the_file(settings: Settings, keyring: dict[tuple[str, str], str]) -> None:
    """The token file in the state folder is the last source."""
    write_token(settings.state / "token", "from-file\n")
    assert load_token(settings, environ={}).reveal() == "from-file"


def test_named_token_file_wins_over_the_keyring(
    settings: Settings, keyring: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    """Who names a file means it."""
    keyring["importer", "prolific"] = "from-keyring"
    path = write_token(tmp_path / "mine", "from-file")
    assert load_token(settings, environ={"IMPORTER_TOKEN_FILE": str(path)}).reveal() == "from-file"


def test_broken_keyring_is_passed_over(
    settings: Settings, keyring: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer without a keyring still has the token file."""

    def locked(*_: str) -> str:
        raise LookupError

    monkeypatch.setattr(sys.modules["keyring"], "get_password", locked)
    write_token(settings.state / "token", "from-file")
    assert load_token(settings, environ={}).reveal() == "from-file"


def test_missing_token_says_what_to_do(settings: Settings, keyring: dict[tuple[str, str], str]) -> None:
    """No token anywhere: both ways are named."""
    with pytest.raises(TokenRefused, match="PROLIFIC_TOKEN, or keep it in") as caught:
        load_token(settings, environ={})
    assert str(settings.state / "token") in str(caught.value)


def test_missing_named_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    """A named file that is not there is no reason to look elsewhere."""
    with pytest.raises(TokenRefused, match="IMPORTER_TOKEN_FILE"):
        load_token(settings, environ={"IMPORTER_TOKEN_FILE": str(tmp_path / "none")})


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_token_file_that_others_can_read_is_refused(
    settings: Settings, keyring: dict[tuple[str, str], str], mode: int
) -> None:
    """The refusal gives the command that mends it."""
    path = write_token(settings.state / "token", "from-file", mode)
    with pytest.raises(TokenRefused, match="chmod 600") as caught:
        load_token(settings, environ={})
    assert str(path) in str(caught.value)
    assert "from-file" not in str(caught.value)


@pytest.mark.parametrize("text", ["Token abc", "abc\ndef", "äbc", " "])
def test_what_cannot_be_a_token_is_refused(settings: Settings, text: str) -> None:
    """What would break the header is refused without being shown."""
    with pytest.raises(TokenRefused, match="one line without spaces") as caught:
        load_token(settings, environ={"PROLIFIC_TOKEN": text})
    assert "bc" not in str(caught.value)
