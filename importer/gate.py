"""
The gate: refuses a push that cannot be done, or that needs consent it does not have.

What cannot be done whatever is consented to stands in the plan already (`Plan.obstacles`); here is
what somebody can agree to, and how.
"""

from __future__ import annotations

from collections.abc import Sequence

from importer.errors import PlanRefused
from importer.matching import Relink, named
from importer.plan import Plan
from importer.problems import quote


def check_gate(
    plan: Plan,
    *,
    allow_remove: int | None = None,
    fingerprint: str | None = None,
    run_deletes: int | None = None,
    tasks_exist: bool = False,
    is_published: bool = False,
) -> None:
    """
    Refuse a push that cannot be done, or that needs consent it does not have.

    Args:
        plan: The plan that would be pushed.
        allow_remove: How many instructions may be deleted; counts only if it is the exact number.
            Giving it also declines the proposed re-links.
        fingerprint: The plan that somebody has reviewed; None if nobody has.
        run_deletes: What *allow_remove* must name if the run pushes several batches: the deletes
            of all of them; None: those of this plan.
        tasks_exist: Whether a batch may be changed whose tasks have been made.
        is_published: Whether a batch may be changed of which a study is published.

    Raises:
        PlanRefused: All reasons that apply, one sentence or two each.
    """
    reasons = list(plan.obstacles)
    if fingerprint is not None and fingerprint.strip().lower() != plan.fingerprint:
        reasons.append(
            f"The plan is no longer the one that was reviewed: its fingerprint is {plan.fingerprint}, not {fingerprint}. "
            f"Look at it with importer plan, then run again with --plan {plan.fingerprint}."
        )
    if plan.touches_tasks and plan.status == "PROCESSING":
        reasons.append(
            "The batch is still PROCESSING: Prolific is making tasks from its instructions. Wait until it is READY, then "
            "run this again."
        )
    elif plan.changes_tasks_that_exist and not tasks_exist:
        reasons.append(_tasks_reason(plan))
    if plan.published and not is_published:
        reasons.append(_published_reason(plan))
    if blocks := [one for one in plan.relinks if one.is_block]:
        reasons.append(_block_reason(blocks))
    needed = len(plan.deletes) if run_deletes is None else run_deletes
    if plan.deletes and not plan.has_strangers and allow_remove != needed:
        lost = [one for one in plan.relinks if not one.is_block]
        reasons += [_relink_reason(lost)] if lost else []
        reasons.append(_delete_reason(plan, allow_remove, needed))
    if reasons:
        raise PlanRefused("\n".join([*reasons[:-1], f"{reasons[-1]} Nothing was sent."]))


def _published_reason(plan: Plan) -> str:
    return (
        f"Of this batch is published: {named(plan.published)}. Participants may be answering what a push would change, and "
        "no document of Prolific's allows it. Duplicate the batch on Prolific and change the copy; to change this one all "
        "the same, run again with --published."
    )


def _tasks_reason(plan: Plan) -> str:
    return (
        f"The batch is {plan.status}: its tasks exist, and nothing documents whether they take up a change; if a study of it "
        "is published, Prolific refuses the change, or participants do not all see the same. "
        "To change the batch all the same, run again with --tasks-exist."
    )


def _block_reason(relinks: Sequence[Relink]) -> str:
    return (
        f"{len(relinks)} content row(s) without id ({named(one.ref for one in relinks)}) show what Prolific shows already, so "
        "participants would see it twice. To keep what is there, run again with --relink; if it is to be shown once more, "
        "give what is there a row, too."
    )


def _relink_reason(relinks: Sequence[Relink]) -> str:
    near = [one.ref for one in relinks if not one.is_exact]
    return (
        f"{len(relinks)} row(s) without id ({named(one.ref for one in relinks)}) look like instructions that "
        f"Prolific holds{f', though not in everything ({named(near)})' if near else ''}. To keep their ids and the "
        "answers that belong to them, run again with --relink."
    )


def _delete_reason(plan: Plan, allow_remove: int | None, needed: int) -> str:
    count = len(plan.deletes)
    together = "" if needed == count else ", which counts all batches of this run"
    given = "" if allow_remove is None else f", not {allow_remove}"
    return (
        f"This push would delete {count} of {plan.held_count} instructions{given} "
        f"({named(quote(change.description) for change in plan.deletes)}). "
        f"To go on, run again with --allow-remove {needed}{together}."
    )
