"""
The calls with which a study is made from nothing: datasets, files, batches, tasks, drafts.

Each POST is sent exactly once, as every write is. No call publishes a study, and none will.

Source: the datasets, batches and studies operations of the API's reference; the object store
behind a presigned address refuses a request that carries another authorization.
"""

from __future__ import annotations

import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3.exceptions

from importer.errors import OutcomeUnknown, ProlificError, Rejected, Unreachable, UsageError
from importer.hands import aside
from importer.secret import is_loopback

_COLLECTION: Final = "/api/v1/data-collection"
_STUDIES: Final = "/api/v1/studies/"
#: Pages of a list that are read; more are an answer that never ends.
MAX_PAGES: Final = 1_000
_FAILURES: Final = (OSError, urllib3.exceptions.HTTPError)


class Making(ABC):
    """The calls; `importer.prolific.Prolific` has them."""

    _url: str
    _verify: bool | str
    _timeout: tuple[float, float]

    @abstractmethod
    def _read(self, path: str, what: str) -> Any: ...

    @abstractmethod
    def _write(self, method: str, path: str, payload: Mapping[str, Any], what: str) -> str: ...

    # ------------------------------------------------------------ datasets
    def create_dataset(self, body: Mapping[str, Any]) -> str:
        """Create a dataset, and return the answer as it came. Source: POST data-collection/datasets."""
        return self._write("POST", f"{_COLLECTION}/datasets", body, "the datasets of the workspace")

    def get_dataset_status(self, dataset_id: str) -> str:
        """Return UNINITIALISED, PROCESSING, READY or ERROR. Source: GET …/datasets/{id}/status."""
        path = f"{_COLLECTION}/datasets/{_id(dataset_id)}/status"
        return _status(self._read(path, f"the dataset {dataset_id}"))

    def upload(self, dataset_id: str, file: Path) -> None:
        """
        Upload the file of a dataset to the address that Prolific gives for it.

        Raises:
            Unreachable: The file store did not get it, surely; or the file cannot be opened.
            Rejected: The file store refused it.
            OutcomeUnknown: Nobody knows.

        Source: GET …/datasets/{id}/upload-url/{filename}.
        """
        what = f"the address for the file of the dataset {dataset_id}"
        path = f"{_COLLECTION}/datasets/{_id(dataset_id)}/upload-url/{quote(file.name, safe='')}"
        answer = self._read(path, what)
        address = answer.get("upload_url") if isinstance(answer, dict) else None
        if not isinstance(address, str):
            raise ProlificError(f"Prolific's answer for {what} holds none.")
        self._put_file(address, str(answer.get("content_type") or "text/csv"), file)

    def _put_file(self, address: str, content_type: str, file: Path) -> None:
        host = urlsplit(address).hostname or ""
        is_local = is_loopback(host) and is_loopback(urlsplit(self._url).hostname or "")
        if urlsplit(address).scheme != "https" and not is_local:
            raise ProlificError(f"Prolific asks to upload {file.name} to {host} without encryption.")
        # The address is a secret of its own, so no sentence holds more of it than the host.
        try:
            content = _File(file)
        except OSError as error:
            raise Unreachable(f"{file} cannot be read ({error.strerror}).") from None
        outcome: ProlificError
        with content, requests.Session() as session, aside():
            session.auth = _nothing
            session.trust_env = not is_local
            try:
                answer = session.put(
                    address,
                    data=content,
                    headers={"Content-Type": content_type},
                    timeout=self._timeout,
                    verify=self._verify,
                    allow_redirects=False,
                )
            except _FAILURES as failure:
                kind = OutcomeUnknown if content.was_taken else Unreachable
                outcome = kind(f"{file.name} could not be uploaded to {host} ({type(failure).__name__}).")
            else:
                if answer.ok and not answer.is_redirect:
                    return
                is_refused = 400 <= answer.status_code < 500  # noqa: PLR2004 - HTTP's classes
                said = f"{host} did not take {file.name} ({answer.status_code})."
                outcome = Rejected(said, answer.status_code) if is_refused else OutcomeUnknown(said)
        raise outcome

    # ------------------------------------------------------------ batches
    def list_batches(self, workspace_id: str) -> list[dict[str, Any]]:
        """Return every batch of a workspace. Source: GET data-collection/batches?workspace_id=."""
        path = f"{_COLLECTION}/batches?{urlencode({'workspace_id': workspace_id})}"
        return self._list(path, f"the batches of the workspace {workspace_id}")

    def create_batch(self, body: Mapping[str, Any]) -> str:
        """Create a batch, and return the answer as it came. Source: POST data-collection/batches."""
        return self._write("POST", f"{_COLLECTION}/batches", body, "the batches of the workspace")

    def get_batch_status(self, batch_id: str) -> str:
        """Return UNINITIALISED, PROCESSING, READY or ERROR. Source: GET …/batches/{id}/status."""
        path = f"{_COLLECTION}/batches/{_id(batch_id)}/status"
        return _status(self._read(path, f"the batch {batch_id}"))

    def set_up_batch(self, batch_id: str, body: Mapping[str, Any]) -> str:
        """Have the tasks of a batch made; that goes on after the answer. Source: POST …/batches/{id}/setup."""
        path = f"{_COLLECTION}/batches/{_id(batch_id)}/setup"
        return self._write("POST", path, body, f"the tasks of the batch {batch_id}")

    # ------------------------------------------------------------ studies
    def list_studies(self, project: str = "") -> list[dict[str, Any]]:
        """Return the studies of a project, or all that one may see. Source: GET studies, projects/{id}/studies."""
        path = f"/api/v1/projects/{_id(project)}/studies/" if project else _STUDIES
        return self._list(path, f"the studies of the project {project}" if project else "your studies")

    def get_study(self, study_id: str) -> dict[str, Any]:
        """Return a study. Source: GET studies/{id}."""
        answer = self._read(f"{_STUDIES}{_id(study_id)}/", f"the study {study_id}")
        if not isinstance(answer, dict):
            raise ProlificError(f"Prolific's answer for the study {study_id} cannot be read.")
        return answer

    def create_study(self, body: Mapping[str, Any]) -> str:
        """Create a draft of a study, and return the answer as it came. Source: POST studies."""
        return self._write("POST", _STUDIES, body, "your studies")

    # ------------------------------------------------------------ lists
    def _list(self, path: str, what: str) -> list[dict[str, Any]]:
        """
        Return a whole list, page by page where Prolific says that there is more.

        Raises:
            ProlificError: It cannot be read, or not to its end: something could be there unseen.
        """
        found: dict[str, dict[str, Any]] = {}
        for number in range(1, MAX_PAGES + 1):
            mark = "&" if "?" in path else "?"
            answer = self._read(path if number == 1 else f"{path}{mark}page={number}", what)
            results = answer.get("results") if isinstance(answer, dict) else None
            if not isinstance(results, list) or not all(map(_has_id, results)):
                raise ProlificError(f"Prolific's answer for {what} is not a list.")
            known = len(found)
            found |= {one["id"].lower(): one for one in results}
            if not _has_more(answer, len(found)):
                return list(found.values())
            if len(found) == known:  # it knows no pages, and gives the same again
                break
        raise ProlificError(f"Prolific sent {len(found)} of {what}, and says that there are more.")


