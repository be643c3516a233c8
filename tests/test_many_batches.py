"""A workbook of a thousand batches, under the limit of open files that most systems begin with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BATCHES = 1000
#: What macOS begins with; Linux begins with 1,024.
OPEN_FILES = 256

PROGRAM = f"""
import resource, sys
from pathlib import Path
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, ({OPEN_FILES}, hard))
from importer.push.desk import locked
with locked(Path(sys.argv[1]), [f"batch-{{n}}" for n in range({BATCHES})]):
    print("held")
"""


def test_a_thousand_batches_can_be_locked(tmp_path: Path):
    """Each lock is an open file, and all of a workbook are held at once."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert ("held\n", "") == (done.stdout, done.stderr)
