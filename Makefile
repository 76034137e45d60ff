# `make demo` and `make test` need only python3, python3-venv and make; uv is used where it is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTHON311 ?= python3.11
TFDV := .venv-tfdv
TFDV_PACKAGES := tensorflow-data-validation==1.16.1 apache-beam==2.60.0
SOURCES := schemas transforms pipelines runners tests benchmarks examples setup.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test quick lint interop bench clean

help:
	@echo "make setup   install recordmill and its tools into $(VENV)"
	@echo "make demo    prepare the census sample into out/census and check it"
	@echo "make test    all tests; make quick leaves out the slow ones"
	@echo "make lint    ruff, ruff format and mypy"
	@echo "make interop our statistics, schema and anomalies against TensorFlow Data Validation"
	@echo "make bench   the benchmarks, against stock TFT and Beam's MLTransform"

setup: $(VENV)/.installed build/types/recordmill

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'; \
	fi
	@touch $@

# mypy sees the folders under the package's name through this link.
build/types/recordmill:
	@mkdir -p build/types && ln -sfn ../.. $@

demo: setup
	$(BIN)/recordmill run census --output out/census --overwrite
	$(BIN)/recordmill verify out/census

test: setup
	$(BIN)/pytest -n auto --dist loadfile

quick: setup
	$(BIN)/pytest -n auto --dist loadfile -m "not slow"

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

interop: setup $(TFDV)/.installed
	$(BIN)/python tests/interop/prepare_census.py build/interop
	$(TFDV)/bin/python tests/interop/tfdv_statistics.py build/interop

# TensorFlow Data Validation ends at Python 3.11, and finds no dill beside a newer Beam.
$(TFDV)/.installed: Makefile
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON311) $(TFDV) && \
		uv pip install --quiet --python $(TFDV)/bin/python $(TFDV_PACKAGES); \
	else \
		$(PYTHON311) -m venv $(TFDV) && $(TFDV)/bin/pip install --quiet $(TFDV_PACKAGES); \
	fi
	@touch $@

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(TFDV) build out
