# Shared by the makefiles of the four layers. `sam build` runs each in a temporary copy of its folder, from where nothing
# else of the repository can be seen, so `make build` sets paths in the environment.

ifndef LOOKALIKE_PYTHON
$(error LOOKALIKE_PYTHON is not set. Run `make build`, which sets it to a Python 3.13 and runs `sam build`)
endif
ifndef LOOKALIKE_ARCHITECTURE
$(error LOOKALIKE_ARCHITECTURE is not set. Run `make build`, which sets it to x86_64 or arm64 and runs `sam build`)
endif
ifndef ARTIFACTS_DIR
$(error ARTIFACTS_DIR is not set. Run `make build`: `sam build` sets it to the folder that becomes the layer)
endif

BUILD_LAYER := PYTHONPATH="$(LOOKALIKE_ROOT)" "$(LOOKALIKE_PYTHON)" -m scripts.packaging.build_layer \
	--architecture "$(LOOKALIKE_ARCHITECTURE)" --output "$(ARTIFACTS_DIR)"
