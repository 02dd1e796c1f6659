# Faultline's commands; `make help` lists them. `make run` needs Python 3.11+ and nothing else.
PYTHON ?= python3
DATA ?= ./data
PORT ?= 8000
FAULTS ?= tests/faults
PARTS ?=
EVENTS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r

.PHONY: run demo test bench faults lint types wheel servers lock clean help

run: $(VENV)/run.stamp  ## Start everything, embedded, in the foreground (DATA=dir, PORT=n).
	@$(BIN)/faultline up --data "$(DATA)" --port "$(PORT)"

demo: $(VENV)/run.stamp  ## Send realistic traffic from real SDKs to the running installation.
	@FAULTLINE_DATA="$(DATA)" $(BIN)/faultline demo

test: $(VENV)/dev.stamp  ## Run the suite on real servers, but for the fault runs and the bench.
	$(BIN)/python -m tests.servers --fetch
	$(BIN)/python -m pytest -q -m "not faults and not bench"

faults: $(VENV)/dev.stamp  ## Kill processes and stop stores during events of known truth (FAULTS=path).
	$(BIN)/python -m tests.servers --fetch
	$(BIN)/python -m pytest -q -m faults $(FAULTS)

bench: $(VENV)/dev.stamp  ## Measure ratios against a peer or a limit in the same run (PARTS=a,b EVENTS=n).
	$(BIN)/python -m tests.bench $(PARTS) $(if $(EVENTS),--events $(EVENTS))

servers: $(VENV)/dev.stamp  ## Run Kafka, Elasticsearch, S3 and PostgreSQL until Ctrl-C and print their settings.
	@$(BIN)/python -m tests.servers

lint: $(VENV)/dev.stamp  ## Check style and format.
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/dev.stamp  ## Check types, strictly.
	$(BIN)/mypy

wheel: $(VENV)/dev.stamp  ## Build the wheel, install it in a fresh environment, start it.
	$(BIN)/python tests/wheel.py

lock: $(VENV)/dev.stamp  ## Write both lock files anew, without addresses of registries (needs uv).
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra demo --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra demo --group build --group dev pyproject.toml -o tests/requirements.lock

clean:  ## Remove the environment, the builds and the caches; data folders stay.
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

help:  ## List these commands.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Faultline needs Python 3.11 or newer; name one by PYTHON=…" >&2; exit 1; }
	@echo "Making $(VENV) …" && $(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "Installing what Faultline runs on …"
	@$(INSTALL) requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: tests/requirements.lock $(VENV)/run.stamp
	@echo "Installing what its tests need …"
	@$(INSTALL) tests/requirements.lock
	@touch $@
