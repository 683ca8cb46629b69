# Sets up its own .venv (Python 3.11, exact versions of constraints.txt) and runs. A second call installs nothing again.

# The first of python3.11 and python3 that is a 3.11. Another one: make test PYTHON=/path/to/python
PYTHON ?= $(firstword $(foreach name,python3.11 python3,$(shell $(name) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $(name))))
BIN := .venv/bin
INSTALLED := .venv/installed-by-make
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint wheel clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name words; do printf 'make %-9s %s\n' "$$name" "$$words"; done

demo: $(INSTALLED) ## train on real digits, draw the glimpses, export, ask it over REST (5 minutes)
	$(BIN)/tf-glimpse demo --workdir build/demo

test: lint ## ruff, then every test and doctest that is not slow (a quarter of an hour on 2 cores)
	$(PYTEST)

test-slow: $(INSTALLED) ## only the tests marked slow
	$(PYTEST) -m slow

lint: $(INSTALLED) ## ruff alone
	$(BIN)/python -m ruff check .

wheel: $(INSTALLED) ## dist/tf_glimpse-*.whl, package data included
	rm -rf build/lib build/bdist.* tf_glimpse.egg-info
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what builds and runs left, keep .venv
	rm -rf build dist tf_glimpse.egg-info .pytest_cache .ruff_cache
	find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@test -x $(BIN)/python -o -n "$(PYTHON)" || { echo "tf_glimpse needs Python 3.11, found: $$(python3 --version 2>&1). Install it, or: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "Creating .venv with $(PYTHON)"; test ! -e .venv || { echo ".venv has no pip: make it again after rm -rf .venv" >&2; exit 2; }; $(PYTHON) -m venv .venv || { rm -rf .venv; exit 2; }; }
	@echo "Installing tf_glimpse and what it needs into .venv (once; some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[serve,test]'
	@touch $@