class _File(io.FileIO):
    """A file that knows whether any of it was taken to be sent, as a request's body does."""

    was_taken = False

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")

    def read(self, size: int | None = -1, /) -> bytes:
        self.was_taken = True
        return super().read(-1 if size is None else size)


def _nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # Otherwise requests would look into ~/.netrc for a password.
    return request


def made_id(raw: str) -> str:
    """
    Return the id in the answer to a POST.

    Raises:
        OutcomeUnknown: The answer cannot be read, so the id is not known.
    """
    try:
        answer = json.loads(raw.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not _has_id(answer):
        raise OutcomeUnknown("Prolific's answer cannot be read.")
    return str(answer["id"]).lower()


def _has_id(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str) and bool(_ID.fullmatch(item["id"]))


_ID: Final = re.compile(r"[0-9A-Za-z-]+")


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise UsageError(f"{text!r} is not an id of Prolific.")
    return text


def _has_more(answer: dict[str, Any], found: int) -> bool:
    """Whether an answer says that the list goes on, by a link or by its count."""
    links, meta = answer.get("_links"), answer.get("meta")
    following = links.get("next") if isinstance(links, dict) else answer.get("next")
    if following.get("href") if isinstance(following, dict) else following:
        return True
    count = meta.get("count") if isinstance(meta, dict) else None
    return isinstance(count, int) and count > found


def _status(answer: object) -> str:
    return str(answer.get("status") or "") if isinstance(answer, dict) else ""
