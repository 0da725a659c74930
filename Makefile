# The project's commands. Each makes the virtual environment that it needs:
# .venv holds the base installation, .venv-test everything, .venv-docs what makes the site,
# .venv-plugins the programs that there are plug-ins for.

PYTHON ?= python3
EXAMPLE ?= examples/sto-001-300kV_42nm.npy
EXAMPLE_FLAGS ?= --system sto-001-300kV --convergence 20
REPORT ?= build/example-report.png
PYTEST_FLAGS ?= -n 2 --dist loadgroup
PORT ?= 8230

BASE := .venv
TEST := .venv-test
DOCS := .venv-docs
PLUGINS := .venv-plugins
BASE_STAMP := $(BASE)/.installed
TEST_STAMP := $(TEST)/.installed
DOCS_STAMP := $(DOCS)/.installed
PLUGINS_STAMP := $(PLUGINS)/.installed
# Bytecode is written afterwards, by every core at once.
PIP_INSTALL := -m pip install --progress-bar off -q --disable-pip-version-check --no-compile \
    -c constraints.txt

# As with pip's own, some packages bring files that this Python does not compile. Their tests, a
# quarter of all, are not run.
COMPILE = $(1)/bin/python -m compileall -qq -j 0 -x '/tests?/' $(1)/lib || true
# What does not depend on each other runs beside each other; the output stays in one piece.
BESIDE := $(MAKE) --no-print-directory --jobs=2 --output-sync=target

.DEFAULT_GOAL := help
.PHONY: help run example test client-oldest plugins lint lint-types lint-page-if-npm lint-imports \
    lint-style lint-page format wheel dist bench docs docs-links docs-pages clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

$(BASE_STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BASE)
	$(BASE)/bin/python $(PIP_INSTALL) -e .
	$(call COMPILE,$(BASE))
	touch $@

$(TEST_STAMP): pyproject.toml constraints.txt client/pyproject.toml
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python $(PIP_INSTALL) -e '.[dev]' -e ./client
	$(call COMPILE,$(TEST))
	touch $@

$(DOCS_STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python $(PIP_INSTALL) -e '.[docs]'
	$(call COMPILE,$(DOCS))
	touch $@

$(PLUGINS_STAMP): pyproject.toml constraints.txt plugins/nionswift/pyproject.toml \
    plugins/napari/pyproject.toml
	$(PYTHON) -m venv $(PLUGINS)
	$(PLUGINS)/bin/python $(PIP_INSTALL) -e . './plugins/nionswift[test]' './plugins/napari[test]'
	$(call COMPILE,$(PLUGINS))
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
test:  ## run the checks and the test suite
	$(BESIDE) $(TEST_STAMP) client-oldest lint-page-if-npm
	$(BESIDE) $(filter-out lint-page-if-npm,$(LINT))
	$(TEST)/bin/python -m compileall -q src client/src
	$(TEST)/bin/python -m pytest $(PYTEST_FLAGS)

client-oldest:
	client/tests/run_oldest.sh

IN_PLUGIN = cd plugins/$(1) && ../../$(PLUGINS)/bin/python -m mypy && \
    ../../$(PLUGINS)/bin/python -m pytest -q -p no:cacheprovider

plugins: $(PLUGINS_STAMP)  ## test the plug-ins of Nion Swift and napari inside these programs
# Anew each time, as users install them.
	$(PLUGINS)/bin/python $(PIP_INSTALL) --no-deps --force-reinstall \
	    ./plugins/nionswift ./plugins/napari
	$(call IN_PLUGIN,nionswift)
	$(call IN_PLUGIN,napari)

# The longest first.
LINT := lint-types lint-page-if-npm lint-imports lint-style

lint: $(TEST_STAMP)  ## check style, types and the direction of imports
	$(BESIDE) $(LINT)

lint-style: $(TEST_STAMP)
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .

lint-types: $(TEST_STAMP)
	$(TEST)/bin/mypy

lint-imports: $(TEST_STAMP)
	$(TEST)/bin/lint-imports

lint-page-if-npm:
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

DISTRIBUTIONS := . client plugins/nionswift plugins/napari

dist: $(TEST_STAMP)  ## build wheels and sdists of all packages into dist/, install and try them (PYTHONS=… too)
	rm -rf dist
	set -e; for part in $(DISTRIBUTIONS); do \
	    (cd $$part && $(CURDIR)/$(TEST)/bin/hatchling build -d $(CURDIR)/dist); done
	$(TEST)/bin/python .ci/try_dist.py dist $(PYTHONS)

bench: $(TEST_STAMP)  ## run every script of benchmarks/
	set -e; for script in benchmarks/*.py; do \
	    echo "== $$script"; $(TEST)/bin/python "$$script"; done

# -W: a warning is an error, a link that leads nowhere among them; -n: every reference is looked up.
SPHINX = $(DOCS)/bin/python -m sphinx -W --keep-going -n -q -d build/docs-doctrees docs

docs: $(DOCS_STAMP)  ## build the documentation as a site, run its tutorials and doctests
	$(DOCS)/bin/python docs/run_doctests.py
	$(SPHINX) -b html build/docs
	@echo "Open build/docs/index.html in a browser."

docs-links: $(DOCS_STAMP)  ## ask every address that the documentation names (needs the internet)
	$(SPHINX) -D plot_gallery=0 -b linkcheck build/docs-links

docs-pages: $(DOCS_STAMP)  ## write anew the pages that are made from the code
	for page in api cli http; do $(DOCS)/bin/python docs/make_$$page.py || exit 1; done

clean:  ## remove environments, caches and what was built
	rm -rf $(BASE) $(TEST) $(DOCS) $(PLUGINS) $(NODE_TOOLS) .venv-oldest build dist docs/made \
	    .hypothesis .import_linter_cache \
	    .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
