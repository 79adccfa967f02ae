# `make` lists what there is. Everything runs in .venv, which the first command that needs it sets up.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
JOBS ?= 2
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
PROJECTS := libs/common libs/roster libs/waiting $(wildcard services/*-svc) $(patsubst %/pyproject.toml,%,$(wildcard tools/*/pyproject.toml))
CODE := libs/common/common libs/roster/haoyuan_roster_format libs/waiting/haoyuan_waiting $(wildcard services/*-svc/*_svc) $(patsubst %/py.typed,%,$(wildcard tools/*/*/py.typed)) $(foreach name,embedded stack audit demo bench docs,$(if $(wildcard $(name)/__init__.py),$(name)))

# Stamps: what they depend on changed, so the libraries are looked at again. pip does nothing where all is well.
RUN := $(VENV)/.run
DEV := $(VENV)/.dev

OUT ?= var/broker-definitions.json

.DEFAULT_GOAL := help
.PHONY: help setup pages run stack test chaos lint check bench lighthouse up down images servers browser broker-definitions

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEV) servers browser ## .venv with the pinned libraries; on Debian as root the servers and a browser too

pages: $(RUN) ## builds the web pages (web/) if they changed, with the machine's Node.js or PyPI's
	@$(PY) -m stack.pages build

# everything else works without the pages, so where they cannot be had it is said, and on it goes
run: $(RUN) ## the whole platform in one process at http://localhost:8000 (PORT, DATA_DIR)
	@$(PY) -m stack.pages build || true
	@exec $(PY) -m embedded

stack: $(RUN) servers ## the real system on private local servers (PORT, STACK_DIR); Ctrl-C ends it
	@$(PY) -m stack.pages build || true
	@exec $(PY) -m stack

# they start hundreds of Pythons, which would all compile our code anew where bytecode is not written
test: $(DEV) servers browser ## all tests, by two processes; what cannot run here says why (ARGS="-k saga", JOBS=0: one process)
	@$(PY) -m stack.pages build || true
	env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

chaos: $(DEV) servers ## two thousand payments, a tenth of whose calls fail, while processes die (PAYMENTS=2000)
	PAYMENTS=$(or $(PAYMENTS),2000) $(PY) -m pytest -q tests/faults/test_payment_chaos.py

lint: $(DEV) ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

check: lint ## lint, types (Python, and TypeScript of the web pages), architecture, and that the generated pages are fresh
	$(PY) -m mypy $(CODE)
	$(PY) -m pytest -q -p no:randomly tests/test_architecture.py
	$(PY) -m docs.generate --check
	$(PY) -m stack.pages check

bench: $(DEV) servers ## speed, each figure beside its limit (ARGS="--quick")
	$(PY) -m bench $(ARGS)

lighthouse: $(DEV) browser ## the patients' pages on a phone: Lighthouse's scores, and how much JavaScript they load (ARGS="--runs 1")
	$(PY) -m bench.lighthouse $(ARGS)

up: ## everything in containers, by docker compose
	$(PYTHON) deploy/make_env.py
	docker compose up --build --wait

down: ## stop the containers; their data stays
	docker compose down

images: ## build the services' images
	docker compose build

broker-definitions: ## hospitals as users of RabbitMQ (HOSPITALS="renai xiehe", OUT=var/broker-definitions.json)
	@mkdir -p $(dir $(OUT))
	@$(PYTHON) deploy/rabbitmq/definitions.py "$(OUT)"
	@echo "$(OUT) written; load it: rabbitmqctl import_definitions < $(OUT)"

servers: $(RUN)
	@$(PY) -m stack.provision

browser: $(RUN)
	@$(PY) -m stack.provision browser

$(RUN): constraints.txt requirements/run.txt $(PROJECTS:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ...")'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv --clear $(VENV) || { echo "python3 lacks venv (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "set-up 1/2: the pinned libraries, a minute or two the first time"
	@$(PIP) install --quiet -c constraints.txt setuptools wheel
	@$(PIP) install --progress-bar off -c constraints.txt -r requirements/run.txt | awk '/^Collecting/ {print "  " $$2; fflush()}'
	@echo "set-up 2/2: our own packages"
	@$(PIP) install --quiet --no-build-isolation --no-deps $(addprefix -e ,$(PROJECTS))
	@touch $@

$(DEV): $(RUN) requirements/dev.txt
	@echo "set-up: what tests and checks need on top"
	@$(PIP) install --progress-bar off -c constraints.txt -r requirements/dev.txt | awk '/^Collecting/ {print "  " $$2; fflush()}'
	@touch $@
