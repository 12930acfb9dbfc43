# Everything that is done with this repository. Needs Node.js 20 or newer with npm, and Go once, where the control
# plane's binaries cannot be downloaded. What runs is the Node.js that package.json pins, whatever the machine has.

NODE := node_modules/.bin/node
INSTALLED := node_modules/.installed
PINNED = $(shell sed -n 's/^    "node": "\([0-9.]*\)",*$$/\1/p' package.json)
# With REPORTS=<folder>, test results are also written there, as JSON.
REPORT = $(if $(REPORTS),-- --reporter=default --reporter=json --outputFile.json=$(REPORTS)/$@.json)

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-integration test-chaos chaos test-packaging bench typecheck lint \
	format generate generated-check cli controlplane binaries foreign image release clean

##@ Begin here

help: ## Show this help
	@awk 'BEGIN { FS = ":.*## "; print "Usage: make TARGET" } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## See it work on a real API server (ONCE=1: end by itself)
	@$(NODE) tools/demo/main.ts $(if $(filter-out 0,$(ONCE)),--once)

##@ Test

test: typecheck lint generated-check test-unit test-integration test-chaos test-packaging ## Run everything (-k: go on after a failure)

test-unit: $(INSTALLED) ## Run unit and property tests
	npm run --silent test:unit $(REPORT)

test-integration: $(INSTALLED) binaries ## Run tests on a real control plane
	npm run --silent test:integration $(REPORT)

test-chaos: $(INSTALLED) binaries ## Run the short form of the chaos suite (CHAOS_SEED=n repeats a run)
	npm run --silent test:chaos $(REPORT)

chaos: $(INSTALLED) binaries ## Run the chaos suite: deaths, outages, a faulty network, split brain, churn (minutes)
	CHAOS=full npm run --silent test:chaos $(REPORT)

test-packaging: $(INSTALLED) binaries foreign ## Try what people install: manifests, chart, image, release
	npm run --silent test:packaging $(REPORT)

typecheck: $(INSTALLED) ## Check types
	npm run --silent typecheck

lint: $(INSTALLED) ## Check style, formatting and import directions
	npm run --silent lint

generated-check: $(INSTALLED) ## Check that what is generated from the CRDs is up to date
	npm run --silent generate -- --check

bench: $(INSTALLED) binaries ## Measure speed and size, against a plain load generator (35 minutes; BENCH="burst --quick")
	@mkdir -p $(or $(REPORTS),.tmp)
	npm run --silent bench -- --json $(or $(REPORTS),.tmp)/bench.json $(BENCH)

##@ Develop

format: $(INSTALLED) ## Format, and mend what the linter can mend
	npm run --silent format

generate: $(INSTALLED) ## Generate the types of the CRDs
	npm run --silent generate

cli: $(INSTALLED) ## Bundle kubectl-baseline into one file: dist/kubectl-baseline
	npm run --silent build:cli

image: $(INSTALLED) ## Build the image, with whatever is there: docker, podman or buildah (BUILD_IMAGE: a base of your own)
	@$(NODE) tools/image/main.ts

release: $(INSTALLED) ## Make all that a release consists of (IMAGE_REPOSITORY: where clusters pull the image)
	@$(NODE) tools/release/main.ts

controlplane: $(INSTALLED) ## Start a control plane and keep it until Ctrl-C
	@$(NODE) tools/controlplane/main.ts start

binaries: $(INSTALLED) ## Obtain the control plane's binaries (minutes, once)
	@$(NODE) tools/controlplane/main.ts ensure-binaries

foreign: $(INSTALLED) ## Obtain the foreign tools that packaging tests need (minutes, once; TOOLS="..." for some)
	@$(NODE) tools/foreign/main.ts $(TOOLS)

# The control plane's binaries and the foreign tools stay in the user's cache.
clean: ## Remove what was installed here
	rm -rf node_modules dist coverage .tmp

# A stamp, so that this is done again when the lockfile changes. npm's older versions run the install script of the
# package `node` always, newer ones because package.json allows it; where scripts are off, say so now, not later.
$(INSTALLED): package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' && npm --version >/dev/null || \
		{ echo 'Needed: Node.js 20 or newer, with npm (https://nodejs.org).' >&2; exit 1; }
	@echo 'Installing dependencies ...'
	@npm ci --loglevel=error
	@test "$$($(NODE) --version 2>/dev/null)" = v$(PINNED) || \
		{ echo 'npm has not installed Node.js $(PINNED): its package "node" does so by an install script.' >&2; \
		echo 'Allow it (npm config get ignore-scripts) and run: npm rebuild node && make' >&2; exit 1; }
	@touch $@
