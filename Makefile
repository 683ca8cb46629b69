# Sets up its own .venv (Python 3.11, 3.12 or 3.13, exact versions of constraints.txt) and runs. A second call installs nothing again.

PYTHONS := 3.11 3.12 3.13
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
# The first of python3.11, python3.12, python3.13 and python3 that runs and is one of them. To choose: make test PYTHON=/path/to/python
PYTHON ?= $(firstword $(foreach name,$(PYTHONS:%=python%) python3,$(if $(filter $(PYTHONS),$(shell $(name) $(VERSION) 2>/dev/null)),$(name))))
# One environment holds one Python. Another beside it: make test PYTHON=python3.13 VENV=.venv-3.13
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed-by-make
ifneq ($(origin PYTHON),file)
GIVEN := $(shell $(PYTHON) $(VERSION))
THERE := $(shell test ! -x $(BIN)/python || $(BIN)/python $(VERSION))
endif
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint docs notebooks wheel clean chosen-python

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name words; do printf 'make %-9s %s\n' "$$name" "$$words"; done

demo: $(INSTALLED) ## train on real digits, draw the glimpses, export, ask it over REST (5 minutes)
	$(BIN)/tf-glimpse demo --workdir build/demo

test: lint ## ruff, mypy, then every test and doctest that is not slow (a quarter to half an hour on 2 cores)
	$(PYTEST)

test-slow: $(INSTALLED) ## only the tests marked slow
	$(PYTEST) -m slow

lint: $(INSTALLED) ## ruff and mypy alone
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy tf_glimpse

docs: $(INSTALLED) ## build/docs, the site of docs/: guides, API reference, glossary; a broken link fails
	$(BIN)/python -m mkdocs build

notebooks: $(INSTALLED) ## run the notebooks and keep their outputs in them (half an hour); one: NOTEBOOKS=01_quickstart
	$(BIN)/python notebooks/run.py $(NOTEBOOKS)

wheel: $(INSTALLED) ## dist/tf_glimpse-*.whl, package data included
	rm -rf build/lib build/bdist.* tf_glimpse.egg-info
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what builds and runs left, keep the environment
	rm -rf build dist tf_glimpse.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -path './.venv*' -prune -o -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): setup.cfg pyproject.toml constraints.txt | chosen-python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "Creating $(VENV) with $(PYTHON)"; test ! -e $(VENV) || { echo "$(VENV) has no pip: make it again after rm -rf $(VENV)" >&2; exit 2; }; $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }; }
	@echo "Installing tf_glimpse and what it needs into $(VENV) (once; some minutes, 3.5 GB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[serve,test]'
	@touch $@

# An environment that is there is taken as it is, unless PYTHON names another version: then nothing is installed, run or removed.
chosen-python:
ifeq ($(origin PYTHON),file)
	@test -x $(BIN)/python -o -n "$(PYTHON)" || { echo "tf_glimpse needs Python 3.11, 3.12 or 3.13, found: $$(python3 --version 2>&1). Install one, or: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13" >&2; exit 2; }
else
	@test -n "$(filter $(PYTHONS),$(GIVEN))" || { echo "PYTHON=$(PYTHON) should be a Python 3.11, 3.12 or 3.13; it $(if $(GIVEN),is $(GIVEN),does not run here)" >&2; exit 2; }
	@test "$(or $(THERE),$(GIVEN))" = "$(GIVEN)" || { echo "$(VENV) has Python $(THERE), not $(GIVEN). To have both: make $(MAKECMDGOALS) PYTHON=$(PYTHON) VENV=.venv-$(GIVEN). To have $(GIVEN) alone: rm -rf $(VENV) first" >&2; exit 2; }
endif
