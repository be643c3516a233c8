"""
What the sandbox refuses, and the documented bodies in which Prolific says so.

Source: `Error` and `ErrorDetail` of the public API document, the flat body of the Task Builder
endpoints, and the INVALID_BATCH_ITEMS body of the batch endpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.model import JSON

#: Complaints about a request, by the path of the field (`instructions.0.answer_limit`).
Complaints = dict[str, list[str]]


class Refused(Exception):
    """
    A request that the sandbox refuses; its state is as before.

    Attributes:
        status: The HTTP status code.
        detail: One sentence, or complaints by field.
        title: What kind of refusal it is.
    """

    #: Of a body that is text.
    media_type = "text/plain"

    def __init__(self, status: int, detail: str | Complaints, title: str | None = None) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase

    @property
    def text(self) -> str:
        """The detail in one line."""
        if isinstance(self.detail, str):
            return self.detail
        return " ".join(f"{field}: {' '.join(said)}" for field, said in self.detail.items())

    def body(self, shape: str) -> JSON:
        """
        Return the body of the answer.

        Args:
            shape: One of `error_shape` of `importer.sandbox.switches.ALLOWED`.

        Returns:
            A JSON object; a plain str if the shape is "text".
        """
        detail: JSON = self.detail if isinstance(self.detail, str) else _as_json(self.detail)
        whole: dict[str, JSON] = {
            "status": self.status,
            # Documented as an integer; the values are not published.
            "error_code": self.status,
            "title": self.title,
            "detail": detail,
        }
        bodies: dict[str, JSON] = {
            "wrapped": {"error": whole},
            "unwrapped": whole,
            "flat": {"message": self.title, "detail": self.text},
            "message": {"message": self.text},
            "detail": {"detail": self.text},
            "text": self.text,
        }
        return bodies[shape]


class LayoutRefused(Refused):
    """
    422: a batch_items layout whose items break a rule.

    Attributes:
        issues: Where (zero-based page, row, column, item), the item's type, and what is wrong.
    """

    def __init__(self, issues: list[dict[str, JSON]]) -> None:
        super().__init__(HTTPStatus.UNPROCESSABLE_ENTITY, "batch_items failed validation.")
        self.issues = issues

    def body(self, shape: str) -> JSON:
        """Return the documented body; it has one shape only, whatever the switch says."""
        del shape
        issues: list[JSON] = list(self.issues)
        return {"type": "INVALID_BATCH_ITEMS", "message": self.text, "issues": issues}


def _as_json(complaints: Mapping[str, list[str]]) -> dict[str, JSON]:
    return {field: list(said) for field, said in complaints.items()}
