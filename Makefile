# Every command of the project. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin

# `make help` shows the lines that begin with two signs.
## MODEL=lookalike       the model: also resnet50-sscd, resnet50-imagenet (each one network), or a folder with model.json
MODEL ?= lookalike
## IMAGES=photos.zip     demo: a folder or zip of photos to show instead of drawn ones
IMAGES ?=
## LABELS=products.csv   demo: names and other data of the products, by the column id
LABELS ?=
## PORT=8000             demo: port of the page and the API
PORT ?= 8000
## S3_PORT=9000          demo: port of the local S3
S3_PORT ?= 9000
## ISOLATED=1            demo: run the built packages within Lambda's limits, not the sources (Linux)
ISOLATED ?=
## PHOTOS=photos.zip     bench: a folder or zip of photos to measure with as well
PHOTOS ?=
## EMBEDDINGS=rows.npy   bench: float32 embeddings to measure with as well
EMBEDDINGS ?=
## ARCHITECTURE=x86_64   build, deploy: the processor of the functions, or arm64
ARCHITECTURE ?= x86_64
## PARAMETERS="A=1 B=2"  deploy: parameters of template.yaml to change
PARAMETERS ?=
## SWITCH=model          deploy: change the model of a stack, or its architecture
SWITCH ?=
## ARGS="-k search -x"   options for the command that the target runs; its --help lists them
ARGS ?=

# The tests start hundreds of Pythons, and each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# The processor of this machine: the tests and the demo run what is built for it.
HERE := $(subst aarch64,arm64,$(shell uname -m))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables, as in: make demo PORT=8001"
	@sed -n 's/^## /  /p' $(MAKEFILE_LIST)

# --- environments -----------------------------------------------------------------------------------------------------
# pip shows its own progress on a terminal. To compile every module would double the time; Python compiles those it imports.
INSTALL = -m pip install --disable-pip-version-check --no-compile $$(test -t 2 || echo --quiet)
INSTALL_LOCKED = $(INSTALL) --require-hashes --requirement
INSTALL_PACKAGE = $(INSTALL) --no-deps --no-build-isolation --editable .
# $(call new_environment,FOLDER,VERSION): with that version of Python, or with any that fits.
new_environment = python=$$(sh scripts/find_python.sh $(2)) && "$$python" -m venv $(1)

# One environment: the demo's packages first, the developers' on top of them.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@echo "Installing the demo's packages into $(VENV) (560 MB, about 2 minutes)"
	@$(call new_environment,$(VENV))
	@$(BIN)/python $(INSTALL_LOCKED) requirements/demo.txt
	@$(BIN)/python $(INSTALL_PACKAGE)
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@echo "Installing the developers' packages into $(VENV) (990 MB, about two minutes)"
	@$(BIN)/python $(INSTALL_LOCKED) requirements/dev.txt
	@touch $@

# SAM CLI pins much of what it uses. Its Python also builds the layers, so it has the version of Lambda's.
.venv-sam/.ready: requirements/sam.txt
	@echo "Installing SAM CLI into .venv-sam (330 MB, about a minute)"
	@$(call new_environment,--clear .venv-sam,3.13)
	@.venv-sam/bin/python $(INSTALL_LOCKED) requirements/sam.txt
	@touch $@

# Beside other packages, pip's resolver picks an old checkov without a warning.
.venv-checkov/.ready: requirements/checkov.txt
	@echo "Installing checkov into .venv-checkov (270 MB, about a minute)"
	@$(call new_environment,--clear .venv-checkov)
	@.venv-checkov/bin/python $(INSTALL_LOCKED) requirements/checkov.txt
	@touch $@

# The libraries to compare the search with are no part of what runs or is tested.
.venv-bench/.ready: requirements/bench.txt pyproject.toml
	@echo "Installing the benchmarks' packages into .venv-bench (1 GB, about 3 minutes)"
	@$(call new_environment,--clear .venv-bench)
	@.venv-bench/bin/python $(INSTALL_LOCKED) requirements/bench.txt
	@.venv-bench/bin/python $(INSTALL_PACKAGE)
	@touch $@

