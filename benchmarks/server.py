"""
The local Prolific in a process of its own, for `benchmarks.cases`.

    python -m benchmarks.server LATENCY_S

Prints its address and its token. Answers each line `N` on stdin with the ids of N new batches, and `cost` with the
number of requests and the CPU seconds since the line before. Ends with its stdin.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from benchmarks.measure import ROOT, environment


@dataclass(frozen=True)
class Server:
    """The other side of the pipe."""

    url: str
    token: str
    requests: IO[str]
    answers: IO[str]

    def new_batches(self, count: int) -> list[str]:
        """Make batches; gives their ids."""
        print(count, file=self.requests, flush=True)
        return self.answers.readline().split()

    def cost(self) -> tuple[int, float]:
        """Return how many requests were answered since the batches were made, and the server's CPU seconds."""
        print("cost", file=self.requests, flush=True)
        count, cpu_s = self.answers.readline().split()
        return int(count), float(cpu_s)


@contextmanager
def running(latency_s: float) -> Iterator[Server]:
    """Run the local Prolific; every answer takes *latency_s*."""
    command = [sys.executable, "-m", "benchmarks.server", str(latency_s)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        url, token = child.stdout.readline().split()
        yield Server(url, token, child.stdin, child.stdout)
        child.stdin.close()


def main(latency_s: float) -> None:
    from importer.sandbox import Sandbox

    gc.set_threshold(100_000)  # as the command `importer sandbox` has it
    with Sandbox(latency_s=latency_s) as local:
        print(local.url, local.token, flush=True)
        start = time.process_time()
        for line in sys.stdin:
            if line.strip() == "cost":
                print(len(local.ledger), time.process_time() - start, flush=True)
            else:
                print(*(local.add_batch() for _ in range(int(line))), flush=True)
            local.clear_ledger()
            start = time.process_time()


if __name__ == "__main__":
    main(float(sys.argv[1]))
