"""
The commands that need no Prolific: template, sandbox, demo, completion.

Owns what is typed for them, as `importer.cli` does for workbooks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from importer.errors import UsageError
from importer.output import print_lines


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("study.xlsx"),
    show_default=True,
    help="Where to write it.",
)
@click.option("--example", is_flag=True, help="Fill it with Prolific's documented example.")
@click.option("--full", is_flag=True, help="With the sheets Datasets and Studies, for importer setup.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def template(out: Path, example: bool, full: bool, force: bool) -> None:
    """
    Write an empty workbook to fill in.

    \b
    Examples:
      importer template
      importer template --example --out first.xlsx
    """
    from importer.workbook.template import write_template

    if out.suffix.lower() != ".xlsx":
        raise UsageError(f"{out} does not end in .xlsx, so Excel would not open it. Choose another --out.")
    if out.exists() and not force:
        raise UsageError(
            f"{out} is there already. Choose another name with --out, or replace it with --force."
        )
    try:
        write_template(out, example=example, full=full)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror}). Choose another place with --out."
        ) from error
    from importer.render import screen

    print_lines([screen.line(f"Wrote {out}. Fill in the sheet Instructions, then run: importer check {out}")])


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on this computer; 0 takes a free one."
)
@click.option(
    "--latency-ms",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How long each answer takes.",
)
@click.option(
    "--batch",
    "batches",
    multiple=True,
    metavar="NAME",
    default=("Sandbox batch",),
    show_default=True,
    help="Make a batch of this name; may be repeated.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND",
    help="Go wrong once, at the next PUT (POST:KIND: at the next POST): such as reset-after, rate-limited, error-before; may be repeated.",
)
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=SETTING",
    help="Behave otherwise where Prolific's documents are silent; may be repeated. A wrong name lists all switches, docs/sandbox.md explains them.",
)
def sandbox(
    port: int,
    latency_ms: int,
    batches: tuple[str, ...],
    faults: tuple[str, ...],
    switches: tuple[str, ...],
) -> None:
    """
    Run a local Prolific to try everything against; Ctrl-C ends it.

    \b
    Examples:
      importer sandbox --port 8080 --batch "Wave 1"
      importer sandbox --fault reset-after --fault rate-limited
      importer sandbox --switch put_instructions=410 --switch setup_ends=ERROR
    """
    from importer.sandbox import WORKSPACE_ID, Sandbox, serve_forever

    local = Sandbox(port=port, latency_s=latency_ms / 1000)
    try:
        for asked in faults:
            method, _, kind = asked.rpartition(":")
            local.fault(kind, method=method or "PUT")
        for asked in switches:
            local.switches.turn(asked)
    except ValueError as unknown:
        raise UsageError(str(unknown)) from None

    def welcome(local: Sandbox) -> None:
        click.echo(f"A local Prolific runs at {local.url}. Ctrl-C ends it. In another terminal:")
        click.echo(f"\n  export PROLIFIC_URL={local.url} PROLIFIC_TOKEN={local.token}\n")
        for name in batches:
            click.echo(f"  batch_id {local.add_batch(name)}  ({name})")
        click.echo(f"  workspace_id {WORKSPACE_ID}  (for what is to be created)")
        sys.stdout.flush()

    try:
        serve_forever(local, welcome)
    except KeyboardInterrupt:
        click.echo(f"\nReceived:\n{local.format_ledger()}")


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the demo's workbook in this folder.",
)
def demo(keep: Path | None) -> None:
    """
    See the whole round once: check, plan, push, edit, push again, on a local Prolific.

    \b
    Example:
      importer demo
    """
    from importer.demo import run_demo

    run_demo(keep)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print the completion script of a shell.

    \b
    Example:
      importer completion bash > ~/.local/share/bash-completion/completions/importer
    """
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    assert completer is not None  # noqa: S101 - the choice above names only shells that click knows
    click.echo(
        completer(
            click.get_current_context().find_root().command, {}, "importer", "_IMPORTER_COMPLETE"
        ).source()
    )
