# `make demo` and `make test` need nothing but Python >= 3.11 with its venv module; the first call installs, later ones do not.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all test-lowest coverage lint docs

demo: .venv/.installed
	$(BIN)/hauberk demo

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=10

test-all: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "product or not product"

# With the lowest versions that pyproject.toml promises, in an environment of its own.
test-lowest: .venv-lowest/.installed
	.venv-lowest/bin/python -m pytest -n 2 --dist worksteal

# Tracing lines takes half as long again as the tests themselves.
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# The site, into site/; it fails where a link or an anchor leads nowhere.
docs: .venv-docs/.installed
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --quiet
	@echo site/index.html

.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast]'
	touch $@

.venv/.installed-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ .venv/.installed

.venv-lowest/.installed: pyproject.toml constraints.txt tests/lowest.py
	test -x .venv-lowest/bin/python || $(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python tests/lowest.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c .venv-lowest/constraints.txt \
	  -e '.[fast]' beartype mypy pytest pytest-xdist
	touch $@

# The sources are read, not imported: neither Hauberk nor torch is installed.
.venv-docs/.installed: pyproject.toml constraints.txt
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -c "import tomllib; \
	  print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['docs'], sep='\n')" \
	  > .venv-docs/requirements.txt
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  -r .venv-docs/requirements.txt
	touch $@
