# The 12345 hotline. `make help` lists what can be typed here; `.venv/bin/hotline --help` the rest.

SHELL := /bin/sh
BIN := .venv/bin
TOPIC ?=

.DEFAULT_GOAL := help
.PHONY: help setup run stop pages test lint accept doctor lock bare-machine clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing on this machine; repeatable, goes on after an interruption
	@./setup/bootstrap

run: setup ## Start the line on 127.0.0.1, place one test call, stay up (HOTLINE_DETACH=1: return after the call)
	@$(BIN)/hotline up
	@$(BIN)/hotline demo
	@$(BIN)/hotline follow

stop: ## End the line and everything it started
	@if [ -x $(BIN)/hotline ]; then $(BIN)/hotline stop; fi

pages: setup ## Build the pages where a source changed (every target that sets up does it)

lint: setup ## Style, types and import floors, of Python and of the pages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --no-error-summary setup
	@$(BIN)/lint-imports
	@$(BIN)/python -m setup.node lint

test: lint ## Set up, then every check and every test, real Asterisk and a real browser included
	@$(BIN)/python -m setup.node test
	@$(BIN)/python -m tests.phases

accept: setup ## Full-length scenarios of a topic: make accept TOPIC=first_call
	@if [ -z "$(TOPIC)" ]; then echo "say which: make accept TOPIC=first_call" >&2; exit 2; fi
	@$(BIN)/python -m tests.accept $(TOPIC)

bench-%: setup ## Measure a figure, e.g. make bench-agi
	@$(BIN)/python -m tests.bench $*

doctor: setup ## Look at every part and say what to do
	@$(BIN)/hotline doctor

lock: ## Write requirements.lock anew from pyproject.toml
	@python3 -m setup.lock

bare-machine: ## Run the README's two commands on a freshly unpacked Debian 12
	@./tests/bare-machine/run

clean: stop ## Remove everything set-up and running made: .venv, var/, caches
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache web/ui/node_modules web/ui/dist web/ui/dist.*
