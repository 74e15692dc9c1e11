# make run    sets everything up, then summarizes and translates the sample articles in configs/quickstart
# make test   sets everything up, then runs the tests
# make mutate drops each rule and table entry of the checks in turn and reports those whose loss no test notices
# make coverage runs the tests of `make test` under coverage and prints what they leave out of lines and branches
# make faults runs every fault there is, short and long, and prints how many were survived; takes under 25 minutes on two cores
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# worksteal: a worker gets whole files, as far as it can, so that what a file sets up is set up once
PARALLEL := -n auto --dist worksteal
FAULTS := $(addprefix tests/,test_faults.py test_crash.py test_shard_kills.py test_hostile.py test_fuzz.py \
  commands/test_forget.py storage/test_memo.py runner/test_inspection.py test_ray_faults.py)

.PHONY: run test lint mutate coverage faults soak clean

run: $(VENV)/.run
	$(BIN)/tomdich run configs/quickstart.yaml --show 3

test: $(VENV)/.test
	$(BIN)/python -m pytest $(PARALLEL) -m "not faults and not soak"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 pipeline # an encoding that is not named is the locale's
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutate: $(VENV)/.test
	$(BIN)/python -m tests.mutate_rules

coverage: $(VENV)/.test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL) -m "not faults and not soak"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --show-missing

faults: $(VENV)/.test
	$(BIN)/python -m pytest $(PARALLEL) -m "not soak" $(FAULTS)

soak: $(VENV)/.test
	$(BIN)/python -m pytest -m soak -s

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tomdich needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.run: $(VENV)/.venv pyproject.toml
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(VENV)/.run pyproject.toml
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable ".[dev,segment,train]"
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable ".[ray]" || \
	  echo "Ray has no wheel for this Python: the tests of engine pools are skipped"
	touch $@
