# Everything that is done with a checkout. Each target does its own set-up, in $(VENV), from pinned
# and hashed requirements; a set-up that is up to date is skipped. `make` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
EXAMPLE := docs/examples/replant-notes

# A stamp for each set of requirements; what `make test` installs serves `make demo` as well.
DEV := $(VENV)/.dev
DEMO := $(if $(wildcard $(DEV)),$(DEV),$(VENV)/.demo)

# Each worker starts a server of its own. One that has no tests left takes some of another's. One
# more than there are processors, as workers wait for servers and for programs that they start: on
# two processors 361 s, where two workers took 379 s.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1)
PARALLEL := --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

# What `make fuzz` tries: how many examples where `make test` tries 100, which tests, which seed.
FUZZ_EXAMPLES ?= 1000
FUZZ_TESTS ?= tests
ifndef FUZZ_SEED
FUZZ_SEED := $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
endif

# Servers of further releases, a browser, what draws graphs, and what fetches them.
SERVERS := build/postgresql
BROWSER := build/browser
NPM := $(or $(shell command -v npm),$(BIN)/npm)
NPM_READY := $(if $(filter $(BIN)/npm,$(NPM)),$(VENV)/.npm)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-13s %s\n' "$$name" "$$what"; done

.PHONY: demo
demo: $(DEMO) ## Move a tenant between two databases of its own, and prove it
	$(BIN)/replant demo

.PHONY: test
test: $(DEV) ## Run all tests, against a PostgreSQL that they start themselves
	PYTHONHASHSEED=0 $(BIN)/python -m pytest $(PARALLEL)

.PHONY: fuzz
fuzz: $(DEV) ## Try property tests on new rows, for longer (FUZZ_EXAMPLES, FUZZ_TESTS, FUZZ_SEED)
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) PYTHONHASHSEED=$(FUZZ_SEED) \
		$(BIN)/python -m pytest $(PARALLEL) -m hypothesis \
		--hypothesis-profile=fuzz --hypothesis-seed=$(FUZZ_SEED) '$(FUZZ_TESTS)'

.PHONY: test-versions
test-versions: $(DEV) $(SERVERS)/.unpacked ## Move rows between PostgreSQL 14 to 18, in every pair (Linux on x86-64)
	REPLANT_TEST_SERVERS=$$(printf '%s:' $(SERVERS)/[0-9]*/bin) $(BIN)/python -m pytest tests/versions

.PHONY: lint
lint: $(DEV) ## Check style, types and the layers of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests
	cd $(EXAMPLE) && "$(CURDIR)/$(BIN)/mypy"
	$(BIN)/lint-imports

.PHONY: bench
bench: $(DEV) ## Measure against pg_dump and psql, on a million rows (BENCH_ROWS, BENCH_ROUNDS)
	$(BIN)/python -m tests.bench

.PHONY: site
site: $(VENV)/.site ## Build the documentation as a site into build/site; a broken link is an error
	$(BIN)/zensical build --strict --clean

.PHONY: wheel
wheel: $(DEV) ## Build the sdist, and from it the wheel, into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

.PHONY: example
example: wheel ## Install replant and the example plugin in a venv of their own, and use both
	rm -rf build/example
	$(BIN)/python -m build --no-isolation --wheel --outdir build/example $(EXAMPLE)
	$(BIN)/python -m venv build/example/venv
	build/example/venv/bin/pip install --quiet --require-hashes -r requirements/demo.txt
	build/example/venv/bin/pip install --quiet --no-deps dist/*.whl build/example/*.whl
	cd build/example && venv/bin/python -P $(CURDIR)/tests/packaging/follow_readme.py \
		$(CURDIR)/$(EXAMPLE)

# The versions that the lock file has, without the hashes: an editable project has none.
.PHONY: new-plugin
new-plugin: wheel ## Make the projects of new plugins, and do what they say with the pip of a fresh Python
	rm -rf build/new-plugin
	$(BIN)/python -m venv build/new-plugin/venv
	sed -n 's/^\([a-z].*\) \\$$/\1/p' requirements/dev.txt > build/new-plugin/versions.txt
	PIP_CONSTRAINT=$(CURDIR)/build/new-plugin/versions.txt PIP_QUIET=1 \
		build/new-plugin/venv/bin/pip install "$$(echo dist/*.whl)[demo]"
	PIP_CONSTRAINT=$(CURDIR)/build/new-plugin/versions.txt PIP_QUIET=1 \
		build/new-plugin/venv/bin/python -P tests/packaging/follow_new_plugin.py build/new-plugin

.PHONY: lock
lock: $(VENV)/.lock $(NPM_READY) ## Resolve the requirements anew; UPGRADE=--upgrade takes the newest versions
	$(RESOLVE) pyproject.toml --extra demo --group dev --output-file requirements/dev.txt
	$(RESOLVE) pyproject.toml --extra demo --group editable --constraint requirements/dev.txt \
		--output-file requirements/demo.txt
	$(RESOLVE) --group site --constraint requirements/dev.txt --output-file requirements/site.txt
	$(RESOLVE) --group lock --output-file requirements/lock.txt
	$(RESOLVE) --group npm --output-file requirements/npm.txt
	for what in postgresql report browser; do \
		$(NPM) install --prefix requirements/$$what --package-lock-only --ignore-scripts \
			--omit-lockfile-registry-resolved --no-audit --no-fund || exit; \
	done

.PHONY: browser
browser: $(BROWSER)/.unpacked ## Fetch a browser for the tests of reports (Linux on x86-64)

.PHONY: vendor
vendor: requirements/report/package-lock.json $(DEV) $(NPM_READY) ## Fetch anew what draws the graph of a report
	@mkdir -p build/report
	cp requirements/report/package.json requirements/report/package-lock.json build/report
	$(NPM) ci --prefix build/report --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m tests.report.vendor build/report

.PHONY: clean
clean: ## Delete all that these targets made
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . \( -name __pycache__ -o -name .mypy_cache \) -type d -prune -exec rm -rf {} +

# For every platform and every Python from 3.11 on; no name of an index comes into the files.
RESOLVE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(UPGRADE)

$(VENV)/.demo $(DEV): $(VENV)/.%: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "Installing requirements/$*.txt and replant into $(VENV)"
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$*.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.lock $(VENV)/.npm $(VENV)/.site: $(VENV)/.%: requirements/%.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$*.txt
	@touch $@

# The lock file holds the digest of each package; no script of a package is run.
$(SERVERS)/.unpacked: requirements/postgresql/package-lock.json tests/versions/unpack.py \
		$(NPM_READY) | $(BIN)/python
	@mkdir -p $(SERVERS)
	cp requirements/postgresql/package.json requirements/postgresql/package-lock.json $(SERVERS)
	$(NPM) ci --prefix $(SERVERS) --ignore-scripts --no-audit --no-fund
	$(BIN)/python -m tests.versions.unpack $(SERVERS)
	@touch $@

$(BROWSER)/.unpacked: requirements/browser/package-lock.json requirements/browser/unpack.cjs \
		$(NPM_READY)
	@mkdir -p $(BROWSER)
	cp requirements/browser/package.json requirements/browser/package-lock.json $(BROWSER)
	$(NPM) ci --prefix $(BROWSER) --ignore-scripts --no-audit --no-fund
	PATH="$(CURDIR)/$(BIN):$$PATH" node requirements/browser/unpack.cjs $(BROWSER)
	for files in al2023 fonts swiftshader; do tar --extract --no-same-owner --file $(BROWSER)/unpacked/$$files.tar \
		--directory $(BROWSER)/unpacked || exit; done
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"replant needs Python 3.11 or later; say which: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
