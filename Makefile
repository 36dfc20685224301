# Nothing but Python 3.11+ and make is needed; everything is installed into .venv (VENV=…).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
# CI installs with uv instead.
INSTALL ?= $(BIN)/python -m pip --disable-pip-version-check --quiet install

CORES = $(shell $(BIN)/python -c 'import os; print(min(4, os.cpu_count()))')
# Slow tests begin, in each file's own order; what fails and what is skipped is listed at the end.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder -rfEs
# The slow ones wait a quarter of their time: one more at once than there are cores.
ALL = -n $(shell expr $(CORES) + 1)

.PHONY: run test test-fast coverage lint format bench openapi chaos requirements clean

# The sample is for a first look: who has named a database or folder of their own does not get it.
run: $(VENV)/run
	@$(BIN)/openhours sample-data --load
	@exec $(BIN)/openhours serve

test test-fast coverage: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/test
	$(PYTEST) $(ALL) $(ARGS)

# Without services, commands, browsers and what takes half a second; PostgreSQL is all it needs.
test-fast: $(VENV)/test
	$(PYTEST) -n $(CORES) -m "not slow" $(ARGS)

# Of the processes that tests start, too.
coverage: $(VENV)/test
	$(PYTEST) $(ALL) --cov $(ARGS)

lint: $(VENV)/test
	$(BIN)/ruff check src tests alembic benchmarks tools
	$(BIN)/ruff format --check src tests alembic benchmarks tools
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test
	$(BIN)/ruff check --fix src tests alembic benchmarks tools
	$(BIN)/ruff format src tests alembic benchmarks tools

bench: $(VENV)/bench
	$(BIN)/python -m benchmarks $(ARGS)

# What clients were generated from may only grow: a test compares this file with the application.
openapi: $(VENV)/test
	$(BIN)/python -m tools.openapi

# kill -9 at random, for ten minutes (ARGS="--minutes 60 --seed 1").
chaos: $(VENV)/test
	$(BIN)/python -m tools.chaos $(ARGS)

# Pin what pyproject.toml asks for, with the hashes of all files: the same on all Pythons and systems.
# Versions stay where they can; ARGS=--upgrade takes the newest ones.
PIN := $(BIN)/uv pip compile pyproject.toml --quiet --universal --fork-strategy fewest \
	--python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --custom-compile-command "make requirements"

requirements: $(BIN)/uv
	$(PIN) $(ARGS) --extra server --output-file requirements.txt
	$(PIN) $(ARGS) --extra server --extra test --extra lint --constraints requirements.txt \
		--output-file requirements-dev.txt
	$(PIN) $(ARGS) --extra bench --constraints requirements-dev.txt \
		--output-file requirements-bench.txt

$(BIN)/uv: $(BIN)/python
	$(INSTALL) uv==0.13.9

clean:
	rm -rf .venv* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "openhours needs Python 3.11 or newer" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(BIN)/python requirements.txt pyproject.toml
	$(INSTALL) -r requirements.txt
	$(INSTALL) --no-deps --editable .
	@touch $@

# Those of $(VENV)/run, too: to install them first takes a third more.
$(VENV)/test: $(BIN)/python requirements-dev.txt pyproject.toml
	$(INSTALL) -r requirements-dev.txt
	$(INSTALL) --no-deps --editable .
	@touch $(VENV)/run $@

# What benchmarks compare with takes as much space as all the rest.
$(VENV)/bench: $(VENV)/test requirements-bench.txt
	$(INSTALL) -r requirements-bench.txt
	@touch $@
