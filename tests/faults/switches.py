"""
What a push makes of each setting of each switch of the local Prolific.

A row is a setting. It says, for a batch that takes a list and for a batch made of pages, what comes
of a push of new rows and of a push of their edit: step by step, until it has ended well.
`tests/test_switches.py` plays every step; `python -m tests.faults.switches` prints the table for
the documentation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from importer.sandbox.switches import ALLOWED, Switches
from importer.sandbox.world import WORKSPACE_ID
from tests.faults.study import FORMS, Study
from tests.faults.study import Row as Written
from tests.layouts import single
from tests.sandboxes import API, call

MAX_TEXT = 100
MAX_COUNT = 4
#: More readings than a push waits for.
LONG = 40
FEW = 5
STATUSES = (400, 404, 409, 410, 422)
#: Switches of the operations on a list of instructions, which nobody asks for a batch made of pages.
OF_LISTS = {
    "parent", "put_types", "type_change", "response_order", "deprecation", "get_instructions", "put_instructions",
}  # fmt: skip
STAR = "019a0f6e-1c1d-7cc2-8a67-00000000057a"


@dataclass(frozen=True)
class Step:
    """
    What comes of one push, and what a researcher does then.

    Attributes:
        code: The exit code.
        says: What stands somewhere in the sentences, `…` for anything.
        then: The way out, by its name in `WAYS`; "" if all is done.
    """

    code: int = 0
    says: str = ""
    then: str = ""


Steps = tuple[Step, ...]
DONE: Steps = (Step(),)


@dataclass(frozen=True)
class Setting:
    """
    One setting of a switch, and what pushes come to under it.

    Attributes:
        first: Of new rows, by wire form; a form that is left out is not played.
        edit: Of their edit, in the same way.
        eve: What has happened before the push, by its name in `EVES`.
        others: Other switches that are set besides.
    """

    switch: str
    setting: str | int | bool
    first: Mapping[str, Steps] = field(default_factory=dict)
    edit: Mapping[str, Steps] = field(default_factory=dict)
    eve: str = ""
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def turned(self) -> Mapping[str, str | int | bool]:
        """The switch, and the others, that are not at their defaults."""
        every = {**self.others, self.switch: self.setting}
        return {name: setting for name, setting in every.items() if setting != ALLOWED[name][0]}

    def is_default(self, form: str) -> bool:
        """Whether a batch meets nothing but defaults, so that all such settings are one case."""
        return not self.eve and (
            not self.turned or (form == "batch_items" and self.turned.keys() <= OF_LISTS)
        )

    def turn(self, switches: Switches) -> None:
        """Set the switch, and the others."""
        for name, setting in self.turned.items():
            setattr(switches, name, setting)


# ------------------------------------------------------------------ what has happened before
def _set_up(study: Study) -> None:
    """Have tasks made of the batch; what its dataset ends in is a switch."""
    made = call(study.sandbox, "POST", _DATASETS, {"name": "Data", "workspace_id": WORKSPACE_ID}).json()["id"]
    target = call(study.sandbox, "GET", f"{_DATASETS}/{made}/upload-url/data.csv").json()
    requests.put(
        target["upload_url"], b"text\nA\n", headers={"Content-Type": target["content_type"]}, timeout=20
    ).raise_for_status()
    _look(study, f"{_DATASETS}/{made}")
    call(study.sandbox, "POST", f"{API}/{study.batch_id}/setup", {"dataset_id": made})


def _look(study: Study, path: str) -> None:
    """Look at something often enough that its processing has ended."""
    while call(study.sandbox, "GET", path).json()["status"] == "PROCESSING":
        pass


def _have_tasks(study: Study) -> None:
    _set_up(study)
    _look(study, f"{API}/{study.batch_id}")


def _set_up_twice(study: Study) -> None:
    _have_tasks(study)
    _set_up(study)


def _publish(study: Study) -> None:
    _have_tasks(study)
    study.sandbox.publish(study.sandbox.add_study(study.batch_id))


def _meanwhile(strike: Callable[[Study], None]) -> Callable[[Study], None]:
    def wait(study: Study) -> None:
        def now() -> None:
            strike(study)
            study.struck = study.everything()

        study.on_sent.append(now)

    return wait


def _drop(study: Study) -> None:
    """Delete Q3 as somebody else would, in the Prolific app."""
    lost = study.ids_in_sheet()["Q3"]
    pages: Any = study.sandbox.batch(study.batch_id)["batch_items"]
    if pages is None:
        kept = [one for one in study.sandbox.instructions(study.batch_id) if one["id"] != lost]
        study.sandbox.set_instructions(study.batch_id, kept)
    else:
        left = [page for page in pages if page["rows"][0]["columns"][0]["items"][0]["id"] != lost]
        assert call(study.sandbox, "PATCH", f"{API}/{study.batch_id}", {"batch_items": left}).ok
    study.gone += 1


def _rate(study: Study) -> None:
    """Have an instruction of a type that the sheet cannot describe, made by hand."""
    item = {"type": "star_rating", "id": STAR, "description": "Stars?"}
    sandbox, batch = study.sandbox, study.sandbox.batch(study.batch_id)
    pages: Any = batch["batch_items"]
    if pages is None:
        sandbox.set_instructions(study.batch_id, [*sandbox.instructions(study.batch_id), item])
    else:
        sandbox.add_batch("Study", batch_id=study.batch_id, batch_items=[*pages, single(9, item)])
    study.strangers = (STAR,)


def _repeat(study: Study) -> None:
    """Give two options of Q1 one value."""
    _change(study, "Q1", options=(("", "Good", "good"), ("", "Bad", "good")))


def _add_new_types(study: Study) -> None:
    units = (("", "kg", "kg"), ("", "lb", "lb"))
    study.rows += [
        Written("Q6", "free_text_with_unit", "How heavy?", units),
        Written("Q7", "file_upload", "A photo?"),
    ]
    study.save()


def _add_rule(study: Study) -> None:
    _change(study, "Q2", validation_type="number")


def _lay_out(study: Study) -> None:
    study.consent["as_pages"] = True


def _empty_sheet(study: Study) -> None:
    study.emptied, study.rows = study.rows, []
    study.save()


_DATASETS = API.replace("batches", "datasets")
EVES: Mapping[str, Callable[[Study], None]] = {
    "": lambda _: None,
    "tasks exist": _have_tasks,
    "tasks are being made": _set_up,
    "tasks were asked for twice": _set_up_twice,
    "setup meanwhile": _meanwhile(_set_up),
    "published": _publish,
    "Q3 deleted meanwhile": _meanwhile(_drop),
    "a star_rating is there": _rate,
    "two options with one value": _repeat,
    "new types": _add_new_types,
    "a validation": _add_rule,
    "--pages": _lay_out,
    "no rows": _empty_sheet,
}


# ------------------------------------------------------------------ what a researcher does then
def _change(study: Study, ref: str, **values: Any) -> None:
    study.rows = [replace(row, **values) if row.ref == ref else row for row in study.rows]
    study.save()


def _move_to_new_batch(study: Study) -> None:
    study.batch_id = study.sandbox.add_batch("New", batch_items=[])
    study.rows = [replace(row, id=None) for row in study.rows]
    study.consent.clear()
    study.gone, study.strangers = 0, ()
    study.save()


def _drop_last(study: Study) -> None:
    study.rows.pop()
    study.save()


def _retype(study: Study) -> None:
    study.consent["allow_remove"] = study.gone = 2
    _change(study, "Q5", id=None)


def _relink(study: Study) -> None:
    study.consent["relink"] = True
    _change(study, "Q3", id=None)


def _clear_rule(study: Study) -> None:
    study.consent["relink"] = True
    _change(study, "Q2", validation_type=None)


def _fill_in(study: Study) -> None:
    study.rows = study.emptied
    study.save()


def _remove_star(study: Study) -> None:
    """Delete what the sheet cannot describe, in the Prolific app."""
    study.strangers = ()
    pages: Any = study.sandbox.batch(study.batch_id)["batch_items"]
    if pages is None:
        kept = [one for one in study.sandbox.instructions(study.batch_id) if one["id"] != STAR]
        study.sandbox.set_instructions(study.batch_id, kept)
    else:
        study.sandbox.add_batch("Study", batch_id=study.batch_id, batch_items=pages[:-1])


WAYS: Mapping[str, Callable[[Study], object]] = {
    "again": lambda _: None,
    "shorter": lambda study: _change(study, "Q3", description="Tell us."),
    "fewer": _drop_last,
    "another value": lambda study: _change(study, "Q1", options=(("", "Good", "good"), ("", "Bad", "bad"))),
    "--pages": _lay_out,
    "without --pages": lambda study: study.consent.pop("as_pages"),
    "new batch": _move_to_new_batch,
    "clear the id of Q5": _retype,
    "clear the id of Q3": lambda study: _change(study, "Q3", id=None),
    "clear the id of Q3, --relink": _relink,
    "clear the validation, --relink": _clear_rule,
    "fill in the rows": _fill_in,
    "--tasks-exist": lambda study: study.consent.update(tasks_exist=True),
    "wait": lambda study: _look(study, f"{API}/{study.batch_id}"),
    "delete it in the Prolific app": _remove_star,
}


# ------------------------------------------------------------------ the table
def _both(*steps: Step) -> Mapping[str, Steps]:
    return dict.fromkeys(FORMS, steps)


def _each(instructions: Steps, batch_items: Steps) -> Mapping[str, Steps]:
    return {"instructions": instructions, "batch_items": batch_items}


def _understood(switch: str, *settings: str | int | bool) -> Iterator[Setting]:
    """Settings that change nothing of what comes of a push."""
    for setting in settings:
        yield Setting(switch, setting, _both(*DONE), _both(*DONE))


def _edited(switch: str, setting: str | int | bool, eve: str, *steps: Step, **others: Any) -> Setting:
    """A setting that is about batches that have been pushed to already."""
    return Setting(switch, setting, edit=_both(*steps), eve=eve, others=others)


_TOO_LONG = Step(
    6,
    "Prolific refused the request for … (400): …Q3) description: Ensure this field has no more than 100 characters.… "
    "No instruction was changed. Correct it, then push again.",
    "shorter",
)
_TOO_MANY = Step(6, "Ensure this list has no more than 4 entries.", "fewer")
_WAIT = "Wait until it is READY, then push again with --tasks-exist."
_NEW_BATCH = (
    "use a new batch: put its batch_id into the sheet, clear the instruction_id cells, and push again."
)
_ASKED = Step(1, "To change the batch all the same, run again with --tasks-exist.", "--tasks-exist")
_GONE_EMPTY = "no longer take instructions as a list… run again with --pages."
_GONE_FULL = "no longer take instructions as a list… make a new batch, put its batch_id into the sheet"
_UNKNOWN_KIND = "Prolific holds 1 instruction(s) with what this import cannot carry… Edit this batch on Prolific, or remove it there first."
_NO_STAR = "page …, row 1, column 1, item 1 (star_rating, not in the sheet)"
_WAITING = "is PROCESSING: Prolific is making its tasks. Waiting, at most 120 s."
_MAKING = Step(1, "The batch is still PROCESSING… Wait until it is READY", "--tasks-exist")
_EMPTY = Step(1, "The sheet holds no instruction.", "fill in the rows")
_TWICE = Step(1, "is the value of another option of Q1 too", "another value")


def _fixed(switch: str, eve: str, says: str, then: str, *before: Step) -> Iterator[Setting]:
    """Settings of what becomes of an edit of a batch with tasks."""
    yield _edited(switch, 200, eve, *before, Step())
    for status, forms in {400: FORMS, 409: FORMS[:1], 422: FORMS[1:]}.items():
        refused = Step(6, f"Prolific refused … ({status}): …{says}", then)
        yield Setting(switch, status, edit=dict.fromkeys(forms, (*before, refused, Step())), eve=eve)


SETTINGS: tuple[Setting, ...] = (
    *(
        Setting("error_shape", shape, _both(_TOO_LONG, Step()), others={"max_text": MAX_TEXT})
        for shape in ALLOWED["error_shape"]
    ),
    *_understood("parent", "seed", "live"),
    *_understood("put_types", "seed", "live"),
    Setting(
        "put_types",
        "seed",
        _each(
            (
                Step(
                    6,
                    "(Q6) type: 'free_text_with_unit' is not a valid choice.…(Q7) type: …If the reason is the type of Q6, Q7: "
                    "batches made of pages take it.…run again with --pages",
                    "--pages",
                ),
                Step(),
            ),
            DONE,
        ),
        eve="new types",
    ),
    Setting("put_types", "live", _both(*DONE), eve="new types"),
    Setting(
        "put_types",
        "seed",
        _each(
            (
                Step(
                    5,
                    "Prolific took all of it but the validation of 1 instruction(s) (Q2)… Clear their validation cells",
                    "clear the validation, --relink",
                ),
                Step(),
            ),
            DONE,
        ),
        eve="a validation",
    ),
    Setting("put_types", "live", _both(*DONE), eve="a validation"),
    _edited(
        "unknown_id",
        "refuse",
        "Q3 deleted meanwhile",
        Step(6, "Prolific refused … (400)", "again"),
        Step(
            1, "Prolific does not know the ids of 1 instruction(s) in this batch (Q3)", "clear the id of Q3"
        ),
        Step(),
    ),
    _edited(
        "unknown_id",
        "create",
        "Q3 deleted meanwhile",
        Step(5, "Prolific did not keep the ids of 1 instruction(s) (Q3)", "clear the id of Q3, --relink"),
        Step(),
    ),
    *_understood("type_change", "accept"),
    Setting(
        "type_change",
        "refuse",
        _both(*DONE),
        _each(
            (
                Step(
                    6,
                    "(Q5) id: The type of an instruction cannot be changed.… the new type of Q5: clear the instruction_id",
                    "clear the id of Q5",
                ),
                Step(),
            ),
            DONE,
        ),
    ),
    *(_edited("empty_list", one, "no rows", _EMPTY, Step()) for one in ALLOWED["empty_list"]),
    *(
        Setting("duplicate_values", one, _both(_TWICE, Step()), eve="two options with one value")
        for one in ALLOWED["duplicate_values"]
    ),
    *_understood("max_text", 0),
    Setting("max_text", MAX_TEXT, _both(_TOO_LONG, Step()), _both(_TOO_LONG, Step())),
    *_understood("max_count", 0),
    Setting("max_count", MAX_COUNT, _both(_TOO_MANY, Step()), _both(_TOO_MANY, Step())),
    *(
        Setting("star_rating", one, _each(unknown, laid), _each(unknown, laid), eve="a star_rating is there")
        for unknown in [(Step(1, _UNKNOWN_KIND, "delete it in the Prolific app"), Step())]
        for one, laid in {
            "refuse": (Step(6, _NO_STAR, "delete it in the Prolific app"), Step()),
            "accept": DONE,
        }.items()
    ),
    *(
        Setting(
            "layout_on_legacy",
            one,
            {"instructions": DONE},
            {"instructions": (Step(1, "Leave --pages out", "without --pages"), Step())},
            eve="--pages",
        )
        for one in ALLOWED["layout_on_legacy"]
    ),
    *_understood("response_order", *ALLOWED["response_order"]),
    *_fixed("edit_processing", "setup meanwhile", _WAIT, "--tasks-exist"),
    *_fixed("edit_ready", "tasks exist", _NEW_BATCH, "new batch", _ASKED),
    *_fixed("edit_published", "published", _NEW_BATCH, "new batch", _ASKED),
    *_understood("deprecation", False, True),
    *_understood("get_instructions", 200, 404, 410),
    *_understood("put_instructions", 200),
    *(
        Setting(
            "put_instructions",
            status,
            _each((Step(6, f"({status}): …{_GONE_EMPTY}", "--pages"), Step()), DONE),
            _each((Step(6, f"({status}): …{_GONE_FULL}", "new batch"), Step()), DONE),
            others=others,
        )
        for status in (404, 410)
        for others in ({}, {"get_instructions": status})
    ),
    *(_edited("setup_answer", one, "tasks exist", _ASKED, Step()) for one in ALLOWED["setup_answer"]),
    _edited("second_setup", "refuse", "tasks were asked for twice", _ASKED, Step()),
    _edited("second_setup", "accept", "tasks were asked for twice", _MAKING, Step()),
    _edited("setup_ends", "READY", "tasks exist", _ASKED, Step()),
    _edited("setup_ends", "ERROR", "tasks exist", Step(0, "The batch is in the state ERROR")),
    _edited("dataset_ends", "READY", "tasks exist", _ASKED, Step()),
    _edited("dataset_ends", "ERROR", "tasks exist", Step()),
    _edited("processing_reads", 1, "tasks are being made", _MAKING, Step()),
    _edited("processing_reads", FEW, "tasks are being made", _MAKING, Step(0, _WAITING)),
    _edited(
        "processing_reads",
        LONG,
        "tasks are being made",
        _MAKING,
        Step(1, f"{_WAITING}…The batch is still PROCESSING", "wait"),
        Step(),
    ),
)


# ------------------------------------------------------------------ the page
_HEAD = """\
# Switches

