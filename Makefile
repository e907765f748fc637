# `make help` lists the targets. The first two need nothing but Python >= 3.11, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install
OURS   := $(PIP) --no-deps --no-build-isolation --editable .
LOCK   := uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --python-platform linux \
          --no-emit-index-url --no-annotate --custom-compile-command 'make lock' pyproject.toml
EXTRAS := --extra alerts --extra fetch --extra history

.PHONY: help lock snapshot test lint unit soak bench pictures docs data.align data.features data.manifest data.snapshot clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s.%s" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(BIN)/python setup.cfg setup.py pyproject.toml requirements.txt $(wildcard pipeline/*/*.c pipeline/*/*/*.c)
	@echo 'Installing the pinned libraries into $(VENV): a minute or two.'
	@$(PIP) --require-hashes --requirement requirements.txt
	@$(OURS)
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready requirements-test.txt
	@echo 'Installing the libraries that the tests need into $(VENV): another minute or two.'
	@$(PIP) --require-hashes --requirement requirements-test.txt
	@touch $@

lock:  ## newest versions of all libraries, with the hashes of their files (needs uv)
	echo setuptools | $(LOCK) - $(EXTRAS) --output-file requirements.txt
	echo setuptools | $(LOCK) - $(EXTRAS) --constraint requirements.txt --extra cluster --extra delta --extra s3 --extra test --extra bench --extra docs --extra figures \
		--output-file requirements-test.txt

snapshot: $(VENV)/.ready  ## publish a day: DATE=2025-01-02, by default the newest complete day, or a sample
	@$(BIN)/python -m pipeline.runs.default_day Snapshot $(if $(DATE),--date $(DATE))

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

bench: $(VENV)/.ready-test  ## speed and memory against DuckDB, pandas, Polars and Luigi, into docs/benchmarks.md
	$(BIN)/python bench/run.py

pictures: $(VENV)/.ready-test  ## all screenshots of docs/ anew, in Chromium: REAL=folder of the real exports
	$(BIN)/python -m tools.pictures --real $(or $(REAL),$(KITCHEN_REAL_DATA))

docs: $(VENV)/.ready-test  ## the site of docs/ with the Python reference, into build/site
	$(BIN)/sphinx-build -q -W --keep-going docs build/site

data.align: $(VENV)/.ready  ## aligned bars of DATE=
	@$(BIN)/python -m pipeline.runs.default_day AlignedBars $(if $(DATE),--date $(DATE))

data.features: $(VENV)/.ready  ## micro features of DATE=
	@$(BIN)/python -m pipeline.runs.default_day MicroFeatures $(if $(DATE),--date $(DATE))

data.manifest: $(VENV)/.ready  ## manifest of DATE=
	@$(BIN)/python -m pipeline.runs.default_day Manifest $(if $(DATE),--date $(DATE))

data.snapshot: snapshot  ## the same as make snapshot

clean:  ## forget prepared and sample data; raw exports and snapshots stay
	rm -rf data/prepared data/samples
