# nntool: 'make' lists what there is to make. GNU make, any POSIX shell, Python 3.11 or newer.
# Everything is installed into .venv; only that needs a network.

PYTHON ?= python3
PYTEST_ARGS ?=
BENCH_ARGS ?=

.DEFAULT_GOAL := help
# One environment: nothing here may run beside anything else.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint docs bench clean

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/make \1	\2/p' Makefile

demo: .venv/.installed-demo  ## Run the whole pipeline on three tables of sample_data, into demo/
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh sample_data/demo.sh

test: lint  ## Lint, types and tests (PYTEST_ARGS='-k split' chooses among the tests)
	$(BIN)/python -m pytest -q -n 2 --durations=10 $(PYTEST_ARGS)

lint: .venv/.installed-test  ## Lint, format and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

docs: .venv/.installed-demo  ## Write the reference pages from the code
	$(BIN)/python docs/make_reference.py

bench: .venv/.installed-bench  ## Measure against others (installs torch: see benchmarks/README.md)
	set -e; for script in benchmarks/*.py; do \
	    echo "$$script"; $(BIN)/python "$$script" $(BENCH_ARGS); \
	done

clean:  ## Remove .venv, demo and every cache
	rm -rf .venv demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.installed-demo: EXTRAS :=
.venv/.installed-test: EXTRAS := [test]
.venv/.installed-bench: EXTRAS := [bench]
.venv/.installed-%: .venv/pyvenv.cfg pyproject.toml
	@echo "Installing nntool$(EXTRAS) into .venv; this takes a minute or so ..."
	@$(INSTALL) --editable '.$(EXTRAS)'
	@touch $@

.venv/pyvenv.cfg:
	@command -v '$(PYTHON)' > /dev/null || { \
	    echo "nntool needs Python 3.11 or newer; there is no '$(PYTHON)' here." >&2; \
	    echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "nntool needs Python 3.11 or newer; '$(PYTHON)' is $$('$(PYTHON)' --version)." >&2; \
	    echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@'$(PYTHON)' -m venv --clear .venv
