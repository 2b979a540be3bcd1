# `make demo` and `make test` need nothing but Python >= 3.11 with its venv module; the first call installs, later ones do not.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all coverage lint

demo: .venv/.installed
	$(BIN)/hauberk demo

test: lint
	$(BIN)/python -m pytest -n 2 --durations=10

test-all: lint
	$(BIN)/python -m pytest -n 2 -m "product or not product"

# Tracing lines takes half as long again as the tests themselves.
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast]'
	touch $@

.venv/.installed-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ .venv/.installed
