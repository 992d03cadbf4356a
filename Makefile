# The project's commands. `make demo` and `make test` need only Python >= 3.11, git and make.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 7071
ARM_PORT ?= 8443
RUNTIME ?= process
TEST_WORKERS ?= 6
STATE ?= .local
STORAGE_PORT ?= 10000
FORCE ?=
STACK_OPTIONS = --port='$(PORT)' --arm-port='$(ARM_PORT)' --runtime='$(RUNTIME)' --state='$(STATE)'
export PYTHONPATH := local

.PHONY: demo test up check lint fault accept test-engine fault-engine bench-host bench-emulator bench-jobs bench-engine setup clean

.PHONY: help
help:  ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '  make %-15s %s\n' "$$target" "$$text"; done
	@echo 'demo and up take PORT=7071 ARM_PORT=8443 RUNTIME=process STATE=.local'

demo: $(STAMP)  ## Run the main job end to end on a local stack, show it, clean up.
	@$(BIN)/python -m stack demo $(STACK_OPTIONS)

test: $(STAMP)  ## Run the tests (OPTIONS="tests/unit -k row" for some of them).
	$(BIN)/python -m pytest -m "not fault" -n $(TEST_WORKERS) --dist worksteal $(OPTIONS)

up: $(STAMP)  ## Keep the local stack running until Ctrl-C.
	@$(BIN)/python -m stack up $(STACK_OPTIONS)

.PHONY: env
env: $(STAMP)  ## Keep the emulator and Azurite running for `func start`, and write local.settings.json (FORCE=1: again).
	@$(BIN)/python -m stack env $(STACK_OPTIONS) --storage-port='$(STORAGE_PORT)' --force='$(FORCE)'

check: lint test  ## Lint and test, as every commit must pass.

lint: $(STAMP)  ## Lint, format, types, import layers, workflows.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --quiet --offline --persona=auditor .github

# A package whose advisories cannot be read is a failure, too: without --strict it would be passed over.
.PHONY: audit
audit: $(STAMP)  ## Ask for known vulnerabilities of what the app runs on (needs pypi.org).
	$(BIN)/pip-audit --strict --progress-spinner off --requirement requirements.txt

.PHONY: docs
docs: $(STAMP)  ## Renew the pages that are made from the code.
	PYTHONPATH=. $(BIN)/python tests/support/reasons_page.py
	PYTHONPATH=. $(BIN)/python tests/support/openapi_page.py
	PYTHONPATH=. $(BIN)/python tests/support/metrics_page.py

fault: $(STAMP)  ## Kill processes at every named crash point, and at random; nothing may be lost.
	$(BIN)/python -m pytest tests/fault -m fault --ignore tests/fault/engine --timeout 900 -n $(TEST_WORKERS) --dist worksteal

# In the environment, where other users of the machine do not see the key.
accept: export ACCEPT_URL := $(value URL)
accept: export ACCEPT_KEY := $(value KEY)
accept: $(STAMP)  ## Check the app that answers at URL (function key: KEY); leaves nothing behind.
	@test -n "$$ACCEPT_URL" || { echo "make accept needs URL=https://... and, where keys are asked for, KEY=..."; exit 2; }
	@$(BIN)/python -m pytest tests/acceptance -n $(TEST_WORKERS) $(OPTIONS)

require_engine = @test -n '$(ENGINE)' || { echo "make $@ needs ENGINE='...', a command that serves an app on a Durable engine"; exit 2; }

test-engine: $(STAMP)  ## The same checks on the Durable engine that the command ENGINE serves.
	$(require_engine)
	ENGINE='$(ENGINE)' $(BIN)/python -m pytest tests/acceptance -n $(TEST_WORKERS)
	ENGINE='$(ENGINE)' $(BIN)/python -m pytest tests/e2e/acijobs/test_telemetry.py -k '[engine' -n 0

# Like ENGINE='python ../engine/serve.py' SEEDS=1 JOBS=80 OPTIONS='-k chaos'; FORM=long adds an outage of the storage.
# ENGINES=3 serves three engines at once, and shows what each run saw at the end.
fault-engine: $(STAMP)  ## Kill the processes of the Durable engine that ENGINE serves, while jobs run.
	$(require_engine)
	ENGINE='$(ENGINE)' $(BIN)/python -m pytest tests/fault/engine -m fault $(if $(ENGINES),-n $(ENGINES) -rP,-s) $(OPTIONS)

bench-host: $(STAMP)  ## The Functions host against durabletask and DBOS, in one run.
	$(BIN)/python -m benchmarks.host

bench-emulator: $(STAMP)  ## Measure requests per second of the ACI emulator.
	$(BIN)/python -m benchmarks.emulator

bench-jobs: $(STAMP)  ## Measure lateness and ARM requests of ten 20-second jobs, against a plain SDK loop.
	$(BIN)/python -m benchmarks.jobs

# Like ENGINE='python ../engine/serve.py' BESIDE=../other-checkout OPTIONS='--rounds 1'.
bench-engine: $(STAMP)  ## Measure lateness and cost of jobs on the Durable engine that ENGINE serves.
	$(BIN)/python -m benchmarks.engine --engine='$(ENGINE)' --beside='$(BESIDE)' $(OPTIONS)

.PHONY: package
package: $(STAMP)  ## Make build/acijobs.zip, what is deployed, the same bytes each time (DEPENDENCIES=1 for Premium).
	@$(BIN)/python -m deployment $(if $(DEPENDENCIES),--with-dependencies)

.PHONY: release
release: $(STAMP)  ## Make build/release/ and the tag of this version (DRY_RUN=1: no tag); pushes nothing.
	@$(BIN)/python -m deployment.release $(if $(DRY_RUN),--dry-run)

.PHONY: infra
infra: $(STAMP)  ## Renew the snapshots of infra/ (needs the Bicep compiler: BICEP, or on the PATH).
	PYTHONPATH=local:tests/support $(BIN)/python tests/support/infra_templates.py

setup: $(STAMP)  ## Make the virtual environment.

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "acijobs needs Python 3.11 or newer: set PYTHON=python3.x")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:  ## Remove everything the commands above made.
	rm -rf $(VENV) .venv-* .local .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
