# The project's commands. Each makes the virtual environment that it needs:
# .venv holds the base installation, .venv-test everything.

PYTHON ?= python3
EXAMPLE ?= examples/sto-001-300kV_42nm.npy
EXAMPLE_FLAGS ?= --system sto-001-300kV --convergence 20
REPORT ?= build/example-report.png
PYTEST_FLAGS ?= -n 2 --dist loadgroup
PORT ?= 8230

BASE := .venv
TEST := .venv-test
BASE_STAMP := $(BASE)/.installed
TEST_STAMP := $(TEST)/.installed
PIP_INSTALL := -m pip install --progress-bar off -q --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help run example test lint lint-page format wheel dist bench clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

$(BASE_STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BASE)
	$(BASE)/bin/python $(PIP_INSTALL) -e .
	touch $@

$(TEST_STAMP): pyproject.toml constraints.txt client/pyproject.toml
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python $(PIP_INSTALL) -e '.[dev]' -e ./client
	touch $@

run: $(BASE_STAMP)  ## serve the page and the inference at http://localhost:8230/
	@echo "Open http://localhost:$(PORT)/ in a browser; Ctrl-C ends the service."
	$(BASE)/bin/pacbed serve --port $(PORT)

example: $(BASE_STAMP)  ## infer an example pattern and draw its report
	mkdir -p $(dir $(REPORT))
	$(BASE)/bin/pacbed infer $(EXAMPLE) $(EXAMPLE_FLAGS) --report $(REPORT)

# Hundreds of processes are started: each would compile the package anew where the environment
# lets Python write no bytecode. And glibc keeps the memory of arrays for the next ones, instead
# of asking the system for pages each time.
test: export MALLOC_MMAP_THRESHOLD_ = 268435456
test: export MALLOC_TRIM_THRESHOLD_ = 536870912
test: lint  ## run the checks and the test suite
	$(TEST)/bin/python -m compileall -q src client/src
	$(TEST)/bin/python -m pytest $(PYTEST_FLAGS)
	client/tests/run_oldest.sh

lint: $(TEST_STAMP)  ## check style, types and the direction of imports
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy
	$(TEST)/bin/lint-imports
	@if command -v npm >/dev/null && $(MAKE) --no-print-directory $(NODE_STAMP); then \
	    $(MAKE) --no-print-directory lint-page; \
	else echo "No npm, or no tools from it: the page's JavaScript is NOT checked." >&2; fi

NODE_TOOLS := tests/javascript/node_modules
NODE_STAMP := $(NODE_TOOLS)/.installed

$(NODE_STAMP): tests/javascript/package.json tests/javascript/package-lock.json
	npm ci --prefix tests/javascript --no-audit --no-fund --loglevel=error
	touch $@

lint-page: $(NODE_STAMP)  ## check types and style of the page's JavaScript (needs npm)
	$(NODE_TOOLS)/.bin/tsc -p tests/javascript
	$(NODE_TOOLS)/.bin/eslint -c tests/javascript/eslint.config.js src/pacbed/service/static

format: $(TEST_STAMP)  ## put the code into the common format
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

wheel: $(TEST_STAMP)  ## build the wheel into dist/
	$(TEST)/bin/hatchling build -t wheel

dist: $(TEST_STAMP)  ## build wheels and sdists of both packages into dist/, install and try them
	rm -rf dist
	$(TEST)/bin/hatchling build -d $(CURDIR)/dist
	cd client && ../$(TEST)/bin/hatchling build -d $(CURDIR)/dist
	$(TEST)/bin/python .ci/try_dist.py dist

bench: $(TEST_STAMP)  ## run every script of benchmarks/
	set -e; for script in benchmarks/*.py; do \
	    echo "== $$script"; $(TEST)/bin/python "$$script"; done

clean:  ## remove environments, caches and what was built
	rm -rf $(BASE) $(TEST) $(NODE_TOOLS) .venv-oldest build dist .hypothesis .import_linter_cache \
	    .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
