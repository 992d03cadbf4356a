# The project's commands. `make demo` and `make test` need only Python >= 3.11, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 7071
ARM_PORT ?= 8443
RUNTIME ?= process
TEST_WORKERS ?= 4
STATE ?= .local
STACK_OPTIONS = --port='$(PORT)' --arm-port='$(ARM_PORT)' --runtime='$(RUNTIME)' --state='$(STATE)'
export PYTHONPATH := local

.PHONY: demo test up check lint fault bench-host bench-emulator bench-jobs setup clean

demo: $(STAMP)  ## Run the main job end to end on a local stack, show it, clean up.
	@$(BIN)/python -m stack demo $(STACK_OPTIONS)

test: $(STAMP)  ## Run the tests.
	$(BIN)/python -m pytest -m "not fault" -n $(TEST_WORKERS)

up: $(STAMP)  ## Keep the local stack running until Ctrl-C.
	@$(BIN)/python -m stack up $(STACK_OPTIONS)

check: lint test  ## What every commit passes.

lint: $(STAMP)  ## Lint, format, types, import layers.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fault: $(STAMP)  ## Kill processes at every named crash point, and at random; nothing may be lost.
	$(BIN)/python -m pytest -m fault --timeout 900 -n $(TEST_WORKERS)

bench-host: $(STAMP)  ## The Functions host against durabletask and DBOS, in one run.
	$(BIN)/python -m benchmarks.host

bench-emulator: $(STAMP)  ## Requests per second of the ACI emulator.
	$(BIN)/python -m benchmarks.emulator

bench-jobs: $(STAMP)  ## Lateness and ARM requests of ten 20-second jobs, against a plain SDK loop.
	$(BIN)/python -m benchmarks.jobs

setup: $(STAMP)  ## Make the virtual environment.

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "acijobs needs Python 3.11 or newer: set PYTHON=python3.x")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:  ## Remove everything the commands above made.
	rm -rf $(VENV) .venv-* .local .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
