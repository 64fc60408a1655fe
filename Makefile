# The README's two commands are `run` and `test`; `check` and `format` are the daily ones. All are safe to repeat.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTHON ?= python3
PAPERS := $(filter-out _%,$(notdir $(patsubst %/__init__.py,%,$(wildcard plugins/harness_papers/*/__init__.py))))

.PHONY: run test check format bench docs clean

run: $(INSTALLED)
	@status=0; \
	$(BIN)/harness run --plugins all --device cpu --scale smoke || status=$$?; \
	[ $$status -le 1 ] || exit $$status; \
	$(BIN)/harness report --out reports && exit $$status

# Papers and their contract side by side on all cores; the rest alone, since some of it takes times.
test: $(INSTALLED)
	@scripts/install-chromium
	@status=0; \
	$(BIN)/python -m pytest --ignore tests/plugins || status=$$?; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope tests/plugins $(addprefix --harness-plugin=,$(PAPERS)) || status=$$?; \
	exit $$status

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks

docs: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict --quiet

$(INSTALLED): pyproject.toml plugins/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' -e plugins
	@touch $@

clean:
	rm -rf $(VENV) reports site test-output .pytest_cache .mypy_cache .ruff_cache
