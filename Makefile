# make demo: the whole chain on the synthetic example.   make test: all checks and tests.
# make docs: the documentation as a site, in the folder site.

PYTHON ?= python3
# A build for the CPU is enough; where pip's index has one under another name: make TORCH=...
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test docs lint lint-style lint-types lint-imports lint-code clean

demo: $(VENV)/installed
	$(BIN)/narrowcast build examples/demo.toml --out out/demo

test: $(VENV)/developed $(VENV)/test-tools
	$(MAKE) --no-print-directory --jobs=2 --output-sync lint
	$(BIN)/pytest -n 3 --dist worksteal

# With --quiet, --strict would miss what it warns of.
docs: $(VENV)/developed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: lint-style lint-types lint-imports lint-code

lint-style: $(VENV)/developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: $(VENV)/developed
	$(BIN)/mypy

lint-imports: $(VENV)/developed
	$(BIN)/lint-imports

lint-code: $(VENV)/developed
	$(BIN)/pylint src/narrowcast

$(VENV)/installed: pyproject.toml $(VENV)/tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[all]"
	touch $@

# What checks, tests and the site need as well.
$(VENV)/developed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

$(VENV)/tools: scripts/install-tools
	PYTHON="$(PYTHON)" scripts/install-tools
	$(PYTHON) -m venv $(VENV)
	touch $@

# The tests look at the pages in a browser, run C code on microcontrollers in qemu, and simulate
# exported Verilog in Icarus Verilog.
$(VENV)/test-tools: $(VENV)/tools
	PYTHON="$(PYTHON)" scripts/install-tools chromium iverilog \
		arm-none-eabi-gcc=gcc-arm-none-eabi qemu-system-arm
	touch $@

clean:
	rm -rf $(VENV) out site
