# `make` lists the targets. Each is one command; what it does is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help setup wasm wasm-panic tool run test lint unit envoy-test fmt fuzz soak bench-ledger bench-detect bench-guard bench eval train clean

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs Envoys, the wasm target and the test clients (ENVOY=/path uses that Envoy)
	@scripts/setup.sh

wasm: ## Builds dist/tollgate.wasm (TOLLGATE_WASM_TOOLCHAIN=rustup|debian forces a toolchain)
	@scripts/wasm.sh module

wasm-panic: ## Builds dist/tollgate-panic.wasm, which a header makes crash; for tests only
	@scripts/wasm.sh panic

tool: ## Builds dist/tollgate, the native tool
	@cargo build --locked --release --target-dir target -p tollgate-cli
	@mkdir -p dist && cp target/release/tollgate dist/tollgate

run: ## Runs Tollgate with a mock provider, or with UPSTREAM=https://host/v1 (docs/run.md)
	@scripts/run.sh

test: setup ## Runs everything: formatting, lints, native tests, tests with Envoy and clients
	@scripts/test.sh all

lint: ## Checks formatting, lints, documentation and the Envoy files
	@scripts/setup.sh python
	@scripts/test.sh lint

unit: ## Runs the native tests only, without Envoy
	@scripts/test.sh unit

envoy-test: setup ## Runs the tests with Envoy whose names contain T=name
	@scripts/test.sh envoy

fmt: ## Formats the code
	@cargo fmt --all

fuzz: ## Sends anything through guardrails for SECONDS=60, or the one case of SEED=n again
	@FUZZ_SECONDS=$(or $(SECONDS),60) $(if $(SEED),FUZZ_SEED=$(SEED)) cargo test --locked \
		-p tollgate --lib call::tests::fuzz -- --nocapture

soak: setup ## Makes 50,000 calls that end in every way and compares what was settled (CALLS=n)
	@SOAK_CALLS=$${CALLS:-50000} scripts/test.sh envoy soak::

bench-ledger: ## Measures what it costs to reserve and to settle
	@cargo bench --locked -p tollgate --bench ledger

bench-detect: ## Measures what it costs to look for personal data and secrets
	@cargo bench --locked -p tollgate --bench detect

bench: setup ## Measures Tollgate
	@scripts/bench.sh

eval: ## Measures quality on labelled texts (DATA=folder; docs/estimates.md, docs/guardrails.md)
	@scripts/eval.sh

train: ## Trains the classifiers anew on labelled texts (DATA=folder; docs/classifiers.md)
	@scripts/setup.sh python
	@scripts/train.sh

clean: ## Removes what was built; what set-up installed stays
	@rm -rf target dist .run
