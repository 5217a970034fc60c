# What a developer does here, each with one word. `make` alone lists it.

PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
READY := $(VENV)/.tradewind-ready
PREPARED := $(VENV)/.tradewind-prepared
MODELS := $(shell find dbt_project orchestration/arrivals/contracts -type f -not -path '*/target/*' -not -path '*/logs/*' \
    -not -path '*/generated/*')

# Nothing that runs here reports to anybody: Dagster, dbt and Great Expectations each have a switch of their own.
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
# Plots are files; a machine without a screen must draw the same ones.
export MPLBACKEND := Agg
# Two processes of tests share the cores: threads of BLAS and OpenMP in each of them would wait for each other by spinning.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
# A file of tests shares what it builds, so it stays with one of the two processes. Files are begun in the order of
# tests/conftest.py and not by their number of tests: the longest have the fewest.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
export RUFF_CACHE_DIR := $(CURDIR)/var/cache/ruff

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-quick check format lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PREPARED)  ## make .venv from requirements.lock; done again when the lock changes

demo: $(PREPARED) var/dagster/dagster.yaml  ## make a trade world, run the whole chain on it, print what became of each row (SCALE=5: five times the orders)
	TRADEWIND_DUCKDB_MEMORY=$${TRADEWIND_DUCKDB_MEMORY:-2500MB} DAGSTER_HOME="$(CURDIR)/var/dagster" \
	    $(BIN)/python -m orchestration.running.demo $(SCALE)

dev: $(PREPARED) var/dagster/dagster.yaml  ## open the Dagster UI on http://127.0.0.1:3000 (PORT=… for another port)
	DAGSTER_HOME="$(CURDIR)/var/dagster" $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

test: $(PREPARED)  ## all tests, in random order; skipped ones are listed with their reason
	$(BIN)/python -m pytest $(IN_PARALLEL)

test-quick: $(PREPARED)  ## unit and wiring tests only
	$(BIN)/python -m pytest $(IN_PARALLEL) tests/unit tests/wiring

# The dbt templater compiles the models against an empty database, under var/ so that no other run is disturbed.
check: $(PREPARED)  ## lint, formats, types, SQL style and the structure of the dbt project
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	TRADEWIND_HOME="$(CURDIR)/var/check" TRADEWIND_RUN_DATABASE=:memory: \
	DBT_TARGET_PATH="$(CURDIR)/var/check/dbt" DBT_LOG_PATH="$(CURDIR)/var/check/dbt" \
	    $(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests
	$(BIN)/python -m orchestration.modeling.structure

format: $(READY)  ## put Python and SQL into the form that `make check` asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	TRADEWIND_HOME="$(CURDIR)/var/check" TRADEWIND_RUN_DATABASE=:memory: \
	DBT_TARGET_PATH="$(CURDIR)/var/check/dbt" DBT_LOG_PATH="$(CURDIR)/var/check/dbt" \
	    $(BIN)/sqlfluff fix --disable-progress-bar dbt_project/models dbt_project/tests

# Universal: one lock for every platform and for every Python from 3.11. UPGRADE=1 takes newer versions.
lock: $(READY)  ## resolve pyproject.toml into requirements.lock again (UPGRADE=1 for newer versions)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
	    --quiet --output-file requirements.lock
	@$(MAKE) --no-print-directory setup

clean:  ## remove caches and what dbt wrote; the lake in var/ and .venv stay
	rm -rf var/cache var/check dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

var/dagster/dagster.yaml: deploy/dagster.local.yaml
	@mkdir -p $(@D)
	@cp $< $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Tradewind needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "Name another one: make setup PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# The lock is complete, so nothing is resolved again; `pip check` proves that it is. Compiled once, by all cores: where
# PYTHONDONTWRITEBYTECODE is set, every start would compile Dagster, SQLAlchemy and dbt anew and take twice as long.
# (Some packages carry templates that are no Python 3; that they do not compile does no harm.)
$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) what requirements.lock names (some minutes the first time)."
	@$(PIP) install --no-compile --no-deps --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true
	@touch $@

# dbt's manifest and the column lineage, worked out once for each version of the models and not in every run.
$(PREPARED): $(READY) $(MODELS)
	@echo "Reading the dbt project (half a minute, after each change of a model)."
	@$(BIN)/python -W ignore -m orchestration.running.prepare
	@touch $@
