# Every target creates what it needs. `make help` lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SPARK_VENV := .venv-spark
SPARK_BIN := $(SPARK_VENV)/bin
UV_VERSION := 0.13.9
STAMP := $(VENV)/.installed
export TOWNLAKE_HOME ?= $(CURDIR)/lakehouse

.DEFAULT_GOAL := help
.PHONY: help setup setup-spark demo run test test-airflow test-long test-spark test-exhaustive kills lint format team team-stop airflow notebooks lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## create .venv from requirements.lock and put townlake into it

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: $(PYTHON) was not found (make PYTHON=python3 …)"; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

setup-spark: $(SPARK_VENV)/.installed  ## create .venv-spark: the same with Spark, from requirements-spark.lock (needs Java 17)

$(SPARK_VENV)/.installed: requirements-spark.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: $(PYTHON) was not found (make PYTHON=python3 …)"; exit 3; }
	@command -v java >/dev/null || { echo "Java 17 is needed: java was not found"; exit 3; }
	$(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(SPARK_BIN)/uv pip sync --quiet --python $(SPARK_BIN)/python --require-hashes requirements-spark.lock
	$(SPARK_BIN)/uv pip install --quiet --python $(SPARK_BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## a generated city through the real Airflow, to a published foundation (TOWNLAKE_HOME, default ./lakehouse)
	$(BIN)/python -m townlake.demo

run: setup  ## the whole road once, without Airflow
	$(BIN)/townlake run

test: setup  ## every test that needs no scheduler (the kill test among them)
	$(BIN)/python -m pytest -m "not airflow and not exhaustive and not long" -n 2 --dist loadgroup

test-airflow: setup  ## a real Airflow: the chain from file to foundation, killed and resumed
	$(BIN)/python -m pytest -m airflow

test-long: setup  ## proofs over several whole builds: a delivery withdrawn, corrections replayed, addresses against the key
	$(BIN)/python -m pytest -m long -n 2 --dist loadgroup

test-spark: setup-spark  ## the standard elements and the whole foundation on Spark, against DuckDB's, row by row
	$(SPARK_BIN)/python -m pytest -m spark tests/standard tests/e2e/test_spark.py

test-exhaustive: setup  ## a million adversarial cells per standard element, and more; by hand
	$(BIN)/python -m pytest -m exhaustive -n 2

kills: setup  ## SIGKILL at 200 random moments of every step; what a run anew makes of it (KILLS=200 SEED=…)
	TOWNLAKE_TEST_KILLS=$(or $(KILLS),200) $(if $(SEED),TOWNLAKE_TEST_SEED=$(SEED)) $(BIN)/python -m pytest tests/e2e/test_kill.py -n 2 -rP

lint: setup  ## ruff, mypy, import contract, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models

format: setup  ## let ruff put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

team: setup  ## PostgreSQL on loopback for the lake's catalogue and Airflow's metadata (docs/how-to/team-catalogue.md)
	$(BIN)/python -m townlake.team

team-stop: setup  ## stop what `make team` started
	$(BIN)/python -m townlake.team --stop

airflow: setup  ## scheduler and UI on the same lake, loopback only; stop with Ctrl-C
	$(BIN)/python -m townlake.scheduler

notebooks: setup  ## render notebooks/ to pages that open without internet
	$(BIN)/python -m townlake.notebooks

lock:  ## resolve requirements.lock anew, and requirements-spark.lock to the same versions
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet pyproject.toml --extra airflow --extra dev --output-file requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet pyproject.toml --extra dev --extra spark --constraint requirements.lock --output-file requirements-spark.lock

clean:  ## remove the environment's caches and rendered files (never a lakehouse)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt_project/rendered dbt_project/target dbt_project/logs build *.egg-info
	find . -name __pycache__ -type d -not -path './.venv*/*' -exec rm -rf {} +
