"""One forking door for all tests here, and at the end what the runs took."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.hostile.door import Figures, Seen, forked_door

FIGURES = Figures()


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Seen]]:
    """`door("check", "study.xlsx", cwd=folder)`."""
    with forked_door(tmp_path_factory.mktemp("door"), FIGURES) as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the runs took at most."""
    if FIGURES.seen:
        terminalreporter.write_line(str(FIGURES))
