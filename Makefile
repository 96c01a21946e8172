# Everything for working on logscan. `make demo` and `make test` need only Python 3.11 or newer with pip, and set up the
# rest in .venv, `make test` with torch; `make PYTHON=python3.12 test` uses another Python. Written for GNU make 3.81, which macOS has.

PYTHON = python3
BIN = .venv/bin
LIGHT = .venv/.light
READY = .venv/.ready

.PHONY: help demo test slow lint types check docs site wheel

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

demo: $(LIGHT) ## Scan the example log against a good day
	@$(BIN)/logscan scan examples/shop.log --baseline examples/good.log --format pretty

test: $(READY) ## Run the quick tests
	$(BIN)/python -m pytest -q -n auto -m "not slow"

slow: $(READY) ## Run the slow tests (it is fine if there are none: status 5)
	$(BIN)/python -m pytest -q -n auto -m slow || [ $$? -eq 5 ]

lint: $(READY) ## Look for mistakes, and for code that is not formatted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Check the types
	$(BIN)/mypy

check: lint types test slow ## Run all of these, as .ci/run does

docs: $(READY) ## Write again what is generated: docs/, completions/ and man/
	$(BIN)/python docs/formats.py
	$(BIN)/python docs/commands.py
	$(BIN)/python docs/detectors.py
	$(BIN)/python docs/console.py
	$(BIN)/python docs/shell.py
	$(BIN)/python docs/picture.py

site: $(READY) ## Build the documentation as site/index.html; a link that leads nowhere is an error
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs . site

wheel: $(READY) ## Build dist/logscan-*.whl, which pipx or pip installs
	$(BIN)/python -m build --wheel

# pip of the outer Python fills the environment, so that it works where Debian leaves out python3-venv.
INSTALL = $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	--constraint constraints.txt --editable

$(LIGHT): pyproject.toml constraints.txt setup.py $(wildcard logscan/native/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'logscan needs Python 3.11 or newer: make PYTHON=/path/to/python3'; exit 1; } >&2
	@$(PYTHON) -m pip --version > /dev/null || \
		{ echo '$(PYTHON) has no pip: on Debian, apt install python3-pip'; exit 1; } >&2
	@echo 'Setting up .venv, once ...' >&2
	@$(PYTHON) -m venv --without-pip .venv
	@$(INSTALL) . >&2
	@touch $(LIGHT)

$(READY): $(LIGHT)
	@echo 'Adding torch and what the tests need, once ...' >&2
	@$(INSTALL) '.[dev,docs,train,qlora]' >&2
	@touch $(READY)
