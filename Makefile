# One command each, the same on a laptop and in CI. Every target does its own set-up.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/stamp-build
ASSETS := $(VENV)/stamp-assets
FRONTEND := $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
PAGES := $(shell find src/chaindeck/control/templates -type f 2>/dev/null)
KERNEL := CMakeLists.txt pyproject.toml $(shell find kernel -type f 2>/dev/null)

# Settings, each overridden as in `make test WORKERS=4`.
PYTHON ?=
WORKERS ?= 2
FUZZ_SECONDS ?= 600
MODULES ?=
GROUPS ?=
SEEDS ?= 200
FIRST ?= 1
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help run test check assets generate bench fuzz swarm prove mutate lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(READY) $(ASSETS) ## Start everything, with wallets that pay each other: http://127.0.0.1:8000
	@$(BIN)/chaindeck up --demo

test: check $(ASSETS) ## Run the checks, then every test with coverage
	@mkdir -p build
	@$(BIN)/python -m pytest -n $(WORKERS) --durations=25 --cov --cov-report=json:build/coverage.json
	@$(BIN)/python -m tools.coverage_gate build/coverage.json

check: $(READY) ## Run the linters, the type checker and the import contracts
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

assets: $(ASSETS) ## Build what browsers load, from frontend/

generate: $(READY) ## Rewrite what is generated: docs/vectors, docs/errors.md, the wire tables
	@$(BIN)/python -m tools.vectors
	@$(BIN)/python -m tools.error_page
	@$(BIN)/python -m tools.rpc_code
	@$(BIN)/python -m tools.wire_page

bench: $(READY) ## Measure against floors and goals: make bench GROUPS="kernel"
	@$(BIN)/python -m bench $(GROUPS)

fuzz: $(READY) ## Fuzz every target for FUZZ_SECONDS (600) and record the evidence
	@$(BIN)/python -m tests.fuzz all --seconds $(FUZZ_SECONDS) --workers $(WORKERS) --evidence fuzz

swarm: $(READY) ## Simulate SEEDS (200) drawn networks from seed FIRST (1) on, and record it
	@$(BIN)/python -m tools.swarm --seeds $(SEEDS) --first $(FIRST) --workers $(WORKERS) --evidence swarm

prove: $(READY) ## Run the long proofs: properties, load, fuzzing, swarm, mutation; record each
	@CHAINDECK_TEST_PROFILE=prove $(BIN)/python -m tools.evidence properties -- \
		$(BIN)/python -m pytest -n $(WORKERS) tests --ignore=tests/fuzz --ignore=tests/meta
	@$(BIN)/python -m tools.evidence sustained -- $(BIN)/python -m bench.proofs sustained
	@$(BIN)/python -m tools.evidence batches -- $(BIN)/python -m bench.proofs batches
	@$(BIN)/python -m tools.evidence four-nodes -- $(BIN)/python -m bench.proofs four-nodes
	@$(MAKE) --no-print-directory fuzz mutate
	@$(MAKE) --no-print-directory swarm SEEDS=2000

mutate: $(READY) ## Mutate the rules and see the tests notice: make mutate MODULES="..."
	@$(BIN)/python -m tools.mutate --workers $(WORKERS) --evidence mutation $(MODULES)

lock: $(READY) ## Resolve the requirements anew and rewrite the lock files
	@tools/bootstrap relock

clean: ## Remove everything that the targets made
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .pytest_cache .mypy_cache \
		.ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, one stamp per step (see tools/bootstrap).
$(VENV)/stamp-venv:
	@tools/bootstrap venv
	@touch $@

$(VENV)/stamp-lock: $(VENV)/stamp-venv requirements/dev.lock
	@tools/bootstrap lock
	@touch $@

$(VENV)/stamp-build: $(VENV)/stamp-lock $(KERNEL)
	@tools/bootstrap build
	@touch $@

# The style sheet holds the utilities that the pages use, so it is built from those as well.
$(ASSETS): $(VENV)/stamp-lock $(FRONTEND) $(PAGES)
	@tools/bootstrap assets
	@touch $@
