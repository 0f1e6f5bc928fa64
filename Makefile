# Two commands: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt Makefile 2>/dev/null | cksum | cut -d' ' -f1)

.PHONY: demo test slow setup clean
demo: $(STAMP)
	$(BIN)/lego compile workloads/gemm.yaml
	$(BIN)/lego sim rtl_out/gemm
	$(BIN)/lego ppa rtl_out/gemm

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 -m "not slow"

slow: $(STAMP)
	$(BIN)/pytest -n 2 -m slow

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@sh scripts/check_tools.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@rm -f $(VENV)/.installed-*
	@touch $@

clean:
	rm -rf $(VENV) rtl_out/*/
