# `make demo` and `make test` need only python3, python3-venv and make; uv is used where it is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTHON311 ?= python3.11
TFDV := .venv-tfdv
TFDV_PACKAGES := tensorflow-data-validation==1.16.1 apache-beam==2.60.0
TF215 := .venv-tf215
TF217 := .venv-tf217
SOURCES := schemas transforms pipelines runners tests benchmarks examples docs/hooks setup.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-elsewhere quick coverage engines lint structure docs interop interop-data tfdv estimator \
	keras bench clean

help:
	@echo "make setup   install recordmill and its tools into $(VENV)"
	@echo "make demo    prepare the census sample into out/census and check it"
	@echo "make test    all tests, with Beam as it is installed"
	@echo "make quick   the tests that are not slow, with a Beam that remembers for them"
	@echo "make coverage  all tests, and the lines of the package that none of them runs"
	@echo "make engines  fetch Prism and the jars of Flink's job server, for the tests that run on them"
	@echo "make test-elsewhere  all tests, from another folder, on a checkout that is read-only"
	@echo "make lint    ruff, ruff format and mypy"
	@echo "make structure  circles, imports against the rules, sizes, wording"
	@echo "make docs    the documentation and the API reference, into build/site; links checked"
	@echo "make interop our statistics, schema and anomalies against TensorFlow Data Validation,"
	@echo "             the census estimator, on TensorFlow 2.15 without Beam and TFT, and models"
	@echo "             over some features, on TensorFlow 2.15 and 2.17"
	@echo "make bench   the benchmarks, against what users would use instead"

setup: $(VENV)/.installed build/types/recordmill

# $(call environment,FOLDER,PYTHON,PACKAGES)
define environment
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(2) $(1) && \
		uv pip install --quiet --compile-bytecode --python $(1)/bin/python $(3); \
	else \
		$(2) -m venv $(1) && $(1)/bin/pip install --quiet $(3); \
	fi
	@touch $(1)/.installed
endef

$(VENV)/.installed: pyproject.toml setup.py constraints.txt
	$(call environment,$(VENV),$(PYTHON),-c constraints.txt -e '.[dev]')

# mypy sees the folders under the package's name through this link.
build/types/recordmill:
	@mkdir -p build/types && ln -sfn ../.. $@

demo: setup
	$(BIN)/recordmill run census --output out/census --overwrite
	$(BIN)/recordmill verify out/census

test: setup
	$(BIN)/pytest -n auto --dist worksteal

quick: setup
	$(BIN)/pytest -n auto --dist worksteal -m "not slow" --quick-beam

# Processes that tests start count too; so do those that end at once, as the program does.
coverage: export COVERAGE_FILE := $(CURDIR)/build/coverage/data
coverage: export CHECKOUT := $(CURDIR)
coverage: setup
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest -n auto --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Needs Go and Maven; what is there is not fetched again.
engines:
	tests/engines/setup.sh

# Linux only: a mount namespace in which the checkout, bound over itself, is read-only.
test-elsewhere: setup
	unshare --mount $(if $(filter 0,$(shell id -u)),,--map-root-user) sh -euc '\
		mount --bind "$(CURDIR)" "$(CURDIR)"; mount -o remount,bind,ro "$(CURDIR)"; \
		! touch "$(CURDIR)/writable" 2>/dev/null; cd "$$(mktemp -d)"; \
		exec "$(CURDIR)/$(BIN)/pytest" -p no:cacheprovider -n auto --dist worksteal "$(CURDIR)/tests"'

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

structure: setup
	$(BIN)/python tests/helpers/structure.py

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

interop: tfdv estimator keras

interop-data: setup
	$(BIN)/python tests/interop/prepare_census.py build/interop

tfdv: interop-data $(TFDV)/.installed
	$(TFDV)/bin/python tests/interop/tfdv_statistics.py build/interop

estimator: interop-data $(TF215)/.installed
	$(TF215)/bin/python tests/interop/estimator_census.py build/interop/census

# Keras 2 takes features by name; Keras 3 by position, but for what recordmill does about it.
keras: interop-data $(TF215)/.installed $(TF217)/.installed
	$(TF215)/bin/python tests/interop/keras_subset.py build/interop/census
	$(TF217)/bin/python tests/interop/keras_subset.py build/interop/census

# TensorFlow Data Validation ends at Python 3.11, and finds no dill beside a newer Beam.
$(TFDV)/.installed: Makefile
	$(call environment,$(TFDV),$(PYTHON311),$(TFDV_PACKAGES))

# TensorFlow 2.15, the last with tf.estimator, ends at Python 3.11; recordmill as a trainer has it.
$(TF215)/.installed: Makefile pyproject.toml setup.py
	$(call environment,$(TF215),$(PYTHON311),'tensorflow==2.15.*' -e .)

$(TF217)/.installed: Makefile pyproject.toml setup.py
	$(call environment,$(TF217),$(PYTHON311),'tensorflow==2.17.*' -e .)

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(TFDV) $(TF215) $(TF217) build out
