"""Instructions and batches for property tests."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from importer.contract import MIN_UNITS, InstructionType
from importer.model import Batch, BatchDetails, Instruction, Item

#: Few letters, so that equal and nearly equal texts are common; the odd ones are what Excel carries.
texts = st.text(alphabet="abé\u0065\u0301 \u00a0\n1T", min_size=1, max_size=6)
values = st.lists(
    st.one_of(texts, st.sampled_from(["1", "1.0", "01", "TRUE", "true", "NA", "null", "-0"])),
    min_size=1,
    max_size=4,
    unique_by=lambda text: unicodedata.normalize("NFC", text),
)
ids = st.uuids().map(str)


numbers = (
    st.integers(-(10**14), 10**14)
    | st.integers(-999_999, 999_999).map(lambda n: n / 1000)
    | st.sampled_from([-1e99, 1e15, 123456789012e9])
)
counts = st.integers(1, 9)
_RULES = (
    st.tuples(st.just("number"), st.lists(numbers, min_size=2, max_size=2)),
    st.tuples(st.just("string"), st.lists(st.integers(0, 99), min_size=2, max_size=2)),
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, object]:
    """Draw the validation of a free_text or of a unit, often without one."""
    kind, bounds = draw(st.one_of(st.just((None, [])), *_RULES))
    given = [draw(st.none() | st.just(bound)) for bound in sorted(bounds)]
    return {"validation_type": kind} | dict(zip(("validation_min", "validation_max"), given, strict=False))


@st.composite
def choices(
    draw: st.DrawFn,
    own: Sequence[tuple[str, str]],
    headings: st.SearchStrategy[str] | None,
    *,
    is_put: bool,
) -> dict[str, object]:
    """Draw what a choice needs beyond labels and values; some options are exclusive."""
    options: list[dict[str, object]] = [{"label": label, "value": value} for label, value in own]
    limit = draw(st.sampled_from([-1, *range(1, len(options) + 1)]))
    for option in options:
        if headings is not None:
            option["heading"] = draw(headings)
        option["exclusive"] = draw(st.none() | st.just(value=False))
    if limit != 1 and len(options) > 1 and not is_put:
        draw(st.sampled_from(options))["exclusive"] = draw(st.none() | st.booleans())
    return {"answer_limit": limit, "disable_dropdown": draw(st.none() | st.booleans()), "options": options}


@st.composite
def instructions(
    draw: st.DrawFn,
    ref: str,
    identity: str | None = None,
    *,
    texts: st.SearchStrategy[str] = texts,
    headings: st.SearchStrategy[str] = texts,
    values: st.SearchStrategy[list[str]] = values,
    is_put: bool = False,
) -> Instruction:
    """Draw one instruction of any type; *values* are those of all its options, *is_put* leaves out what a PUT does."""
    fields: dict[str, object] = {
        "ref": ref,
        "id": identity,
        "description": draw(texts),
        "helper_text": draw(st.none() | texts),
        "placeholder_text_input": draw(st.none() | texts),
    }
    kind = draw(st.sampled_from(InstructionType))
    own = [(draw(texts), value) for value in draw(values)] if kind.has_options else []
    if kind is InstructionType.FREE_TEXT_WITH_UNIT and len(own) < MIN_UNITS:
        kind = InstructionType.MULTIPLE_CHOICE
    if kind is InstructionType.FREE_TEXT:
        fields |= draw(rules())
    elif kind is InstructionType.FREE_TEXT_WITH_UNIT:
        units = [{"label": label, "value": value, **draw(rules())} for label, value in own]
        default = draw(st.none() | st.sampled_from([value for _, value in own]))
        fields |= {"options": units, "default_unit": default}
        fields["unit_position"] = draw(st.sampled_from(["prefix", "suffix"]))
    elif kind is InstructionType.FILE_UPLOAD and not is_put:
        low, high = sorted((draw(counts), draw(counts)))
        types = st.lists(st.sampled_from([".pdf", ".jpg", ".PNG", ".tar.gz"]), min_size=1, unique=True)
        fields |= {
            "accepted_file_types": draw(st.none() | types),
            "max_file_size_mb": draw(st.none() | st.sampled_from([0.5, 1, 25, 2000])),
            "min_file_count": draw(st.none() | st.just(low)),
            "max_file_count": draw(st.none() | st.just(high)),
        }
    elif kind.is_choice:
        is_headed = kind is InstructionType.MULTIPLE_CHOICE_WITH_FREE_TEXT
        fields |= draw(choices(own, headings if is_headed else None, is_put=is_put))
    return msgspec.convert({"type": str(kind), **fields}, Instruction)  # type: ignore[call-overload,no-any-return]


@st.composite
def blocks(
    draw: st.DrawFn,
    ref: str,
    identity: str | None = None,
    *,
    texts: st.SearchStrategy[str] = texts,
    words: st.SearchStrategy[str] = texts,
) -> Item:
    """Draw one content block."""
    fields = draw(
        st.one_of(
            st.fixed_dictionaries(
                {
                    "type": st.just("rich_text"),
                    "content": texts,
                    "content_format": st.sampled_from([None, "html", "markdown"]),
                }
            ),
            st.fixed_dictionaries(
                {
                    "type": st.just("image"),
                    "url": st.sampled_from(["https://example.org/a.png", "HTTPS://x/é?b=1"]),
                    "alt_text": texts,
                    "caption": st.none() | texts,
                }
            ),
            st.fixed_dictionaries({"type": st.just("dataset_field"), "field": words}),
        )
    )
    return msgspec.convert({"ref": ref, "id": identity, **fields}, Item)  # type: ignore[call-overload,no-any-return]


@st.composite
def sheets(draw: st.DrawFn, max_size: int = 6, **drawn: Any) -> tuple[Instruction, ...]:
    """Draw the instructions of one batch; some have an id. *drawn* is for `instructions`."""
    count = draw(st.integers(1, max_size))
    known = draw(st.lists(st.none() | ids, min_size=count, max_size=count, unique_by=lambda i: i or object()))
    return tuple(draw(instructions(f"Q{n}", identity, **drawn)) for n, identity in enumerate(known, 1))


@st.composite
def layouts(
    draw: st.DrawFn,
    *,
    texts: st.SearchStrategy[str] = texts,
    words: st.SearchStrategy[str] = texts,
    values: st.SearchStrategy[list[str]] = values,
) -> tuple[Item, ...]:
    """Draw the items of one batch made of pages: instructions and blocks, all placed or none."""
    rows: list[Item] = list(draw(sheets(max_size=3, texts=texts, headings=words, values=values)))
    for number in range(draw(st.integers(0, 3))):
        rows.insert(
            draw(st.integers(0, len(rows))),
            draw(blocks(f"B{number}", draw(st.none() | ids), texts=texts, words=words)),
        )
    if draw(st.booleans()):
        return tuple(rows)
    place = st.fixed_dictionaries(
        {"page": counts, "row": st.none() | counts, "column": st.sampled_from([None, 1, 2])}
    )
    return tuple(row.replace(**draw(place)) for row in rows)


@st.composite
def workbooks(draw: st.DrawFn) -> tuple[Batch, ...]:
    """Draw the batches of one workbook, as the sheet Batches lists them from row 2 on."""
    count = draw(st.integers(1, 3))
    blank = st.none() | texts
    return tuple(
        Batch(
            ref=f"wave{n}" if count > 1 else draw(st.sampled_from(["", "wave1"])),
            batch_id=str(UUID(int=n)),
            row=n + 1,
            details=BatchDetails(
                name=draw(blank),
                task_name=draw(blank),
                task_steps=draw(blank),
                dataset_id=draw(st.none() | ids),
            ),
            items=draw(layouts() | st.just(())),
        )
        for n in range(1, count + 1)
    )
