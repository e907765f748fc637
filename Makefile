# `make help` lists the targets. The first two need nothing but Python >= 3.11, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

.PHONY: help snapshot test lint unit soak bench data.align data.features data.manifest data.snapshot clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s.%s" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(BIN)/python setup.cfg pyproject.toml constraints.txt
	$(PIP) --editable .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(PIP) --editable '.[test]'
	@touch $@

snapshot: $(VENV)/.ready  ## publish a day: DATE=2025-01-02, by default the newest complete day, or a sample
	@$(BIN)/python -m pipeline.ops.day Snapshot $(if $(DATE),--date $(DATE))

test: $(VENV)/.ready-test lint unit  ## everything that must hold before a change lands

lint: $(VENV)/.ready-test  ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.ready-test  ## the tests, on all cores
	$(BIN)/pytest -n auto -m 'not slow'

soak: $(VENV)/.ready-test  ## the long forms: hundreds of kills, years of days
	$(BIN)/pytest -m slow

$(VENV)/.ready-bench: $(VENV)/.ready
	$(PIP) --editable '.[bench]'
	@touch $@

bench: $(VENV)/.ready-bench  ## speed and memory against DuckDB, pandas, Polars and Luigi, into docs/benchmarks.md
	$(BIN)/python bench/run.py
	$(BIN)/python bench/features.py
	$(BIN)/python bench/reader.py

data.align: $(VENV)/.ready  ## aligned bars of DATE=
	@$(BIN)/python -m pipeline.ops.day AlignedBars $(if $(DATE),--date $(DATE))

data.features: $(VENV)/.ready  ## micro features of DATE=
	@$(BIN)/python -m pipeline.ops.day MicroFeatures $(if $(DATE),--date $(DATE))

data.manifest: $(VENV)/.ready  ## manifest of DATE=
	@$(BIN)/python -m pipeline.ops.day Manifest $(if $(DATE),--date $(DATE))

data.snapshot: snapshot  ## the same as make snapshot

clean:  ## forget prepared and sample data; raw exports and snapshots stay
	rm -rf data/prepared data/samples
