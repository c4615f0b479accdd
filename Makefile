# Two commands are enough: `make run` shows travellers crossing a gate, `make test` runs all checks. Both set everything up.

PYTHON := .venv/bin/python
CORES := $(shell nproc)
ARGS ?=

.PHONY: run test check bench evaluate soak fuzz lock pictures help setup-run setup-test

help:            ## what there is
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

run: setup-run   ## the demo: travellers cross a gate (ARGS="--traveller genuine --loop --headless --json" …)
	@$(PYTHON) -m egate demo $(ARGS)

test: setup-test ## all checks and tests
	@tools/check

bench: setup-test ## measure against peers and limits
	@$(PYTHON) -m tests.bench $(ARGS)

soak: setup-test ## long soaks and fuzzing, minutes to hours
	@QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -m slow --timeout 3600 -n $(CORES)

fuzz: setup-test ## coverage-guided fuzzing of every parser of foreign bytes (ARGS="dg2 --runs 1000000")
	@$(PYTHON) -m tests.fuzz $(ARGS)

evaluate: setup-test ## measure the face engines' error rates on the shared data (ARGS="--write")
	@$(PYTHON) -m tests.evaluate $(ARGS)

pictures: setup-test ## draw the pictures of the documentation anew
	@QT_QPA_PLATFORM=offscreen $(PYTHON) -m ui.tools.pictures docs/pictures

lock:            ## resolve requirements/*.in into requirements.lock (needs uv)
	@cd requirements && uv pip compile --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--only-binary :all: --override overrides.txt runtime.in check.in -o ../requirements.lock

setup-run:
	@tools/setup run

setup-test:
	@tools/setup test
