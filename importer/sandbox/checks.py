"""
The checks of whole requests on batches and instructions, with what the switches decide.

What one instruction must hold is `importer.sandbox.rules`, what a layout must be
`importer.sandbox.layout`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from importer.sandbox.ids import is_uuid
from importer.sandbox.layout import Object
from importer.sandbox.refusals import Complaints, Refused
from importer.sandbox.rules import (
    REQUIRED,
    Complaint,
    Form,
    check_instruction,
    is_text,
    oversizes,
    repeated_values,
)

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.sandbox.switches import Switches

TASK_DETAILS: Final = ("task_name", "task_introduction", "task_steps")


def as_object(body: JSON) -> Object:
    """Return a body that is an object; 400 if it is something else."""
    if not isinstance(body, dict):
        raise Refused(400, "Expected a JSON object.")
    return body


def check_batch(sent: Object, required: Collection[str]) -> Complaints:
    """Return what is wrong with the fields of a batch, but for its layout."""
    complaints: Complaints = {field: [REQUIRED] for field in required if field not in sent}
    for field in ("name", "workspace_id"):
        if field in sent and not is_text(sent[field]):
            complaints[field] = ["Not a valid string."]
    if "dataset_id" in sent and not is_uuid(sent["dataset_id"]):
        complaints["dataset_id"] = ["Must be a valid UUID."]
    if not isinstance(sent.get("auto_sync_enabled", False), bool):
        complaints["auto_sync_enabled"] = ["Must be a valid boolean."]
    details = sent.get("task_details", dict.fromkeys(TASK_DETAILS, ""))
    if not isinstance(details, dict):
        complaints["task_details"] = ["Expected an object."]
        return complaints
    for field in TASK_DETAILS:
        if not is_text(details.get(field)):
            said = REQUIRED if field not in details else "Not a valid string."
            complaints[f"task_details.{field}"] = [said]
    return complaints


def checked_items(body: JSON, form: Form, switches: Switches) -> list[Object]:
    """Return the instructions of a POST or PUT; 400 if one of them breaks a rule."""
    sent = as_object(body)
    items = sent.get("instructions")
    if not isinstance(items, list):
        said = REQUIRED if "instructions" not in sent else "Expected a list of items."
        raise Refused(400, {"instructions": [said]})
    if not items and switches.empty_list == "refuse":
        raise Refused(400, {"instructions": ["This list may not be empty."]})
    refuse_oversizes(items, "instructions", switches)
    complaints: Complaints = {}
    for number, item in enumerate(items):
        found = check_item(item, form, switches) if isinstance(item, dict) else [("", "Expected an object.")]
        for field, said in found:
            complaints.setdefault(f"instructions.{number}.{field}".rstrip("."), []).append(said)
    if complaints:
        raise Refused(400, complaints)
    return [item for item in items if isinstance(item, dict)]


def check_item(item: Object, form: Form, switches: Switches) -> list[Complaint]:
    """Return what is wrong with an instruction, by the documents and as the switches say."""
    if item.get("type") == "star_rating" and switches.star_rating == "refuse":
        return [("type", "'star_rating' is not a valid choice.")]
    complaints = check_instruction(item, form)
    if not complaints and switches.duplicate_values == "refuse":
        complaints = list(repeated_values(item))
    return complaints


def refuse_oversizes(value: JSON, path: str, switches: Switches) -> None:
    """Refuse a request with a text or list that is too long, as the switches say."""
    if switches.max_text or switches.max_count:
        complaints = dict(oversizes(value, path, switches.max_text, switches.max_count))
        if complaints:
            raise Refused(400, {where: [said] for where, said in complaints.items()})


def check_ids(items: list[Object], before: Mapping[str, Object], switches: Switches) -> None:
    """Refuse ids that a PUT may not name: malformed, twice, or of no instruction that is there *before*."""
    complaints: Complaints = {}
    seen: set[str] = set()
    for number, item in enumerate(items):
        if "id" in item:
            said = _id_complaint(item, before, seen, switches)
            if said:
                complaints[f"instructions.{number}.id"] = [said]
    if complaints:
        raise Refused(400, complaints)


def _id_complaint(item: Object, before: Mapping[str, Object], seen: set[str], switches: Switches) -> str:
    if not is_uuid(item["id"]):
        return "Must be a valid UUID."
    sent = str(item["id"]).lower()
    if sent in seen:
        return f"{sent} is given twice."
    seen.add(sent)
    if sent not in before:
        return f"This batch has no instruction {sent}." if switches.unknown_id == "refuse" else ""
    changes_type = before[sent]["type"] != item["type"]
    if changes_type and switches.type_change == "refuse":
        return "The type of an instruction cannot be changed."
    return ""
