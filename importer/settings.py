"""
Settings: where each value comes from, read once; and where the token is found.

A flag wins over the environment, the environment over the project file, that over the default.
The project file is the nearest `importer.toml`, in the folder where the importer runs or above
it. It may come along with somebody else's workbooks, so it can neither hold the token, nor send
the token anywhere but to Prolific or to this computer, nor say whose certificates are trusted, nor
bring a journal with imports of somebody else's, nor shorten HOLD.
"""

from __future__ import annotations

import logging
import math
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from importer.errors import TokenRefused, UsageError
from importer.problems import did_you_mean
from importer.secret import Token, check_url, is_loopback

log = logging.getLogger(__name__)

PROJECT_FILE: Final = "importer.toml"
TABLE: Final = "importer"
DEFAULT_URL: Final = "https://api.prolific.com"
DEFAULT_APP_URL: Final = "https://app.prolific.com"
PROLIFIC_DOMAIN: Final = "prolific.com"
DEFAULT: Final = "default"
#: What the project file may set.
PROJECT_SETTINGS: Final = ("url", "hold_s")

TOKEN_VARIABLE: Final = "PROLIFIC_TOKEN"  # noqa: S105 – a name, not a token
TOKEN_FILE_VARIABLE: Final = "IMPORTER_TOKEN_FILE"  # noqa: S105
#: Service and user name in the computer's keyring.
KEYRING_ENTRY: Final = ("importer", "prolific")

DEFAULT_HOLD_S: Final = 60.0
MAX_HOLD_S: Final = 3600.0
MAX_TOKEN_BYTES: Final = 4096


class Settings(NamedTuple):
    """
    What a run goes by.

    Attributes:
        url: Address of Prolific, without a trailing slash.
        state: Folder of the journal and the backups.
        hold_s: How long a push whose answer was lost may still be under way, in seconds.
        ca_file: Certificates to trust instead of the usual ones.
        origin: Where each of them came from: a flag, a variable, a file, or `default`.
        app_url: Address of the app, where people look at what was made.
    """

    url: str
    state: Path
    hold_s: float
    ca_file: Path | None
    origin: Mapping[str, str]
    app_url: str = DEFAULT_APP_URL


class _Found(NamedTuple):
    """One value, where it was found, and the folder that a relative path in it starts from."""

    value: object
    origin: str
    folder: Path
    is_project: bool = False


class _Setting(NamedTuple):
    variable: str
    read: Callable[[_Found], Any]
    default: Callable[[], object]


def _default_state() -> Path:
    from platformdirs import user_state_path  # noqa: PLC0415 – not needed where IMPORTER_STATE is set

    return user_state_path("importer", appauthor=False)


