"""
Which instruction of Prolific is which row; refuses to guess.

Owns the pairing by content: ids for what was just sent, and proposals for rows that lost their id.
Prolific's documents do not promise that an answer keeps the order of the request, so an id is
taken by its content, never by its place. Two new rows with one content are interchangeable: they
pair in order of appearance, and that is said. Anything else that does not come out even is refused,
and nothing is written.

Source: DESIGN §7; the rules were measured over lost and reordered answers.
"""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from importer.wire.instructions import Content, Held, Sent, plain

NAMED_AT_MOST: Final = 5


class MatchRefused(ValueError):
    """The answer does not fit what was sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """
    Whose id is whose.

    Attributes:
        ids: Prolific's id by ref, for every instruction that was sent.
        notes: What the researcher should know: rows that only their order told apart.
    """

    ids: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relink:
    """
    A row without id that looks like an instruction that the push would otherwise delete.

    Attributes:
        ref: The row's ref.
        id: Prolific's id of the instruction.
        is_exact: Whether everything is equal; otherwise type and description are.
        is_tied: Whether other rows are equal to it, so that only their order tells whose id it is.
        is_block: Whether it is a content block.
    """

    ref: str
    id: str
    is_exact: bool
    is_tied: bool = False
    is_block: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether there is nothing to decide."""
        return self.is_exact and not self.is_tied


@dataclass(frozen=True, slots=True)
class Pairing:
    """
    Rows and held instructions, paired as far as a key tells.

    Attributes:
        pairs: One row and one held instruction each.
        ties: Refs that share one key, so that only their order told them apart.
        rows: Rows left over.
        held: Held instructions left over.
    """

    pairs: tuple[tuple[Sent, Held], ...]
    ties: tuple[tuple[str, ...], ...]
    rows: tuple[Sent, ...]
    held: tuple[Held, ...]


def pair_by(
    key: Callable[[Content], Hashable],
    rows: Sequence[Sent],
    held: Sequence[Held],
    *,
    with_ties: bool = True,
) -> Pairing:
    """
    Pair rows with held instructions of the same key, where both sides have equally many.

    Args:
        key: What must be the same.
        rows: Instructions of the sheet, in order.
        held: Instructions of Prolific, in order.
        with_ties: Whether several of one key pair in order; otherwise only single ones pair.
    """
    # A number for each key: hashing a content again and again is half of the work.
    numbers: dict[Hashable, int] = {}
    row_keys = [numbers.setdefault(key(row.content), len(numbers)) for row in rows]
    held_keys = [numbers.setdefault(key(one.content), len(numbers)) for one in held]
    groups: dict[int, list[Held]] = defaultdict(list)
    for held_key, one in zip(held_keys, held, strict=True):
        groups[held_key].append(one)
    counts = Counter(row_keys)
    even = {k: n for k, n in counts.items() if len(groups.get(k, ())) == n and (with_ties or n == 1)}
    waiting = {k: iter(groups[k]) for k in even}
    ties: dict[int, list[str]] = {k: [] for k, n in even.items() if n > 1}
    pairs = []
    for row_key, row in zip(row_keys, rows, strict=True):
        if row_key in even:
            pairs.append((row, next(waiting[row_key])))
        if row_key in ties:
            ties[row_key].append(row.ref)
    return Pairing(
        pairs=tuple(pairs),
        ties=tuple(map(tuple, ties.values())),
        rows=tuple(row for k, row in zip(row_keys, rows, strict=True) if k not in even),
        held=tuple(one for k, one in zip(held_keys, held, strict=True) if k not in even),
    )


def find_relinks(rows: Sequence[Sent], held: Sequence[Held]) -> tuple[tuple[Relink, ...], tuple[str, ...]]:
    """
    Find rows without id that look like instructions that no row claims.

    Equal contents pair first, in order of appearance if several are equal. What is left pairs by
    type and description, if one row and one instruction share them: a lost id column and an edited
    option come together, and to the data they are one instruction.

    Returns:
        The re-links in sheet order, and notes about ties.
    """
    claimed = {row.id for row in rows}
    lost = [one for one in held if one.id not in claimed]
    exact = pair_by(_whole, [row for row in rows if row.id is None], lost)
    near = pair_by(_type_and_description, exact.rows, exact.held, with_ties=False)
    tied = {ref for refs in exact.ties for ref in refs}
    found = {
        row.ref: Relink(row.ref, one.id, is_exact=True, is_tied=row.ref in tied) for row, one in exact.pairs
    }
    found |= {row.ref: Relink(row.ref, one.id, is_exact=False) for row, one in near.pairs}
    notes = tuple(
        f"{', '.join(refs)} are equal, so ids go to them in order of appearance." for refs in exact.ties
    )
    return tuple(found[row.ref] for row in rows if row.ref in found), notes


