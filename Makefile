# make demo: set up and run the main job.   make test: set up and pass the tests.
# make direction: set up and train the encoder that knows who did what to whom.
# PIP_ARGS is passed to every pip install: an index, a cache folder, a proxy.
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
OUT ?= outputs/demo
DIRECTION ?= outputs/direction
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet -c constraints/dev.txt $(PIP_ARGS)
OBJECTIVES := random_label knn knn_learnt finetune

.PHONY: demo direction test install install-test lint clean

demo: install
	@for objective in $(OBJECTIVES); do \
	    test -f $(OUT)/$$objective/results.json && echo "$$objective: kept from an earlier run in $(OUT)/$$objective" \
	    || $(BIN)/relsym train objective=$$objective hydra.run.dir=$(OUT)/$$objective || exit 1; \
	done
	@$(BIN)/relsym report inputs=$(OUT) hydra.run.dir=$(OUT)/report

direction: install
	@test -f $(DIRECTION)/first/results.json && echo "kept from an earlier run in $(DIRECTION)/first" \
	    || $(BIN)/relsym train experiment=direction hydra.run.dir=$(DIRECTION)/first
	@test -f $(DIRECTION)/run/results.json && echo "kept from an earlier run in $(DIRECTION)/run" \
	    || $(BIN)/relsym train experiment=direction_further init=$(DIRECTION)/first hydra.run.dir=$(DIRECTION)/run

test: install-test
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints/dev.txt
	$(PIP_INSTALL) -e ".[cpu,bundled]"
	@touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml constraints/dev.txt
	$(PIP_INSTALL) -e ".[cpu,bundled,dev]"
	@touch $@ $(VENV)/.installed

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build dist
