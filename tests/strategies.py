"""Instructions and batches for property tests."""

from __future__ import annotations

import unicodedata
from uuid import UUID

from hypothesis import strategies as st

from importer.model import (
    Batch,
    BatchDetails,
    FreeText,
    HeadedOption,
    Instruction,
    MultipleChoice,
    MultipleChoiceWithFreeText,
    Option,
)

#: Few letters, so that equal and nearly equal texts are common; the odd ones are what Excel carries.
texts = st.text(alphabet="abé\u0065\u0301 \u00a0\n1T", min_size=1, max_size=6)
values = st.lists(
    st.one_of(texts, st.sampled_from(["1", "1.0", "01", "TRUE", "true", "NA", "null", "-0"])),
    min_size=1,
    max_size=4,
    unique_by=lambda text: unicodedata.normalize("NFC", text),
)
ids = st.uuids().map(str)


@st.composite
def instructions(
    draw: st.DrawFn,
    ref: str,
    identity: str | None = None,
    *,
    texts: st.SearchStrategy[str] = texts,
    headings: st.SearchStrategy[str] = texts,
    values: st.SearchStrategy[list[str]] = values,
) -> Instruction:
    """Draw one instruction of any type; *values* are those of all its options."""
    common = {
        "ref": ref,
        "id": identity,
        "description": draw(texts),
        "helper_text": draw(st.none() | texts),
        "placeholder_text_input": draw(st.none() | texts),
    }
    model = draw(st.sampled_from([FreeText, MultipleChoice, MultipleChoiceWithFreeText]))
    if model is FreeText:
        return FreeText.model_validate(common)
    own = [(draw(texts), value) for value in draw(values)]
    options = (
        [Option(label=label, value=value) for label, value in own]
        if model is MultipleChoice
        else [HeadedOption(label=label, value=value, heading=draw(headings)) for label, value in own]
    )
    limit = draw(st.sampled_from([-1, *range(1, len(options) + 1)]))
    flag = draw(st.none() | st.booleans())
    return model.model_validate(
        {**common, "answer_limit": limit, "disable_dropdown": flag, "options": options}
    )


@st.composite
def sheets(draw: st.DrawFn, max_size: int = 6) -> tuple[Instruction, ...]:
    """Draw the instructions of one batch; some have an id."""
    count = draw(st.integers(1, max_size))
    known = draw(st.lists(st.none() | ids, min_size=count, max_size=count, unique_by=lambda i: i or object()))
    return tuple(draw(instructions(f"Q{n}", identity)) for n, identity in enumerate(known, 1))


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
            instructions=draw(sheets(max_size=4) | st.just(())),
        )
        for n in range(1, count + 1)
    )