def find_block_relinks(
    rows: Sequence[Sent], held: Sequence[Held]
) -> tuple[tuple[Relink, ...], tuple[str, ...]]:
    """
    Find content rows without id that show what a block on Prolific shows that no row claims.

    Only equal contents pair, in order of appearance, and however many there are: no answer hangs on
    a block, so the worst that an id in the wrong row does is that two equal blocks change places.

    Returns:
        The re-links in sheet order, and notes about ties.
    """
    free: dict[Content, list[str]] = defaultdict(list)
    for one in held:
        free[one.content].append(one.id)
    equal: dict[Content, list[str]] = defaultdict(list)
    for row in rows:
        if row.content in free:
            equal[row.content].append(row.ref)
    found = {
        ref: Relink(ref, one, is_exact=True, is_tied=max(len(refs), len(free[content])) > 1, is_block=True)
        for content, refs in equal.items()
        for ref, one in zip(refs, free[content], strict=False)
    }
    notes = tuple(
        f"{', '.join(refs)} are equal, so ids go to them in order of appearance."
        for refs in equal.values()
        if len(refs) > 1
    )
    return tuple(found[row.ref] for row in rows if row.ref in found), notes


def assign_ids(sent: Sequence[Sent], returned: Sequence[Held], *, before: Collection[str]) -> Assignment:
    """
    Find the id of every instruction that was sent.

    Args:
        sent: What the PUT asked for, in order; None as id means: new.
        returned: What Prolific answered, or holds now, in any order.
        before: Ids that the batch held before the push; none of them can belong to a new row.

    Returns:
        One id for every ref, the ids that were sent included.

    Raises:
        MatchRefused: An id that was sent is missing, twice, or stands for another content; there
            are more or fewer instructions than were sent; a new row has no instruction like it.
    """
    _check_ids(sent, returned)
    by_id = {held.id: held for held in returned}
    kept = [row for row in sent if row.id is not None]
    _check_kept(kept, by_id)
    kept_ids = {row.id for row in kept}
    strangers = [held for held in returned if held.id not in kept_ids]
    _check_new(strangers, before)
    pairs, notes = _pair_new([row for row in sent if row.id is None], strangers)
    new_ids = {row.ref: held.id for row, held in pairs}
    return Assignment({row.ref: row.id or new_ids[row.ref] for row in sent}, notes)


def ids_replaced(sent: Sequence[Sent], held: Sequence[Held]) -> tuple[str, ...]:
    """
    Return the refs whose ids Prolific has replaced: everything sent is there, but under other ids.

    Args:
        sent: What the PUT asked for, in order.
        held: What Prolific holds now.

    Returns:
        The refs in order; empty if anything else differs too.
    """
    found = {one.id for one in held}
    asked = {row.id for row in sent}
    pairing = pair_by(
        loosened,
        [row for row in sent if row.id not in found],
        [one for one in held if one.id not in asked],
    )
    if pairing.rows or pairing.held:
        return ()
    return tuple(row.ref for row in sent if row.id is not None and row.id not in found)


def rules_dropped(sent: Sequence[Sent], held: Sequence[Held]) -> tuple[str, ...]:
    """
    Return the refs whose rule for what participants write Prolific has not kept.

    Args:
        sent: What was asked for, in order.
        held: What Prolific holds now.

    Returns:
        The refs in order; empty if anything else differs too.
    """
    pairing = pair_by(_without_rules, sent, held)
    if pairing.rows or pairing.held:
        return ()
    return tuple(row.ref for row, one in pairing.pairs if loosened(row.content) != loosened(one.content))


def in_order_of_creation(held: Sequence[Held]) -> list[Held]:
    """
    Return instructions in the order in which Prolific made them, if their ids tell: those of version 7 begin with the time.

    Nothing promises the order of an answer; this is the order in which equal rows get their ids.
    """
    return sorted(held, key=lambda one: one.id) if all(one.id[14:15] == "7" for one in held) else [*held]


