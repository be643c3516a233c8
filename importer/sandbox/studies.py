"""
Studies: drafts made from a batch, and what may still be changed when they are published.

No request publishes one: on the real Prolific that spends money, so it is a person's decision. A
test publishes with `Sandbox.publish`.

Source: the studies operations of the public API document; lists hold the short form of a study.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NoReturn

from importer.sandbox.checks import as_object
from importer.sandbox.layout import Object
from importer.sandbox.refusals import Complaints, Refused
from importer.sandbox.rules import REQUIRED, is_integer, is_text
from importer.sandbox.world import PROJECT_ID, USER_ID, Shelf, World

if TYPE_CHECKING:
    from importer.model import JSON
    from importer.sandbox.batch import HeldBatch

BATCH: Final = "AI_TASK_BUILDER_BATCH"
DRAFT: Final = "UNPUBLISHED"
_REQUIRED: Final = ("name", "description", "prolific_id_option", "estimated_completion_time", "reward")
#: What may be changed once participants see a study; of these, what may only rise.
_ALWAYS: Final = ("internal_name", "total_available_places", "data_collection_metadata", "submissions_config")
_SHORT: Final = ("name", "internal_name", "reward", "project", "total_available_places")


def _whole(least: int) -> tuple[Callable[[object], bool], str]:
    def is_whole(value: object) -> bool:
        return isinstance(value, int | float) and is_integer(value) and value >= least

    return is_whole, f"A valid integer of at least {least} is required."


def _one_of(*choices: str) -> tuple[Callable[[object], bool], str]:
    return lambda value: isinstance(value, str) and value in choices, f"Must be one of: {', '.join(choices)}."


def _some_of(*choices: str) -> tuple[Callable[[object], bool], str]:
    def is_some(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(one, str) and one in choices for one in value)

    return is_some, f"Must be a list of: {', '.join(choices)}."


def _has_annotators(value: object) -> bool:
    return isinstance(value, dict) and _whole(1)[0](value.get("annotators_per_task", 1))


def _has_limits(value: object) -> bool:
    return isinstance(value, dict) and is_integer(value.get("max_submissions_per_participant", 1))


_TEXT: Final = (is_text, "Not a valid string.")
_KINDS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "name": _TEXT,
    "internal_name": _TEXT,
    "description": _TEXT,
    "external_study_url": _TEXT,
    "project": _TEXT,
    "prolific_id_option": _one_of("question", "url_parameters", "not_required"),
    "reward": _whole(0),
    "estimated_completion_time": _whole(1),
    "maximum_allowed_time": _whole(1),
    "total_available_places": _whole(1),
    "device_compatibility": _some_of("desktop", "tablet", "mobile"),
    "peripheral_requirements": _some_of("audio", "camera", "download", "microphone"),
    "data_collection_method": _one_of(BATCH),
    "data_collection_id": _TEXT,
    "data_collection_metadata": (_has_annotators, "annotators_per_task must be an integer of at least 1."),
    "submissions_config": (_has_limits, "max_submissions_per_participant must be an integer."),
    "filters": (lambda value: isinstance(value, list), "Expected a list of items."),
    "completion_codes": (lambda value: isinstance(value, list), "Expected a list of items."),
}
_DEFAULTS: Final[Object] = {
    "internal_name": "",
    "device_compatibility": ["desktop", "tablet", "mobile"],
    "peripheral_requirements": [],
    "filters": [],
    "project": PROJECT_ID,
    "submissions_config": {"max_submissions_per_participant": 1},
}


@dataclass(slots=True)
class HeldStudy:
    """
    A study.

    Attributes:
        fields: What was sent, with the defaults.
        status: UNPUBLISHED for a draft; ACTIVE and others for what participants see.
        published_at: When it was published; None for a draft.
    """

    id: str
    date_created: str
    fields: Object
    status: str = DRAFT
    published_at: str | None = None

    @property
    def batch_id(self) -> str:
        """The batch that it shows; "" if it shows something else."""
        return str(self.fields.get("data_collection_id", "")).lower()

    def to_json(self) -> Object:
        """Return the answer to POST, GET and PATCH."""
        return {
            "id": self.id,
            "status": self.status,
            "date_created": self.date_created,
            "published_at": self.published_at,
            "publish_at": None,
            "researcher": {"id": USER_ID},
            "number_of_submissions": 0,
            "places_taken": 0,
            "study_type": "SINGLE",
            **self.fields,
        }

    def short_json(self) -> Object:
        """Return the study as lists show it: neither its description nor its batch."""
        shape = self.to_json()
        return {name: shape[name] for name in shape if name not in self.fields or name in _SHORT}


class Studies:
    """
    The studies of a sandbox, and the operations on them.

    Args:
        world: What everything shares.
        batch: Gives the batch with an id; None if there is none.
    """

    def __init__(self, world: World, batch: Callable[[str], HeldBatch | None]) -> None:
        self._world = world
        self._batch = batch
        self.shelf = Shelf(HeldStudy, "Study", world.folder and world.folder / "studies")

    def create(self, body: JSON) -> HeldStudy:
        """Create a draft from a request."""
        sent = _checked(body, _REQUIRED)
        with self._world.lock:
            return self.add(self._complete(_DEFAULTS | sent))

    def add(self, fields: Object) -> HeldStudy:
        """Hold one more draft, unchecked; the other fields have their defaults."""
        with self._world.lock:
            made = HeldStudy(self._world.study_id(), self._world.now(), _DEFAULTS | fields)
            self.shelf.put(made)
        return made

    def update(self, study_id: str, body: JSON) -> HeldStudy:
        """Change what a request names; of a published study, only what may still be changed."""
        with self._world.lock:
            held = self.shelf.get(study_id)
            sent = _checked(body, ())
            if held.status != DRAFT:
                _refuse_if_fixed(held.fields, sent)
            before = dict(held.fields)
            if "data_collection_metadata" in sent:
                before.pop("total_available_places", None)  # counted again
            held.fields = self._complete(before | sent)
            self.shelf.put(held)
        return held

    def publish(self, study_id: str) -> None:
        """Let participants see a study, as a person does in Prolific's app."""
        with self._world.lock:
            held = self.shelf.get(study_id)
            held.status, held.published_at = "ACTIVE", self._world.now()
            self.shelf.put(held)

    def transition(self, study_id: str) -> NoReturn:
        """Refuse every transition: publishing is a person's decision."""
        self.shelf.get(study_id)
        raise Refused(HTTPStatus.BAD_REQUEST, "Nothing is published here: a person does that, in Prolific.")

    def shows(self, batch_id: str) -> bool:
        """Whether participants see a batch."""
        return any(one.batch_id == batch_id and one.status != DRAFT for one in self.shelf.all())

    def _complete(self, fields: Object) -> Object:
        """Return the fields of a study with its places; 400 for a batch that is not ready."""
        if "data_collection_id" not in fields:
            wanted = ("external_study_url", "total_available_places")
            missing: Complaints = {name: [REQUIRED] for name in wanted if name not in fields}
            if missing:
                raise Refused(400, missing)
            return fields
        if "external_study_url" in fields:
            raise Refused(400, {"external_study_url": ["Not together with data_collection_method."]})
        if "data_collection_method" not in fields:
            raise Refused(400, {"data_collection_method": [REQUIRED]})
        batch = self._batch(str(fields["data_collection_id"]))
        if batch is None or batch.status != "READY":
            raise Refused(400, {"data_collection_id": ["This is no batch that is READY."]})
        places = batch.task_groups * _annotators(fields)
        counted: Object = {"total_available_places": max(places, 1)}
        return counted | fields


def _annotators(fields: Object) -> int:
    metadata = fields.get("data_collection_metadata")
    wanted = metadata.get("annotators_per_task", 1) if isinstance(metadata, dict) else 1
    return int(wanted) if isinstance(wanted, int | float) else 1


def _checked(body: JSON, required: Collection[str]) -> Object:
    sent = as_object(body)
    complaints: Complaints = {name: [REQUIRED] for name in required if name not in sent}
    for name, (is_right, said) in _KINDS.items():
        if name in sent and not is_right(sent[name]):
            complaints[name] = [said]
    if complaints:
        raise Refused(400, complaints)
    return {name: sent[name] for name in _KINDS if name in sent}


def _refuse_if_fixed(before: Object, sent: Object) -> None:
    fixed: Complaints = {
        name: ["Cannot be changed once the study has been published."]
        for name in sent
        if name not in _ALWAYS and sent[name] != before.get(name)
    }
    if _annotators(before | sent) < _annotators(before) or _places(before | sent) < _places(before):
        fixed["total_available_places"] = ["Can only rise once the study has been published."]
    if fixed:
        raise Refused(400, fixed)


def _places(fields: Object) -> float:
    places = fields.get("total_available_places", 0)
    return places if isinstance(places, int | float) else 0
