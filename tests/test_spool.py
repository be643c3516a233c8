"""Objects that wait on the disk."""

from __future__ import annotations

import os
import pickle
import resource
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from importer.run.spool import Spool


@pytest.mark.parametrize("live", [0, 3, 100])
def test_what_is_put_is_got(live: int):
    """Whether it is in memory or in the file, replaced or not."""
    spool = Spool(live)
    for number in range(20):
        spool[number] = [number]
        spool.put(("p", number), pickle.dumps(-number))
    spool[5], spool[19] = "five", "last"
    del spool[7]

    expected = {n: [n] for n in range(20) if n != 7} | {5: "five", 19: "last"}
    assert expected == {n: spool[n] for n in range(20) if n in spool}
    assert [-n for n in range(20)] == [spool["p", n] for n in range(20)]


def test_memory_is_bounded():
    """However much is put, only so many objects stay."""
    spool = Spool(2)
    for number in range(50):
        spool[number] = b"x" * 10_000

    assert 4 >= len(spool._live) + len(spool._pickled)
    assert 40 * 10_000 < spool._end


def test_what_is_asked_for_twice_is_read_once():
    """Where there is room for it."""
    spool = Spool(1)
    spool.put("a", pickle.dumps(["a"]))
    spool.put("b", pickle.dumps(["b"]))

    assert spool["a"] is spool["a"]
    assert spool["b"] == ["b"]
    assert spool["b"] is not spool["b"]
    spool["a"] = ["c"]
    assert ["c"] == spool["a"]


def test_threads_do_not_mix_objects_up():
    """Each gets what it put."""
    spool = Spool(0)

    def put_and_get(number: int) -> bool:
        spool[number] = str(number) * 1_000
        return spool[number] == str(number) * 1_000

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(put_and_get, range(500)))


def test_a_full_disk_loses_nothing():
    """What does not fit into the file stays in memory."""
    spool = Spool(0)
    spool["before"] = "x" * 1_000
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
        spool["much"] = "y" * 100_000
        spool["more"] = "z"
        fine = (spool["before"], spool["much"], spool["more"]) == ("x" * 1_000, "y" * 100_000, "z")
        os._exit(0 if fine else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_file_is_closed_with_the_spool():
    """And nobody is warned of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spool = Spool(0)
        spool[1] = 1
        file = spool._file
        del spool
    assert file.closed
