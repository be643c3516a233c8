# Every development command. Run inside a virtual environment: python3 -m venv .venv && . .venv/bin/activate
.PHONY: help install format lint types test demo package ci generated lock bench soak faults making pulls fidelity fuzz audit

help:            ## say what there is
	@grep -E '^[a-z-]+: *.*##' $(MAKEFILE_LIST) | sed 's/: *.*##/ -/'

install:         ## everything that development needs, in the locked versions
	python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'

format:          ## write the house's format
	ruff format . && ruff check --fix .

lint:            ## format, lint and Dockerfile, without changing anything
	ruff format --check . && ruff check . && hadolint Dockerfile

types:           ## mypy, strict
	mypy

test:            ## the README's test command, word for word
	python -m pip install --quiet --constraint constraints.txt --editable '.[test]' && python -m pytest

demo:            ## the README's demo command, word for word
	python -m pip install --quiet --constraint constraints.txt . && importer demo

package:         ## the built wheel, in a clean environment without development packages, runs the demo
	rm -rf build/clean && python -m build --wheel --outdir build/dist .
	python -m venv build/clean && build/clean/bin/python -m pip install --quiet --constraint constraints.txt build/dist/*.whl
	cd build && clean/bin/importer --version && clean/bin/importer demo

ci: demo install lint types test package   ## what .ci/run runs

generated:       ## write again what is generated: template, samples, README's tables and pictures
	python -m samples.make

lock:            ## resolve the versions again (run in a fresh virtual environment)
	python -m pip install --quiet --upgrade '.[dev]' && python -m pip freeze --exclude prolific-sheet-importer > constraints.txt

bench:           ## time and memory beside what a user would use instead: one workbook, then many and large ones
	python -m benchmarks.run && python -m benchmarks.scale

KILLS = 3000
HOURS =
SEED = 1
SECONDS = 600

soak:            ## kill pushes, KILLS of them or for HOURS, from SEED on (docs/reliability.md)
	python -m tests.soak --seed $(SEED) $(if $(HOURS),--hours $(HOURS),--kills $(KILLS))

faults:          ## every fault side by side, and of batches made of pages; the suite plays one in three
	EVERY_ROW=1 python -m pytest -q tests/test_fault_matrix.py -k "side_by_side or pages"

making:          ## importer setup killed at every step, KILLS times, and through every fault of each request
	python -m tests.setup_soak --seed $(SEED) --kills $(KILLS)
	EVERY_ROW=1 python -m pytest -q tests/test_setup_faults.py

pulls:           ## 200 batches that are drawn, pulled, and must have nothing to push; the suite draws 10
	EVERY_BATCH=1 python -m pytest -q tests/test_pull.py -k what_is_pulled

fidelity:        ## write-back into real workbooks, seen by LibreOffice too
	python -m tests.fidelity --libreoffice

fuzz:            ## SECONDS for each target, with hypothesis, then with atheris (the extra fuzz)
	python -m tests.hostile.fuzz --seconds $(SECONDS)
	python -m tests.hostile.fuzz --seconds $(SECONDS) --engine atheris --target reader
	python -m tests.hostile.fuzz --seconds $(SECONDS) --engine atheris --target writeback

audit:           ## known vulnerabilities of the locked versions; asks a database on the internet, so it is not part of ci
	python -m venv build/audit && build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt
