# `make`            prepares .venv, with .venv/bin/openmoat in it
# `make demo`       runs the main job on text that every machine has
# `make test`       runs the tests; `make test-slow` the long ones; `make lint` the rest of CI
# `make bench-ingest`  measures reading beside other programs; ARGS='--quick --json' are its options
# `make bench-signals` measures signals beside other programs, and the first pass; options likewise
# `make bench-dedup`   measures deduplication beside other programs, and what each of them finds
# `make bench-evals`   measures decontamination, and what it finds of items planted in real documents
# `make bench-models`  measures classifiers and n-gram models, and what Noisy Student is worth
# `make bench-replay`  measures what choosing a replay shard costs
# `make bench-mixture`  measures what a mixture costs to make and to read; `--memory` too
# `make bench-generations` measures what is concluded from text of a hidden mixture
# `make bench-mixture-inference`  measures how far inferred mixtures of tokenizers are off
# `make bench-calibration` counts how often the certificate's verdict is right
# `make bench-hidden-original` measures how near shards come to an original that is hidden from them
# `make train`      installs the extra `train` (PyTorch, transformers, peft): `openmoat generate`, `train`
# `make format`     formats; `make lock` pins dependencies anew; `make clean` removes it all
# Needs Python 3.11 to 3.13 with pip, make and git. Another Python: make PYTHON=python3.12

PYTHON ?= python3
UV ?= uv
UPGRADE ?=
PYTEST_ARGS ?=
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --no-header \
        --no-emit-index-url --no-annotate $(UPGRADE)
# What a file's tests share is made once, so that a file stays with one worker.
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile
CHECK := import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else \
         "openmoat needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d. " \
         "Name another one: make PYTHON=python3.12" % v)

# Prefect works without a server here, and reports to nobody.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := $(BIN)/openmoat
.PHONY: demo test test-slow lint bench-ingest bench-signals bench-dedup bench-evals bench-models \
        bench-replay bench-mixture bench-hidden-original bench-generations bench-mixture-inference \
        bench-calibration train format lock clean

demo: $(BIN)/openmoat
	$(BIN)/openmoat demo

test: $(VENV)/dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)

test-slow: $(VENV)/dev
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What they are compared with goes into .venv-peers, which the benches make themselves at need.
bench-ingest: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.ingest $(ARGS)

bench-signals: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.signals $(ARGS)

bench-dedup: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.dedup $(ARGS)

bench-evals: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.evals $(ARGS)

bench-models: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.models $(ARGS)

bench-replay: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.replay $(ARGS)

bench-mixture: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.mixture $(ARGS)

bench-generations: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.generations $(ARGS)

bench-mixture-inference: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.mixture_inference $(ARGS)

bench-calibration: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.calibration $(ARGS)

bench-hidden-original: $(BIN)/openmoat
	$(BIN)/python -m benchmarks.hidden_original $(ARGS)

# Outside of the locks: resolved for every platform, torch takes gigabytes of CUDA with it.
TRAIN := torch==2.13.0 "transformers>=5.24,<6" "peft>=0.21,<1"

train: $(BIN)/openmoat
	$(PIP) install $(TRAIN)

format: $(VENV)/dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# Core and build tools are picked from what the development lock holds, so that the three agree.
lock:
	$(LOCK) pyproject.toml --extra semantic --group dev -o requirements-dev.lock
	$(LOCK) pyproject.toml -c requirements-dev.lock -o requirements.lock
	$(LOCK) --group build -c requirements-dev.lock -o requirements-build.lock

clean:
	rm -rf $(VENV) .venv-peers dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The interpreter, the program and `dev` are the stamps: a second call installs nothing, a changed
# lock does.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON). Name a Python 3.11 to 3.13: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c '$(CHECK)'
	@echo "Setting up $(VENV): a few minutes the first time, about 1 GB"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(BIN)/openmoat: requirements.lock requirements-build.lock pyproject.toml | $(BIN)/python
	$(PIP) install -r requirements.lock -r requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(BIN)/openmoat
	$(PIP) install -r requirements-dev.lock
	$(PIP) install $(TRAIN) torchdata==0.11.0
	@touch $@