# What is deployed, and all that it is made of.
BUILT := .aws-sam/build/template.yaml
BUILT_FROM := template.yaml requirements/inference.txt requirements/analysis.txt scripts/build.py scripts/packaging/build_layer.py \
	$(wildcard build/model/*) $(shell find functions layers -name '*.py' -o -name Makefile -o -name '*.mk')

# --- running ----------------------------------------------------------------------------------------------------------
.PHONY: model
model: $(VENV)/.demo ## Obtain the embedding model into build/model
	$(BIN)/python -m scripts.model $(MODEL)

.PHONY: demo
demo: ARCHITECTURE := $(HERE)
demo: model $(if $(ISOLATED),$(BUILT)) ## Run everything on this machine: page, API, S3 and the functions
	@exec $(BIN)/python -m scripts.local_stack --port $(PORT) --s3-port $(S3_PORT) $(if $(ISOLATED),--isolated) \
		$(if $(IMAGES),--images "$(IMAGES)") $(if $(LABELS),--labels "$(LABELS)") $(ARGS)

# --- checking ---------------------------------------------------------------------------------------------------------
.PHONY: test
test: environments ## Run every check and every test
	@$(MAKE) --no-print-directory --jobs=2 lint $(BUILT) ARCHITECTURE=$(HERE)
	@$(MAKE) --no-print-directory test-python

# One install after the other: side by side their lines would mix.
.PHONY: environments
environments: $(VENV)/.dev .venv-sam/.ready .venv-checkov/.ready ## Install the packages of the tests and of the build

# A file's tests in one process, and the files in the order named: the quick tests first. Many of the others wait: three processes
# keep two cores busy.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
# This one waits for two minutes while the quick ones run.
PATIENT := tests/integration/test_killed_functions.py

.PHONY: test-python
test-python: ARCHITECTURE := $(HERE)
test-python: environments $(BUILT) ## Run every test: ARGS="-n 0 -x -k snapshot" for some of them, in one process
	$(PYTEST) $(PATIENT) tests/unit tests/property tests/infra tests/integration tests/browser $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.dev ## Measure what the unit and property tests cover of the package
	$(PYTEST) tests/unit tests/property --cov=lookalike --cov-branch $(ARGS)

.PHONY: test-long
test-long: $(VENV)/.dev ## Run the store's random histories for thousands of examples, with deliberate bugs, and thousands of flipped bits
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/property -rP $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Check style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for function in functions/*; do echo "mypy $$function"; MYPYPATH=$$function $(BIN)/mypy $$function || exit 1; done
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.dev ## Compile requirements/*.txt from pyproject.toml
	PATH="$(BIN):$$PATH" sh scripts/lock.sh $(ARGS)

# --- measuring --------------------------------------------------------------------------------------------------------
BENCH := .venv-bench/bin/python -m scripts.bench
REAL = $(if $(PHOTOS),--photos "$(PHOTOS)",$(if $(EMBEDDINGS),--embeddings "$(EMBEDDINGS)",--generate 44441x512))
PARTS := shape:512:1,category:256:1,colour:101:0.6
.PHONY: bench
bench: .venv-bench/.ready model ## Print the tables of docs/benchmarks.md; ARGS="cold --starts 3" for one of them
ifneq ($(ARGS),)
	$(BENCH) $(ARGS)
else
	$(BENCH) search $(REAL) --generate 44441x2048 --generate 10000x1280-classifier --generate 44441x1280-classifier
	$(BENCH) filters $(REAL)
	$(BENCH) index $(REAL)
	$(BENCH) cold $(REAL) --generate 44441x2048
	$(BENCH) search --queries 100 --generate 300000x869 --parts $(PARTS) --engines lookalike lookalike-s3
	$(BENCH) append --rows 300000
	$(if $(PHOTOS),$(BENCH) ingest "$(PHOTOS)" --first 1500)
endif

# --- deploying --------------------------------------------------------------------------------------------------------
$(BUILT): $(BUILT_FROM) | .venv-sam/.ready model
	$(BIN)/python -m scripts.build --architecture $(ARCHITECTURE)

.PHONY: build
build: model .venv-sam/.ready ## Build the deployment packages and print their sizes
	$(BIN)/python -m scripts.build --architecture $(ARCHITECTURE)

.PHONY: deploy
deploy: build ## Build, deploy to AWS and publish the page; asks what it needs the first time
	$(BIN)/python -m scripts.deploy $(addprefix --switch-,$(SWITCH)) $(if $(PARAMETERS),--parameters $(PARAMETERS)) $(ARGS)

.PHONY: backfill
backfill: model ## Fill the store of MODEL from the catalogue, while the stack goes on with its own
	$(BIN)/python -m scripts.backfill $(ARGS)

.PHONY: undeploy
undeploy: $(VENV)/.demo .venv-sam/.ready ## Take the deployed stack down; photos and embeddings stay
	$(BIN)/python -m scripts.undeploy $(ARGS)

.PHONY: clean
clean: ## Remove everything that was built, environments included
	rm -rf $(VENV) .venv-sam .venv-checkov .venv-bench .aws-sam build