def equals_before(before: Sequence[Held], now: Sequence[Held]) -> bool:
    """
    Whether Prolific still holds what it held: the same ids with the same contents.

    Order is no part of it: nothing promises that two readings list instructions in one order, and
    a push that only moves creates nothing, so sending it again is harmless.
    """
    return len(before) == len(now) and {held.id: held for held in before} == {held.id: held for held in now}


def named(names: Iterable[str]) -> str:
    """
    Name a few, count the rest.

    >>> named(["Q1", "Q2"]), named(f"Q{n}" for n in range(1, 9))
    ('Q1, Q2', 'Q1, Q2, Q3, Q4, Q5 and 3 more')
    """
    every = list(names)
    rest = len(every) - NAMED_AT_MOST
    return ", ".join(every[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")


def _check_ids(sent: Sequence[Sent], returned: Sequence[Held]) -> None:
    twice = [identity for identity, count in Counter(held.id for held in returned).items() if count > 1]
    if twice:
        raise MatchRefused(f"Prolific's answer names an id more than once ({named(twice)}).")
    found = {held.id for held in returned}
    missing = [row.ref for row in sent if row.id is not None and row.id not in found]
    if missing:
        raise MatchRefused(
            f"Prolific's answer lacks the ids of {len(missing)} instruction(s) that were sent ({named(missing)})."
        )
    if len(sent) != len(returned):
        raise MatchRefused(
            f"{len(sent)} instruction(s) were sent, but Prolific's answer holds {len(returned)}."
        )


def _check_kept(kept: Sequence[Sent], by_id: Mapping[str, Held]) -> None:
    for row in kept:
        wanted, found = row.content, by_id[row.id or ""].content
        if wanted == found:
            continue
        wanted, found = loosened(wanted), loosened(found)
        differing = [name for name in Content._fields if getattr(wanted, name) != getattr(found, name)]
        if not differing:
            continue
        raise MatchRefused(
            f"Prolific holds something else for {row.ref} than was sent ({', '.join(differing)})."
        )


def _check_new(strangers: Sequence[Held], before: Collection[str]) -> None:
    known = set(before)
    old = [held.id for held in strangers if held.id in known]
    if old:
        raise MatchRefused(
            f"Prolific's answer still holds instruction(s) of before that were not sent ({named(old)})."
        )


def _pair_new(
    rows: Sequence[Sent], strangers: Sequence[Held]
) -> tuple[tuple[tuple[Sent, Held], ...], tuple[str, ...]]:
    exact = pair_by(_whole, rows, strangers)
    loose = pair_by(loosened, exact.rows, exact.held)
    if loose.rows:
        raise MatchRefused(
            f"Prolific's answer holds no instruction that is surely {named(row.ref for row in loose.rows)}."
        )
    notes = tuple(
        f"{', '.join(refs)} are the same to Prolific, so their ids were given in order of appearance."
        for refs in (*exact.ties, *loose.ties)
    )
    return exact.pairs + loose.pairs, notes


def _whole(content: Content) -> Content:
    return content


def _type_and_description(content: Content) -> tuple[str, str]:
    return content.type, content.description


def _without_rules(content: Content) -> Content:
    options = (
        option._replace(validation_type="", validation_min="", validation_max="")
        for option in content.options
    )
    bare = content._replace(validation_type="", validation_min="", validation_max="", options=tuple(options))
    return loosened(bare)


def loosened(content: Content) -> Content:
    """
    Return a content without what a server may tidy up.

    Runs of spaces, `&amp;` for `&`, and how a scalar is written.
    """
    return content._replace(
        description=_tidy(content.description),
        helper_text=_tidy(content.helper_text),
        placeholder_text_input=_tidy(content.placeholder_text_input),
        default_unit=plain(_tidy(content.default_unit)),
        content=_tidy(content.content),
        alt_text=_tidy(content.alt_text),
        caption=_tidy(content.caption),
        options=tuple(
            option._replace(
                label=_tidy(option.label),
                value=plain(_tidy(option.value)),
                heading=_tidy(option.heading),
            )
            for option in content.options
        ),
    )


def _tidy(text: str) -> str:
    return " ".join(html.unescape(text).split())
