# Development commands; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# Resolve exact versions for all platforms, with the hashes of their files.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
DOCS := .venv-docs
DOCS_READY := $(DOCS)/.ready
SITE_SOURCES := README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md .env.example app.yml compose.yaml Dockerfile docs sandbox/README.md benchmarks/README.md web/static/icon.svg
BUILD_BACKEND := $(shell sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml)
REPO ?=
ARGS ?=

.PHONY: help setup demo test test-postgres check bench run constraints openapi reference screenshots docs clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## create .venv with pinned dependencies

$(READY): pyproject.toml constraints.txt constraints-pdc.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Longshore needs Python 3.11 or newer; choose one with PYTHON=python3.12 make …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes --requirement constraints.txt
	@$(INSTALL) --no-build-isolation --editable .
	@{ krb5-config --version && $(INSTALL) --require-hashes --requirement constraints-pdc.txt; } >/dev/null 2>&1 || echo "pdc-client cannot be installed without the Kerberos headers (libkrb5-dev): its tests will be skipped."
	@touch $@
	@echo "Ready: make demo, make test, make check."

demo: $(READY) ## cut, build, deploy, approve and roll back in a sandbox (REPO=../other, ARGS=--once)
	@$(BIN)/longshore demo $(if $(REPO),--repo "$(REPO)") $(ARGS)

test: $(READY) ## run all tests (on PostgreSQL with LONGSHORE_TEST_DATABASE_URL=postgres://…)
	@$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

check: $(READY) ## run the linter, formatter and type checker
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(READY) ## run all benchmarks; see benchmarks/README.md
	@for name in intake queue github_calls growth lists bulk content startup decisions reaction pages; do $(BIN)/python -m benchmarks.$$name || exit 1; done

run: $(READY) ## start the service with the settings of the environment
	@$(BIN)/longshore serve

constraints: $(READY) ## resolve the dependencies again, exactly and with hashes; ARGS=--upgrade for newer versions
	@echo '$(BUILD_BACKEND)' | $(COMPILE) $(ARGS) --extra postgres --extra speed --extra dev pyproject.toml - -o constraints.txt
	@echo '$(BUILD_BACKEND)' | $(COMPILE) -c constraints.txt --extra postgres --extra speed pyproject.toml - -o constraints-runtime.txt
	@echo 'pdc-client==1.8.0' | $(COMPILE) -c constraints.txt - -o constraints-pdc.txt
	@sed -n 's/^docs = \["\(.*\)"\].*/\1/p' pyproject.toml | $(COMPILE) $(ARGS) -c constraints.txt - -o constraints-docs.txt

openapi: $(READY) ## regenerate docs/openapi.json
	@$(BIN)/longshore openapi > docs/openapi.json

reference: $(READY) ## regenerate the parts of the documentation that are made from the code
	@$(BIN)/python -m cli.reference

screenshots: $(READY) ## make docs/images again, from the demo, with Chromium
	@$(BIN)/python -m tests.browser.screenshots

docs: $(DOCS_READY) ## build the documentation as a site, in site/
	@rm -rf build/docs && mkdir -p build/docs
	@tar cf - $(SITE_SOURCES) | tar xf - -C build/docs
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "Open site/index.html."

$(DOCS_READY): constraints-docs.txt | $(READY)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(DOCS)
	@$(BIN)/uv pip install --quiet --python $(DOCS)/bin/python --no-deps --require-hashes --requirement constraints-docs.txt
	@touch $@

clean: ## remove .venv, caches and build files
	@rm -rf $(VENV) $(DOCS) build site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
