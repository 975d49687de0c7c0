# What can be done here; `make` alone lists it. Each target sets up what it needs, and only what is missing.
# After a cure that the set-up named (a compiler, headers): make -B .venv/.ready

export PYTHON ?= python3
export HOST ?= 127.0.0.1
export PORT ?= 8000

VENV := .venv

.DEFAULT_GOAL := help
.PHONY: help run serve test check bench faults

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.ready .env ## set up, import the sample flows, run them, say what to do next
	@scripts/run-samples

serve: $(VENV)/.ready .env ## set up and open the admin on http://127.0.0.1:8000 (HOST=, PORT=)
	@scripts/serve

test: $(VENV)/.ready-dev ## run the tests on SQLite and on a private MariaDB server (ARGS="-k name")
	@$(VENV)/bin/python -m tests $(ARGS)

check: $(VENV)/.ready-dev ## check format, lint, types, direction of imports, settings, migrations
	@scripts/check

bench: $(VENV)/.ready-dev ## measure, against the limits and the peers
	@$(VENV)/bin/python -m bench $(ARGS)

faults: $(VENV)/.ready-dev ## run the long fault tests, which `make test` leaves out
	@$(VENV)/bin/python -m pytest -m faults $(ARGS)

$(VENV)/.ready: requirements.txt scripts/setup
	@scripts/setup requirements.txt
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt requirements-scale.txt requirements-web.txt
	@scripts/setup requirements-scale.txt
	@scripts/setup requirements-web.txt
	@scripts/setup requirements-dev.txt
	@touch $@

# No prerequisites: a file that is there is never written again.
.env:
	@scripts/write-env
