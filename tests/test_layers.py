"""The layer table: which module may know which, where third parties live, and what a start loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import importer

PACKAGE = Path(importer.__file__).parent

# From the bottom up; packages stand for their modules. A module imports its own tier and those below it, nothing above.
TIERS = {
    "vocabulary": {
        "__init__",
        "contract",
        "errors",
        "hands",
        "limits",
        "model",
        "problems",
        "secret",
        "texts",
        "workbook.cells",
    },
    "edges": {"journal", "prolific", "sandbox", "settings", "sources", "workbook"},
    "core": {
        *("sheets", "validator", "transformer", "places", "wire", "changes", "matching", "plan", "gate"),
        *("pulled", "filenames"),
    },
    "check": {"checking", "crosscheck", "csv_files", "gathered", "helpers", "writeback"},
    "push": {"push"},
    "run": {"run"},
    "render": {"render", "report"},
    "doors": {
        "__main__",
        "at_work",
        "cli",
        "demo",
        "first_steps",
        "options",
        "output",
        "pulling",
        "setting_up",
        "web",
        "worker",
    },
}

# The core is pure, but for those of it that read workbooks.
READERS = {"sheets": {"workbook"}}

# Where a third party may be imported; nowhere else.
HOMES = {
    "requests": {"prolific"},
    "urllib3": {"prolific"},
    "pandas": {"validator"},
    "pandera": {"validator"},
    "openpyxl": {
        *("workbook.template", "workbook.marked", "workbook.problem_list"),
        *("workbook.looks", "workbook.hints", "workbook.help_sheet"),
        *("report.book", "report.charts"),
    },
    "jinja2": {"report.page"},
    "sqlite3": {"journal", "crosscheck"},
    "starlette": {"sandbox", "web"},
    "uvicorn": {"sandbox", "web"},
    "click": {
        *("at_work", "cli", "first_steps", "options", "output", "pulling", "setting_up"),
        *("demo", "__main__"),
    },
    "rich": {"render.display", "render.screen"},
    "keyring": {"settings"},
    "platformdirs": {"settings"},
    "filelock": {"push.desk"},
    "msgspec": {"model", "places", "wire.models"},
}

HEAVY = (
    "pandas",
    "pandera",
    "requests",
    "openpyxl",
    "jinja2",
    "rich",
    "sqlite3",
    "starlette",
    "uvicorn",
    "msgspec",
)


def modules() -> list[tuple[str, Path]]:
    """Every module of the package, by its name below `importer`."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)
        found.append((name, path))
    return found


def imports_of(path: Path) -> Iterator[str]:
    """Every imported name, wherever in the file it is imported: `importer.plan.make_plan`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively; say importer.…"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(name: str) -> str:
    """The part of the table that a module belongs to: `workbook.cells`, else its first name."""
    return name if name in TIERS["vocabulary"] else name.split(".", maxsplit=1)[0]


def own_imports_of(path: Path) -> Iterator[str]:
    """The units of this package that a file imports."""
    for name in imports_of(path):
        package, *below = name.split(".")
        if package == "importer":
            is_itself = not below or below[0] == "__version__"
            yield "__init__" if is_itself else unit(".".join(below[:2]))


def tier(of: str) -> int:
    for number, members in enumerate(TIERS.values()):
        if of in members:
            return number
    raise AssertionError(f"importer.{of} has no place in TIERS; give it one")


def every(units: set[str] | None = None) -> pytest.MarkDecorator:
    """Run a test for every module, or for those of some units."""
    chosen = [(name, path) for name, path in modules() if units is None or unit(name) in units]
    return pytest.mark.parametrize(("name", "path"), chosen, ids=[name for name, _ in chosen])


@every()
def test_imports_point_down(name: str, path: Path) -> None:
    """A module imports its own tier and those below it."""
    upward = {other for other in own_imports_of(path) if tier(other) > tier(unit(name))}
    assert upward == set()


@every(TIERS["edges"])
def test_edges_know_the_vocabulary_only(name: str, path: Path) -> None:
    """Workbook, Prolific, journal and settings never know each other."""
    assert set(own_imports_of(path)) - TIERS["vocabulary"] - {unit(name)} == set()


@every(TIERS["core"])
def test_core_reaches_no_edge_unless_it_reads(name: str, path: Path) -> None:
    """Checking, planning and matching need no network, no journal and no zip file."""
    reached = set(own_imports_of(path)) & TIERS["edges"]
    assert reached - READERS.get(unit(name), set()) == set()


@every()
def test_third_parties_stay_at_home(name: str, path: Path) -> None:
    """Each library has one home, so that it can be understood, replaced and loaded late."""
    packages = {imported.split(".")[0] for imported in imports_of(path)}
    strangers = {one for one in packages if one in HOMES and not {name, unit(name)} & HOMES[one]}
    assert strangers == set()


def test_command_line_loads_nothing_heavy() -> None:
    """`importer --help` must not wait for pandas."""
    script = f"import sys, importer.cli; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_reading_begins_before_the_models_are_imported() -> None:
    """The network and the imports wait together."""
    late = ("pandas", "pandera", "msgspec", "openpyxl")
    script = f"import sys, importer.push.reading; print(*sorted(set({late!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_first_request_waits_for_neither_locks_nor_write_back() -> None:
    """What is needed once Prolific has answered is imported then."""
    late = ("filelock", "importer.writeback")
    script = f"import sys, importer.push.desk; print(*sorted(set({late!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