def read_settings(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """
    Read all settings.

    Args:
        flags: What the command line gives, by setting; None means: not given.
        environ: The environment.
        folder: Where the importer runs; the current folder by default.

    Raises:
        UsageError: A value that makes no sense, or a project file that holds something else.
    """
    folder = (folder or Path.cwd()).resolve()
    project = _read_project(folder)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, setting in _SETTINGS.items():
        found = project.get(name)
        if environ.get(setting.variable):
            found = _Found(environ[setting.variable], setting.variable, folder)
        if flags and flags.get(name) is not None:
            found = _Found(flags[name], f"--{name.replace('_', '-')}", folder)
        if found is None:
            values[name], origin[name] = setting.default(), DEFAULT
        else:
            values[name], origin[name] = setting.read(found), found.origin
    return Settings(**values, origin=origin)


# ---------------------------------------------------------------- the project file


def find_project_file(folder: Path) -> Path | None:
    """Return the nearest `importer.toml`, in *folder* or above it."""
    candidates = (parent / PROJECT_FILE for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def _read_project(folder: Path) -> dict[str, _Found]:
    path = find_project_file(folder)
    if path is None:
        return {}
    import tomllib  # noqa: PLC0415 – most folders have no project file

    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    table = document.get(TABLE, {})
    for name in (*document, *(table if isinstance(table, dict) else ())):
        if "token" in name.casefold():
            raise UsageError(
                f"{path} holds {name}. The token never stands in a project file, which is copied and"
                f" shared: delete it there, and set {TOKEN_VARIABLE}."
            )
    for name in document:
        if name != TABLE or not isinstance(table, dict):
            raise UsageError(f"{path} holds {name}, but settings stand below the line [{TABLE}].")
    for name in table:
        if name in PROJECT_SETTINGS:
            continue
        if name in _SETTINGS:
            raise UsageError(
                f"{path} holds {name}, which a project file may not set, because it may come from somebody"
                f" else: delete it there, and set {_SETTINGS[name].variable}."
            )
        hint = did_you_mean(name, PROJECT_SETTINGS)
        raise UsageError(f"{path} holds {name}.{hint} The settings are {', '.join(PROJECT_SETTINGS)}.")
    return {name: _Found(value, str(path), path.parent, is_project=True) for name, value in table.items()}


# ---------------------------------------------------------------- values


def _url(found: _Found) -> str:
    if not isinstance(found.value, str):
        raise _no_sense(found, "an address in quotes")
    try:
        url = check_url(found.value)
    except UsageError as error:
        raise UsageError(f"{error} ({found.origin})") from None
    host = (urlsplit(url).hostname or "").casefold()
    is_prolific = host == PROLIFIC_DOMAIN or host.endswith(f".{PROLIFIC_DOMAIN}")
    if found.is_project and not (is_prolific or is_loopback(host)):
        raise UsageError(
            f"{found.origin} would send your token to {host}, which is not Prolific. If that is what"
            " you want, set PROLIFIC_URL instead."
        )
    return url


def _path(found: _Found) -> Path:
    if not isinstance(found.value, str | Path) or not str(found.value):
        raise _no_sense(found, "a path in quotes")
    try:
        return found.folder / Path(found.value).expanduser()
    except RuntimeError:  # ~somebody whom this computer does not know
        raise _no_sense(found, "a path") from None


def _hold_s(found: _Found) -> float:
    seconds = _number(found)
    least = DEFAULT_HOLD_S if found.is_project else 0.0
    if seconds is None or not least <= seconds <= MAX_HOLD_S:
        raise _no_sense(found, f"a number of seconds from {least:.0f} to {MAX_HOLD_S:.0f}")
    return seconds


def _number(found: _Found) -> float | None:
    if isinstance(found.value, bool) or not isinstance(found.value, int | float | str):
        return None
    try:
        number = float(found.value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _no_sense(found: _Found, wanted: str) -> UsageError:
    return UsageError(f"{found.origin} is {found.value!r}; it must be {wanted}.")


_SETTINGS: Final[Mapping[str, _Setting]] = {
    "url": _Setting("PROLIFIC_URL", _url, lambda: DEFAULT_URL),
    "state": _Setting("IMPORTER_STATE", _path, _default_state),
    "hold_s": _Setting("IMPORTER_HOLD_S", _hold_s, lambda: DEFAULT_HOLD_S),
    "ca_file": _Setting("IMPORTER_CA_FILE", _path, lambda: None),
    "app_url": _Setting("PROLIFIC_APPLICATION_URL", _url, lambda: DEFAULT_APP_URL),
}


# ---------------------------------------------------------------- token


def load_token(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Token:
    """
    Return the token: from the environment, else the computer's keyring, else the token file.

    Raises:
        TokenRefused: There is none, or what was found cannot be one.
    """
    path = _token_file(settings, environ)
    if text := environ.get(TOKEN_VARIABLE):
        return _token(text, TOKEN_VARIABLE)
    if not environ.get(TOKEN_FILE_VARIABLE) and (text := _from_keyring()):
        return _token(text, "the keyring")
    if (text := _from_file(path)) is not None:
        return _token(text, str(path))
    if environ.get(TOKEN_FILE_VARIABLE):
        raise TokenRefused(f"There is no file {path} ({TOKEN_FILE_VARIABLE}).")
    raise TokenRefused(
        "There is no API token. Make one in the settings of your Prolific account, then set the"
        f" environment variable {TOKEN_VARIABLE}, or keep it in {path}."
    )


def _token_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    named = environ.get(TOKEN_FILE_VARIABLE)
    return Path(named).expanduser() if named else settings.state / "token"


def _from_keyring() -> str | None:
    try:
        import keyring  # noqa: PLC0415 – an extra, and slow to load
    except ImportError:
        return None
    try:
        return keyring.get_password(*KEYRING_ENTRY)
    except keyring.errors.KeyringError as error:
        log.debug("the keyring does not answer: %s", type(error).__name__)
        return None


def _from_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise TokenRefused(
                    f"Others on this computer can read the token in {path}. Run: chmod 600 '{path}'"
                )
            return file.read(MAX_TOKEN_BYTES).decode("utf-8-sig", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TokenRefused(f"The token file {path} cannot be read: {error.strerror}.") from None


def _token(text: str, origin: str) -> Token:
    text = text.strip()
    # Anything else could end the header and begin another.
    if not re.fullmatch(r"[!-~]+", text):
        raise TokenRefused(
            f"What {origin} holds is no API token: a token is one line without spaces and without the word Token."
        )
    return Token(text)
