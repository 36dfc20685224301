# Nothing but Python 3.11+ and make is needed; everything is installed into .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test lint format bench clean

# The sample is for a first look: who has named a database or folder of their own does not get it.
run: .venv/run
	@$(BIN)/openhours sample-data --load
	@exec $(BIN)/openhours serve

test: .venv/test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: .venv/test
	$(BIN)/ruff check src tests alembic benchmarks tools
	$(BIN)/ruff format --check src tests alembic benchmarks tools
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/test
	$(BIN)/ruff check --fix src tests alembic benchmarks tools
	$(BIN)/ruff format src tests alembic benchmarks tools

bench: .venv/test
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "openhours needs Python 3.11 or newer" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python requirements.txt pyproject.toml
	$(PIP) install -r requirements.txt
	$(PIP) install --no-deps --editable .
	@touch $@

.venv/test: .venv/run requirements-dev.txt
	$(PIP) install -r requirements-dev.txt
	@touch $@
