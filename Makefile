# make demo   sets everything up and runs the whole chain on a simulated archive
# make test   sets everything up and passes the tests that need no server
# make test-services   installs Kafka, PostgreSQL and an S3 server if it may, and passes the tests on them
# make test-cluster    builds a control plane of Kubernetes and installs the chart on it, with everything that is checked of chart and compose files
# make test-images     builds the slim image with podman and runs the compose file's services in it
# make bench  four peers' inference code against ours, on a quiet machine (make peers installs them)
# make check  ruff, mypy, import contracts, and the wheel in an empty environment
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-services test-cluster test-images services chart check lint wheel schemas scorecard simulate faults soak fuzz clean

help: ## what there is
	@grep -E '^# make|^[a-z-]+:.*##' Makefile | sed -E 's/^# //; s/:.*## /: /'

$(VENV)/.core: pyproject.toml constraints.txt hatch_build.py
	@echo "installing into $(VENV) (torch is large: about a minute on a good line)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps nrt==0.2.0  # a real Sentinel-2 series to replay; only its data file is used
	@touch $@

demo: $(VENV)/.core ## simulated scenes in, alerts, messages and a page out (jagawana-demo/)
	$(BIN)/jagawana demo

test: $(VENV)/.dev ## all tests but those on real servers, on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --servers=none

test-services: $(VENV)/.dev ## the tests on real servers; fails when a server cannot be had, or none ran
	PYTHONPATH=tests $(BIN)/python -m servers.install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m services --servers=required

services: $(VENV)/.dev ## Kafka, PostgreSQL and S3 on 127.0.0.1 (19092, 15432, 19000) until Ctrl-C; prints the variables to use
	@PYTHONPATH=tests $(BIN)/python -m servers.install
	@PYTHONPATH=tests $(BIN)/python -m servers

test-cluster: $(VENV)/.dev ## the chart on a real control plane of Kubernetes; fails when a tool cannot be had (needs Go, Maven, Java)
	PYTHONPATH=tests $(BIN)/python -m deploy.tools
	JAGAWANA_CLUSTER=required OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/deploy/chart tests/deploy/containers tests/deploy/cluster

test-images: $(VENV)/.dev ## the image built and run by podman, as root, on real servers (apt-get install podman runc mmdebstrap)
	PYTHONPATH=tests $(BIN)/python -m servers.install
	JAGAWANA_IMAGES=required OMP_NUM_THREADS=1 $(BIN)/python -m pytest --servers=required tests/deploy/images

chart: $(VENV)/.dev ## write the chart's topics, users and access lists anew from the catalogue
	$(BIN)/python helm/write_kafka.py > build/kafka.json
	mv build/kafka.json helm/jagawana/files/kafka.json

check: lint wheel ## everything but the tests

lint: $(VENV)/.dev ## style, types, who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(VENV)/.dev ## build the wheel, install it into an empty environment, run it outside the checkout
	$(PYTHON) tests/wheel_check.py

schemas: $(VENV)/.dev ## write schemas/json anew from the code
	$(BIN)/python -m jagawana.schemas.publish schemas/json
	$(BIN)/python -m jagawana.schemas.asyncapi schemas/asyncapi.json
	$(BIN)/python -m jagawana.rules.publish schemas/json

scorecard: $(VENV)/.dev ## write docs/scorecard.md from runs of everything that spoils, kills, floods and shuffles
	rm -rf build/results
	JAGAWANA_RESULTS=$(CURDIR)/build/results OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -q \
		tests/hostile tests/simulation tests/faults tests/soak tests/fuzz tests/e2e/test_order.py
	$(BIN)/python tests/scorecard.py build/results docs/scorecard.md

simulate: $(VENV)/.dev ## HISTORIES=200000 (5000 by default) histories of the simulator on all cores, or one: SEED=171
	PYTHONPATH=tests $(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--histories $(or $(HISTORIES),5000) --first $(or $(FIRST),0))

faults: $(VENV)/.dev ## kill at every hit of every failpoint, fail every write, fill the disk at every moment (about half an hour)
	JAGAWANA_FAULTS=all OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q tests/faults

soak: $(VENV)/.dev ## 2,000 scenes in one process (a few minutes)
	JAGAWANA_SOAK=2000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/soak

peers: $(VENV)/.dev ## an environment for each peer that bench compares with
	$(BIN)/python benchmarks/inference/setup.py all

bench: $(VENV)/.dev ## peers' inference code against ours on one image (about half an hour)
	$(BIN)/python benchmarks/inference/run.py --peer all --side 4096 --repeat 3

fuzz: $(VENV)/.dev ## each way in for MINUTES, guided by coverage; findings are kept in fuzz-findings/
	$(PIP) --editable '.[fuzz]'
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/run.py $(or $(MINUTES),10)

clean: ## remove what was made here
	rm -rf $(VENV) build dist jagawana-demo jagawana-data .pytest_cache .mypy_cache .ruff_cache .hypothesis
