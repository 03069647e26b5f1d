# Every command of the project. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin

# Model: resnet50-sscd (default), resnet50-imagenet, or a folder with model.onnx and model.json.
MODEL ?= resnet50-sscd
# Local stack: where it listens, and what it is filled with (a folder or zip of photos; a CSV with an id column).
PORT ?= 8000
S3_PORT ?= 9000
IMAGES ?=
LABELS ?=
# Benchmarks: a folder or zip of photos, or embeddings in a .npy file, to measure with beside what is generated.
PHOTOS ?=
EMBEDDINGS ?=
# ISOLATED=1: the functions as built and as Lambda runs them, rather than from their sources.
ISOLATED ?=
# Processor of the functions that are built: x86_64 or arm64. What is run here is built for this machine's.
ARCHITECTURE ?= x86_64
HERE := $(subst aarch64,arm64,$(shell uname -m))
# Deployments: NAME=VALUE parameters of template.yaml to change; SWITCH=model or architecture to change that of a stack.
PARAMETERS ?=
SWITCH ?=
ARGS ?=

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | sed 's/:.*## /:/' | awk -F: '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo
	@echo "  make demo takes IMAGES=folder-or-zip LABELS=csv PORT=8000 S3_PORT=9000 ISOLATED=1; MODEL=name-or-folder goes with every target"
	@echo "  make deploy takes PARAMETERS=\"NAME=VALUE ...\" ARCHITECTURE=arm64 SWITCH=model-or-architecture"

# --- environments -----------------------------------------------------------------------------------------------------
# One virtual environment: the demo's packages first, the developers' on top of them when asked for.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	@python=$$(sh scripts/find_python.sh) && "$$python" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# What is deployed, and all that it is made of.
BUILT := .aws-sam/build/template.yaml
BUILT_FROM := template.yaml requirements/inference.txt requirements/analysis.txt scripts/build.py scripts/packaging/build_layer.py \
	$(wildcard build/model/model.*) $(shell find functions layers -name '*.py' -o -name Makefile -o -name '*.mk')

# --- running ----------------------------------------------------------------------------------------------------------
.PHONY: model
model: $(VENV)/.demo ## Obtain the embedding model into build/model
	$(BIN)/python -m scripts.model $(MODEL)

.PHONY: demo
demo: ARCHITECTURE := $(HERE)
demo: model $(if $(ISOLATED),sam $(BUILT)) ## Run everything on this machine: page, API, S3 and the functions
	@exec $(BIN)/python -m scripts.local_stack --port $(PORT) --s3-port $(S3_PORT) $(if $(ISOLATED),--isolated) \
		$(if $(IMAGES),--images "$(IMAGES)") $(if $(LABELS),--labels "$(LABELS)") $(ARGS)

# --- checking ---------------------------------------------------------------------------------------------------------
.PHONY: test
test: lint test-python ## Run every check and every test

.PHONY: test-python
test-python: ARCHITECTURE := $(HERE)
test-python: $(VENV)/.dev model sam $(BUILT) .venv-checkov/.ready
	$(BIN)/python -m pytest tests/unit tests/property tests/infra tests/integration tests/browser $(ARGS)

.PHONY: test-long
test-long: $(VENV)/.dev ## Run the store's random histories for thousands of examples, and with deliberate bugs
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/property -rP $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Check style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for function in functions/*; do echo "mypy $$function"; MYPYPATH=$$function $(BIN)/mypy $$function || exit 1; done
	$(BIN)/lint-imports

# In a virtual environment of its own: beside other tools, the resolver picks an old checkov without a word.
.venv-checkov/.ready: requirements/checkov.txt
	@python=$$(sh scripts/find_python.sh) && "$$python" -m venv --clear .venv-checkov
	.venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/checkov.txt
	@touch $@

.PHONY: format
format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(VENV)/.dev ## Compile requirements/*.txt from pyproject.toml
	PATH="$(BIN):$$PATH" sh scripts/lock.sh $(ARGS)

# --- measuring --------------------------------------------------------------------------------------------------------
# In a virtual environment of its own: what the search is compared with is nothing that runs or is tested.
.venv-bench/.ready: requirements/bench.txt pyproject.toml
	@python=$$(sh scripts/find_python.sh) && "$$python" -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: bench
bench: .venv-bench/.ready model ## Measure beside rivals and write docs/benchmarks.md; ARGS=search for one section
	.venv-bench/bin/python -m scripts.bench all $(ARGS) $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(EMBEDDINGS),--embeddings "$(EMBEDDINGS)")

# --- deploying --------------------------------------------------------------------------------------------------------
.PHONY: sam
sam: .venv-sam/.ready

.venv-sam/.ready: requirements/sam.txt | $(VENV)/.demo
	$(BIN)/python -m scripts.build --only-sam

$(BUILT): $(BUILT_FROM)
	$(BIN)/python -m scripts.build --architecture $(ARCHITECTURE)

.PHONY: build
build: model sam ## Build the deployment packages and print their sizes
	$(BIN)/python -m scripts.build --architecture $(ARCHITECTURE)

.PHONY: deploy
deploy: build ## Build, deploy to AWS and publish the page; asks what it needs the first time
	$(BIN)/python -m scripts.deploy $(addprefix --switch-,$(SWITCH)) $(if $(PARAMETERS),--parameters $(PARAMETERS)) $(ARGS)

.PHONY: backfill
backfill: model ## Fill the store of MODEL from the catalogue, while the stack goes on with its own
	$(BIN)/python -m scripts.backfill $(ARGS)

.PHONY: undeploy
undeploy: sam ## Take the deployed stack down; photos and embeddings stay
	$(BIN)/python -m scripts.undeploy $(ARGS)

.PHONY: clean
clean: ## Remove everything that was built, environments included
	rm -rf $(VENV) .venv-sam .venv-checkov .venv-bench .aws-sam build