Made by `python -m tests.faults.switches > docs/switches.md`; `tests/test_switches.py` plays every step over real HTTP.

Nothing public says how Prolific behaves here, so the [sandbox](sandbox.md) can behave either way, and a push must come to a good \
end under each setting: of new rows, and of an edit that rewords, moves, adds, deletes, and changes a type. A cell lists the exit \
codes, and between them what a researcher does next, which the sentences name. **list** is a batch that takes its instructions by \
PUT, **pages** one that takes `batch_items`; without either word it is the same for both. An empty cell is not played.

Behind every code but 0 the workbook is byte for byte as before, and behind 1 and 6 the batch is, too; no import stays open. At the \
end the workbook holds exactly Prolific's ids, no instruction was created twice, none is gone that nobody agreed to, and one more \
push sends nothing.
"""


def page() -> str:
    """Return the whole page."""
    return f"{_HEAD}\n{_table(_outcomes())}\n{_table(_sentences())}"


def _outcomes() -> Iterator[list[str]]:
    yield ["switch", "setting", "before the push", "new rows", "their edit"]
    lines: dict[tuple[str, ...], list[str]] = {}
    for one in SETTINGS:
        others = (f"`{name}` is `{setting}`" for name, setting in one.others.items())
        eve = "; ".join(filter(None, [one.eve, *others]))
        line = f"`{one.switch}`", eve, _summary(one.first), _summary(one.edit)
        lines.setdefault(line, []).append(f"`{one.setting}`")
    for (switch, eve, first, edit), settings in lines.items():
        yield [switch, ", ".join(settings), eve, first, edit]


def _summary(column: Mapping[str, Steps]) -> str:
    brief = {form: _brief(steps) for form, steps in column.items()}
    if len(brief) == len(FORMS) and len(set(brief.values())) == 1:
        return brief[FORMS[0]]
    names = dict(zip(FORMS, ("list", "pages"), strict=True))
    return "<br>".join(f"{names[form]}: {text}" for form, text in brief.items())


def _brief(steps: Steps) -> str:
    return " ".join(f"{step.code}" + (f", *{step.then}*," if step.then else "") for step in steps)


def _sentences() -> Iterator[list[str]]:
    yield ["switch", "part of what is said"]
    said: dict[str, dict[str, None]] = {}
    for one in SETTINGS:
        for steps in (*one.first.values(), *one.edit.values()):
            for step in steps:
                words = step.says.replace(str(one.setting), "…") if one.setting in STATUSES else step.says
                said.setdefault(one.switch, {}).update({words: None} if words else {})
    for switch, sentences in said.items():
        if sentences:
            yield [f"`{switch}`", "<br>".join(sentences)]


def _table(rows: Iterator[list[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "| --- " * (lines[0].count(" | ") + 1) + "|", *lines[1:]]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
