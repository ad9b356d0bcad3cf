# make serve   sets up .venv and serves the models in the repository at http://127.0.0.1:8000
#              (make serve HOST=0.0.0.0 PORT=8080 WORKERS=4; CPU=1 installs what the CPU needs only)
# make test    sets up .venv with all extras, then lint, types and every test
# make train, make convert, make bench   the rest of the pipeline; each sets up what it needs

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 1
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --constraint constraints.txt
UNINSTALL := $(BIN)/python -m pip --disable-pip-version-check uninstall --quiet --quiet --yes
# Whether it is there or not: an installation that was broken off has left no stamp.
FOR_BOTH := rm -f $(VENV)/.serve-cpu; $(UNINSTALL) onnxruntime
# CUDA's libraries are a few gigabytes, so they are installed where there is a GPU only.
CUDA := $(if $(shell command -v nvidia-smi 2>/dev/null),--editable '.[cuda]')

.PHONY: serve test lint train convert bench clean

serve: $(VENV)/.serve$(if $(CPU),-cpu)
	$(BIN)/python -m service --host $(HOST) --port $(PORT) --workers $(WORKERS)

MEASURES := tests/bench tests/page/test_lighthouse.py
COVERED := $(addprefix tests/,service clients field page)
# What measures has the machine for itself; the rest runs on two of its cores. COVERAGE=1 measures the branches of
# service/, in the servers that the tests start, too, and fails where they become fewer.
test: lint
ifdef COVERAGE
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 $(COVERED) $(addprefix --ignore=,$(MEASURES))
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered
endif
	$(BIN)/python -m pytest -n 2 $(addprefix --ignore=,$(MEASURES) $(if $(COVERAGE),$(COVERED)))
	$(BIN)/python -m pytest $(MEASURES)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npx >/dev/null; then npx --yes @biomejs/biome@2.6.8 lint; else echo "skipped: the scripts of the page are linted by Biome, which needs npm"; fi

train: $(VENV)/.test
	$(BIN)/python -m train

convert: $(VENV)/.test
	$(BIN)/python -m convert models/mnist/model.keras --resize trim --margin 0.14 \
		--title 'Handwritten digits' --question 'Which digit is it?'

bench: $(VENV)/.test
	$(BIN)/python -m bench compare

clean:
	rm -rf $(VENV) .bench build *.egg-info

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not found; name another, such as make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

# ONNX Runtime for the CPU alone is a small part of the one for both. They own the same folder, so that one must have
# gone before the other comes; pip cannot take one in the place of the other that pyproject.toml asks for.
$(VENV)/.serve-cpu: $(BIN)/python pyproject.toml constraints.txt
	@rm -f $(VENV)/.serve $(VENV)/.test
	$(UNINSTALL) onnxruntime-gpu
	@$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
		| sed 's/^onnxruntime-gpu/onnxruntime/' > $(VENV)/cpu.txt
	$(PIP) --requirement $(VENV)/cpu.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.serve: $(BIN)/python pyproject.toml constraints.txt
	@$(FOR_BOTH)
	$(PIP) --editable . $(CUDA)
	@touch $@

# The TensorFlow that pyproject.toml names has no wheel for later ones.
$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14))' || { echo "TensorFlow, which training, converting and the tests need, is there for Python 3.11 to 3.13, and $(VENV) has a later one: delete it, then make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@$(FOR_BOTH)
	$(PIP) --editable '.[test]' $(CUDA)
	@touch $@ $(VENV)/.serve
