# The commands of this repository. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
REPO ?= .
ARGS ?=

.PHONY: help setup demo test test-postgres check bench run constraints openapi clean
.DEFAULT_GOAL := help

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything, pinned

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Longshore needs Python 3.11 or newer; PYTHON=python3.12 make … names one." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) '.[postgres,speed,dev]'
	@{ krb5-config --version && $(INSTALL) '.[pdc]'; } >/dev/null 2>&1 || echo "pdc-client cannot be installed here (it needs Kerberos' headers, libkrb5-dev): its tests will be skipped."
	@touch $@

demo: $(READY) ## the main job before your eyes (REPO=../other, ARGS=--once)
	@$(BIN)/longshore demo --repo $(REPO) $(ARGS)

test: $(READY) ## the whole suite (LONGSHORE_TEST_DATABASE_URL=postgres://… runs it on PostgreSQL)
	@$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

check: $(READY) ## lint and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY) ## the benchmarks; results stand in benchmarks/README.md
	@for each in intake github_calls growth lists bulk; do $(BIN)/python -m benchmarks.$$each || exit 1; done

run: $(READY) ## serve with the settings of the environment
	@$(BIN)/longshore serve

constraints: $(READY) ## write constraints.txt anew from what .venv holds
	@{ echo "# Exact versions of everything that is installed; made by \`make constraints\`."; \
	   $(BIN)/python -m pip freeze --exclude-editable --exclude longshore | grep -v '^-e\|@ ' ; } > constraints.new && mv constraints.new constraints.txt

openapi: $(READY) ## write docs/openapi.json anew
	@$(BIN)/longshore openapi > docs/openapi.json

clean: ## remove what the commands above made
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
