# Two commands to know: `make demo` and `make test`. Everything else serves them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

DATA ?= ./data
LISTEN ?= 127.0.0.1:8080
DEMO_DATA ?= ./demo-data

.PHONY: help demo test check bench bench-compare fairness faults lessons run web web-check tools licences clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s $$'\t'

demo: web release ## play the whole story with real components, then leave them running (ONCE=1: end after it)
	@target/release/play --data $(DEMO_DATA) $(if $(ONCE),--once,)

.PHONY: release
release: web
	cargo build --release --workspace --locked

run: web release ## a server for real use: make run DATA=./data LISTEN=127.0.0.1:8080
	@target/release/server run --data $(DATA) --listen $(LISTEN)

node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

web: node_modules/.package-lock.json ## build the web apps
	@npm run --silent build -w tablet
	@npm run --silent build -w console
	@npm run --silent build -w verify

web-check: node_modules/.package-lock.json
	npm run --silent check -w tablet
	npm run --silent check -w console
	npm run --silent check -w verify

check: lint ## the quick part of the tests: format, clippy, rustdoc, types, unit tests
	cargo test --workspace --lib --locked

.PHONY: lint
lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(MAKE) --no-print-directory web-check

test: tools lint ## everything that CI runs
	$(MAKE) --no-print-directory web
	cargo build --workspace --locked
	cargo test --workspace --locked
	node --test tests/browser/

tools: ## Debian packages for the browser tests: chromium and Chinese fonts
	@if ! command -v chromium >/dev/null || ! fc-list 2>/dev/null | grep -qi 'noto.*cjk'; then \
		echo 'The browser tests need the Debian packages chromium and fonts-noto-cjk: installing them.'; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null; \
	fi

faults: ## kill, power cut and full disk at every write of every step, tablet and office (make test tries a part)
	FAULTS=all cargo test --workspace --locked --test faults --test server_faults

lessons: node_modules/.package-lock.json tools ## take each remedy out in a copy of the tree and see its test fail (N="3 12": those lessons only)
	@cargo run --quiet --package lessons --locked -- $(N)

licences: ## licences of all dependencies (needs cargo-deny)
	cargo deny check licenses bans sources

bench: release tools ## figures, as lines `bench NAME VALUE UNIT`
	@target/release/bench
	@cargo bench --quiet --workspace --locked --bench tablet --bench many --bench draw
	@tests/netns.sh target/release/bench
	@cargo build --quiet --release --workspace --locked --example make_transcript
	@SERVER=target/release/server node tests/browser/verify-bench.mjs

bench-compare: ## the same draw by PostgreSQL, SQLite and Python, as ratios (what is not installed is left out)
	@server/draw/benches/compare.sh

fairness: ## count again whether draws are fair: docs/fairness.md and its picture
	cargo build --quiet --release --workspace --locked --example fairness
	@target/release/examples/fairness docs

clean:
	cargo clean
	rm -rf node_modules server/console/dist field-agent/ui/dist
