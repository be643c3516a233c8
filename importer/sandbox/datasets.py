"""
Datasets: made empty, filled by one upload to a presigned address, processed, ready.

Only datasets without a schema (version 3) are served. What is uploaded is counted, not kept.

Source: the datasets operations of the public API document; for the presigned address, what the
object store behind such addresses is known to refuse.
"""

from __future__ import annotations

import csv
import io
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from importer.sandbox.checks import as_object
from importer.sandbox.layout import Object
from importer.sandbox.refusals import Complaints, Refused
from importer.sandbox.rules import REQUIRED, is_text
from importer.sandbox.world import USER_ID, Shelf, World

if TYPE_CHECKING:
    from importer.model import JSON

#: Where the presigned addresses lead.
UPLOADS: Final = "/uploads"
_LIFE_S: Final = 3600
_TYPES: Final = {".csv": "text/csv", ".zip": "application/zip"}
_GROUPS: Final = "META_TASK_GROUP_ID"
_NO_SCHEMA: Final = "You have no permission to use the feature of datasets with a schema."


@dataclass(slots=True)
class HeldDataset:
    """
    A dataset.

    Attributes:
        rows: Rows of the uploaded files.
        groups: Different task groups that the rows name; 0 if they name none.
        uploads: By signature: file name, content type and Unix time of expiry.
        outcome: How PROCESSING will end.
        readings_left: How many more readings still say PROCESSING.
    """

    id: str
    created_at: str
    name: str
    workspace_id: str
    status: str = "UNINITIALISED"
    filename: str | None = None
    rows: int = 0
    groups: int = 0
    uploads: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    outcome: str = ""
    readings_left: int = 0

    def to_json(self) -> Object:
        """Return the answer to POST and GET."""
        return {
            "id": self.id,
            "name": self.name,
            "created_at": self.created_at,
            "created_by": USER_ID,
            "workspace_id": self.workspace_id,
            "total_datapoint_count": self.rows if self.status == "READY" else 0,
            "schema_version": 3,
            "status": self.status,
            "filename": self.filename,
            "has_predetermined_grouping_id": self.groups > 0 if self.status == "READY" else None,
        }

    def in_batch(self) -> Object:
        """Return what a batch says of its dataset."""
        shape = self.to_json()
        return {
            "id": self.id,
            "total_datapoint_count": shape["total_datapoint_count"],
            "filename": self.filename or "",
        }


class StoreRefused(Refused):
    """What the object store refuses, in its own shape: XML."""

    media_type = "application/xml"

    def __init__(self, status: int, code: str, said: str) -> None:
        super().__init__(status, said)
        self.code = code

    def body(self, shape: str) -> str:
        """Return the body; it has one shape only."""
        del shape
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{self.detail}</Message></Error>"
        )


class Datasets:
    """The datasets of a sandbox, and the operations on them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.shelf = Shelf(HeldDataset, "Dataset", world.folder and world.folder / "datasets")

    def create(self, body: JSON) -> HeldDataset:
        """Create an empty dataset from a request."""
        sent = as_object(body)
        complaints: Complaints = {}
        for name in ("name", "workspace_id"):
            if not is_text(sent.get(name)):
                complaints[name] = [REQUIRED if name not in sent else "Not a valid string."]
        if "schema" in sent:
            complaints["schema"] = [_NO_SCHEMA]
        if complaints:
            raise Refused(400, complaints)
        return self.add(str(sent["name"]), str(sent["workspace_id"]))

    def add(self, name: str, workspace_id: str) -> HeldDataset:
        """Hold one more dataset, empty."""
        with self._world.lock:
            made = HeldDataset(self._world.ids.new(), self._world.now(), name, workspace_id)
            self.shelf.put(made)
        return made

    def read(self, dataset_id: str) -> HeldDataset:
        """Return a dataset and count the reading: processing goes on until it has been looked at enough."""
        with self._world.lock:
            held = self.shelf.get(dataset_id)
            if self._world.observe(held):
                self.shelf.put(held)
        return held

    def upload_url(self, dataset_id: str, filename: str, base: str) -> Object:
        """
        Return a presigned address for one file.

        Args:
            dataset_id: Where it belongs.
            filename: Its name, with the ending that says what it is.
            base: The sandbox's own address.
        """
        content_type = _TYPES.get(PurePosixPath(filename).suffix.lower())
        if content_type is None:
            raise Refused(400, f"{filename} cannot be uploaded. Use one of: {', '.join(_TYPES)}.")
        with self._world.lock:
            held = self.shelf.get(dataset_id)
            signature = secrets.token_hex(16)
            held.uploads[signature] = (filename, content_type, self._world.clock() + _LIFE_S)
            self.shelf.put(held)
        return {
            "dataset_id": held.id,
            "upload_url": f"{base}{UPLOADS}/{held.id}/{quote(filename)}?X-Amz-Signature={signature}",
            "http_method": "PUT",
            "content_type": content_type,
            "expires_at": self._world.later(_LIFE_S),
            "file_key": f"{held.id}/{filename}",
        }

    def upload(self, path: tuple[str, str], signature: str, headers: Mapping[str, str], body: bytes) -> None:
        """
        Take a file at its presigned address.

        Args:
            path: Dataset id and file name of the address.
            signature: Of the address.
            headers: By lower-case name.
            body: The whole file.
        """
        if "authorization" in headers:
            said = "Only one auth mechanism allowed"
            raise StoreRefused(HTTPStatus.BAD_REQUEST, "InvalidArgument", said)
        if "content-length" not in headers:
            said = "A header you provided implies functionality that is not implemented"
            raise StoreRefused(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", said)
        dataset_id, filename = path
        with self._world.lock:
            held = self.shelf.find(dataset_id)
            promised = held.uploads.get(signature) if held is not None else None
            if held is None or promised is None or promised[0] != filename:
                raise StoreRefused(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied")
            if self._world.clock() > promised[2]:
                raise StoreRefused(HTTPStatus.FORBIDDEN, "AccessDenied", "Request has expired")
            if headers.get("content-type") != promised[1]:
                said = "The request signature we calculated does not match the signature you provided."
                raise StoreRefused(HTTPStatus.FORBIDDEN, "SignatureDoesNotMatch", said)
            self.fill(held, filename, body)

    def fill(self, held: HeldDataset, filename: str, body: bytes) -> None:
        """Begin to process a file; one that cannot be read, or has no row, ends in ERROR."""
        try:
            rows = [row for text in _texts(filename, body) for row in csv.DictReader(io.StringIO(text))]
        except (UnicodeDecodeError, csv.Error, zipfile.BadZipFile):
            rows = []
        held.filename, held.rows = filename, len(rows)
        held.groups = len({row[_GROUPS] for row in rows if row.get(_GROUPS)})
        self._world.begin(held, self._world.switches.dataset_ends if rows else "ERROR")
        self.shelf.put(held)


def _texts(filename: str, body: bytes) -> Iterator[str]:
    """Yield the text of each CSV file that was uploaded."""
    if filename.lower().endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                if name.lower().endswith(".csv"):
                    yield archive.read(name).decode("utf-8-sig")
    else:
        yield body.decode("utf-8-sig")
