# Start with `make help`.
.DEFAULT_GOAL := help
MINUTES ?= 10
ROUNDS ?=
ARGS ?=
BIN := .venv/bin
TOOLS := var/tools

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what development and tests need; quick when it is there
	@deploy/setup

.PHONY: demo
demo: setup ## Three organisations work on one incident on this machine; ARGS=--exit ends after the story
	@$(BIN)/python -m hub.demo $(ARGS)

.PHONY: test
test: setup ## Everything: format, lint, types, floors and all tests; ARGS go to pytest
	@deploy/check --all $(ARGS)

.PHONY: check
check: setup ## The quick half: format, lint, types, floors, unit and property tests
	@deploy/check --quick $(ARGS)

.PHONY: format
format: setup ## Bring the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: soak
soak: setup ## Chaos for MINUTES= minutes (10), or ROUNDS= rounds of kill -9 on each database
	@TOCSIN_SOAK_MINUTES=$(MINUTES) TOCSIN_SOAK_ROUNDS=$(ROUNDS) $(BIN)/pytest -m soak --timeout=0 -s $(ARGS)

.PHONY: bench
bench: setup ## Measure; docs/performance.md tells what the figures mean
	@$(BIN)/pytest -m bench --timeout=900 -s $(ARGS)

# Left out: where rfc3987-syntax is installed, jsonschema loads it, which costs every process a second
# at its start. A test tool asks for it, a node in earnest does not have it, and no test needs it.
.PHONY: lock
lock: $(TOOLS)/bin/uv ## Write both locks anew from pyproject.toml; UPGRADE=--upgrade for newer versions
	@$(TOOLS)/bin/uv pip compile --quiet --generate-hashes --python-version 3.11 $(UPGRADE) \
	  --custom-compile-command "make lock" -o requirements.lock pyproject.toml
	@$(TOOLS)/bin/uv pip compile --quiet --generate-hashes --python-version 3.11 $(UPGRADE) \
	  --custom-compile-command "make lock" --extra dev -o requirements-dev.lock pyproject.toml \
	  --no-emit-package rfc3987-syntax --no-emit-package lark

$(TOOLS)/bin/uv:
	@python3 -m venv $(TOOLS)
	@$(TOOLS)/bin/pip install --quiet uv
