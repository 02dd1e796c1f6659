# Faultline's commands. `make run` needs Python 3.11+ and nothing else.
PYTHON ?= python3
DATA ?= ./data
PORT ?= 8000
FAULTS ?= tests/faults
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r

.PHONY: run demo test bench faults lint types wheel servers lock clean help

run: $(VENV)/run.stamp  ## Start everything, embedded, in the foreground (DATA=dir, PORT=n).
	@$(BIN)/faultline up --data "$(DATA)" --port "$(PORT)"

demo: $(VENV)/run.stamp  ## Send realistic traffic from real SDKs to the running installation.
	@FAULTLINE_DATA="$(DATA)" $(BIN)/faultline demo

test: $(VENV)/dev.stamp  ## Set everything up and pass the whole suite.
	$(BIN)/python -m tests.servers --fetch
	$(BIN)/python -m pytest -q -m "not faults and not bench"

faults: $(VENV)/dev.stamp  ## The fault runs: kill -9 in the middle of events of known truth.
	$(BIN)/python -m tests.servers --fetch
	$(BIN)/python -m pytest -q -m faults $(FAULTS)

bench: $(VENV)/dev.stamp  ## Ratios against a peer measured in the same run.
	$(BIN)/python -m tests.bench

servers: $(VENV)/dev.stamp  ## Run Kafka, Elasticsearch, S3 and PostgreSQL by hand; prints the settings, until Ctrl-C.
	@$(BIN)/python -m tests.servers

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

wheel: $(VENV)/dev.stamp  ## Build the wheel, install it in a fresh environment, start it.
	$(BIN)/python tests/wheel.py

lock: $(VENV)/dev.stamp  ## Write both lock files anew, without addresses.
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra demo --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra demo --group build --group dev pyproject.toml -o tests/requirements.lock

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

help:
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

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
