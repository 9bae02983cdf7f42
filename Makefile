# `make` shows what there is. Every target sets up what it needs first.
VENV ?= .venv
BIN := $(VENV)/bin
RECIPE ?= flows/recipes/tinymath.yaml
ARGS ?=
TESTS_AT_ONCE ?= 3
AT_ONCE = -n $(TESTS_AT_ONCE) --no-loadscope-reorder
SYSTEM_PACKAGES := bubblewrap libnuma1

export VENV
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export VLLM_NO_USAGE_STATS := 1
export TOKENIZERS_PARALLELISM := false
# without it each of many processes would compile torch, vLLM and Prefect from their source again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run ui test test-fast test-faults lint format bench-pipeline bench-search \
	bench-consensus bench-tools bench-report bench-views bench-scale prove testbed-train lock system-packages clean clean-runs

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile

setup: ## the environment in .venv (a minute or more the first time, nothing after that)
	@.ci/setup.sh

run: setup ## label a batch of the shipped problems (RECIPE=..., ARGS="--set a.b=c")
	@$(BIN)/steplabel run $(RECIPE) $(ARGS)

ui: setup ## a Prefect server with its pages at http://127.0.0.1:4200
	@echo "In another terminal: PREFECT_API_URL=http://127.0.0.1:4200/api make run"
	@$(BIN)/prefect server start --host 127.0.0.1

test: lint ## ruff, mypy, then every test; what was skipped or failed is named at the end (ARGS="-k name")
	@command -v bwrap >/dev/null || $(MAKE) --no-print-directory system-packages || true
	@for name in chromium chromium-browser google-chrome chrome; do command -v $$name && break; done >/dev/null || \
		$(MAKE) --no-print-directory system-packages SYSTEM_PACKAGES=chromium || true
	@HF_HUB_OFFLINE=1 $(BIN)/python -m pytest $(AT_ONCE) $(ARGS)

test-fast: setup ## the tests without a real vLLM and without the slow ones
	@HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -q $(AT_ONCE) -m "not slow and not vllm" $(ARGS)

test-faults: setup ## kill flow, worker, server and database in mid-run, and runs many times; writes docs/faults.md
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		$(MAKE) --no-print-directory system-packages SYSTEM_PACKAGES=postgresql
	@FAULTS_TABLE=docs/faults.md $(BIN)/python -m pytest -m faults $(ARGS)

lint: setup ## ruff and mypy, changing nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: setup ## ruff's format and its safe repairs
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench-pipeline: setup ## measure the whole pipeline (it prints, it asserts nothing)
	@$(BIN)/python -m tests.benchmarks.bench_pipeline $(ARGS)

bench-search: setup ## every search for the first error, side by side: exactness against tokens
	@$(BIN)/python -m tests.benchmarks.bench_search $(ARGS)

bench-consensus: setup ## what each rule of consensus keeps, how exactly, and whether it says so
	@$(BIN)/python -m tests.benchmarks.bench_consensus $(ARGS)

bench-tools: setup ## checks by execution: are they right when they speak, and what they cost
	@$(BIN)/python -m tests.benchmarks.bench_tools $(ARGS)

bench-report: setup ## a run's page in a headless Chromium: its size, how soon it shows, how fast it filters
	@$(BIN)/python -m tests.benchmarks.bench_report $(ARGS)

bench-views: setup ## writing datasets: rows a second of each view, and memory
	@$(BIN)/python -m tests.benchmarks.bench_views $(ARGS)

bench-scale: setup ## a million simulated solutions: time, memory, Prefect's database; and what a plan is worth
	@$(BIN)/python -m tests.benchmarks.bench_scale $(ARGS)

prove: setup ## train PRMs on five kinds of labels and measure them (two hours of two cores; killed, it goes on)
	@$(BIN)/python -m tests.benchmarks.bench_prove $(ARGS)

testbed-train: setup ## train the shipped TinyMath policy and judge anew (two hours of a core; killed, it goes on)
	@$(BIN)/steplabel testbed train --policy --resume --export data/tinymath/policy
	@$(BIN)/steplabel testbed train --judge --resume --until 15000000
	@$(BIN)/steplabel testbed sample
	@$(BIN)/steplabel testbed train --judge --resume --samples .cache/tinymath/own.jsonl --export data/tinymath/judge

lock: setup ## write requirements.lock anew from pyproject.toml (ARGS=--upgrade: newest versions)
	@UV=$(BIN)/uv .ci/lock.sh $(ARGS)

system-packages: ## what only the system's package manager can install
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq; apt-get install -y $(SYSTEM_PACKAGES); \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then \
		sudo -n apt-get update -qq; sudo -n apt-get install -y $(SYSTEM_PACKAGES); \
	else \
		echo "Not root here, or no apt-get. Still to be installed, by you:"; \
		command -v bwrap >/dev/null || echo "  bubblewrap (the sandbox for code that models wrote)"; \
		ldconfig -p | grep -q libnuma.so.1 || echo "  libnuma1, or numactl-libs (vLLM on a CPU)"; \
		echo "  with: apt-get install $(SYSTEM_PACKAGES), or your system's own command"; \
	fi

clean: ## remove .venv and every cache; runs stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-runs: ## remove runs/, and all that was labelled there
	rm -rf runs
