# All there is to know: `make help`. Every target sets up what it misses.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Where it is set each of our many processes compiles everything anew: two seconds of a core at every start.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PYTEST ?= $(BIN)/pytest
# More than the cores of a small machine: many tests wait, for servers or for what was frozen.
PYTEST_WORKERS ?= 3

.PHONY: help setup up down clean status demo prove prove-mutants bench check fmt lock test test-fast test-database

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## everything the other targets need, into .venv and .cache
	@$(BIN)/paintbox setup

$(READY): requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make setup PYTHON=/path/to/python3.11")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || \
	  { rm -rf .venv; echo "Python's venv module is needed, with pip (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

up: setup ## start the local stack: Kafka, PostgreSQL, the simulators and every service
	@$(BIN)/paintbox up

down: ## stop what `make up` started; the data stays
	@if test -e $(READY); then $(BIN)/paintbox down; else echo "nothing was set up here, so nothing runs"; fi

clean: down ## stop, and remove the local stack's data, logs and ports
	@if test -e $(READY); then $(BIN)/paintbox clean; else rm -rf .local; fi

status: $(READY) ## what runs, how far behind it is, what is held
	@$(BIN)/paintbox status

demo: setup ## the whole loop on this machine, compared field by field at the end
	@$(BIN)/paintbox demo

prove: setup ## harm a stack of its own in every way for 3 minutes, and balance the ledger; PROVE="--minutes 1 --seed 7"
	@$(BIN)/paintbox prove $(PROVE)

prove-mutants: setup ## make eight mistakes on purpose, and demand that each is caught
	@$(BIN)/paintbox prove --mutants all

bench: setup ## measure everything beside plain solutions, half an hour; writes docs/performance.md; BENCH="A D --quick", BENCH=--large for what is grown
	@$(BIN)/paintbox bench $(BENCH)

fmt: $(READY) ## format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

check: $(READY) ## format, lint, types, import contracts, and the promises that tests/architecture keeps
	@$(BIN)/ruff format --check --quiet . || { echo "not formatted: make fmt"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -q tests/architecture

test: setup ## the whole suite
	@$(PYTEST) -q -n $(PYTEST_WORKERS) tests

test-fast: $(READY) ## unit and architecture: no server is started
	@$(PYTEST) -q -n $(PYTEST_WORKERS) tests/unit tests/architecture

test-database: setup ## the tests that need PostgreSQL only; PAINTBOX_LOCAL_POSTGRES_BIN names another release
	@$(PYTEST) -q -n $(PYTEST_WORKERS) -m database tests

lock: $(READY) ## renew the pins of requirements/
	@for file in bootstrap runtime dev; do \
	  case $$file in \
	    bootstrap) what="-"; ;; \
	    runtime) what="pyproject.toml" ;; \
	    dev) what="pyproject.toml --extra local --group dev" ;; \
	  esac; \
	  echo 'uv>=0.9' | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate --output-file requirements/$$file.txt $$what; \
	done
