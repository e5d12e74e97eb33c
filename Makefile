# The commands of the course; `make help` lists them. Without make (Windows, conda): see "Without make" in README.md.

CORPUS ?= default
OUT ?= runs/$(basename $(notdir $(CORPUS)))$(addprefix -,$(PRESET))
CONSTRAINTS ?= -c constraints.txt
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help lab pretrain test test-units test-notebooks test-browser notebooks bench scaling check clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

lab: .venv/installed-lab ## open the course in JupyterLab (PORT=8888: another port to try first)
	@$(PY) -m course_lib lab $(if $(PORT),--port $(PORT))

pretrain: .venv/installed-lab ## train a language model and let it talk (CORPUS=world, CORPUS=my.txt, PRESET=, OUT=)
	@$(PY) -m course_lib train --corpus $(CORPUS) $(if $(PRESET),--preset $(PRESET)) --out $(OUT) --resume

test: test-units test-notebooks test-browser ## prove everything: library, notebooks, exercises, a real browser, the one-click set-up

# Two processes on two cores: with more threads each, they would mostly wait for one another.
test-units test-notebooks test-browser: export OMP_NUM_THREADS = 1

test-units: .venv/installed-dev
	$(PY) -m pytest -p no:nbval -n 2 --cov --cov-fail-under=90 -m "not notebooks and not browser"

test-notebooks: .venv/installed-dev
	$(PY) -m pytest -n 2 tests/test_notebooks.py

test-browser: .venv/installed-dev
	$(PY) -m pytest -p no:nbval -n 2 tests/browser tests/test_one_click.py

notebooks: .venv/installed-dev ## build notebooks/, exercises/ and solutions/ from sources/
	$(PY) sources/build.py

bench: .venv/installed-dev ## measure speed beside what one would use instead (close all other programs)
	$(PY) benchmarks/bench.py

scaling: .venv/installed-dev ## train the models of many sizes that lesson 15 looks at (goes on where it was stopped)
	$(PY) benchmarks/scaling.py

check: .venv/installed-dev ## lint, types, import order, editions in sync
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && $(PY) -m mypy && .venv/bin/lint-imports && $(PY) sources/build.py --check

clean: ## remove the environment and what the tests wrote; my_work/ and runs/ stay
	rm -rf .venv .cache .coverage* .*_cache .hypothesis

.venv/installed-%: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "This course needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --disable-pip-version-check $(CONSTRAINTS) -e ".[$*]"
	@touch $@
