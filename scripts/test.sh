#!/usr/bin/env bash
# Checks and tests: `test.sh all|lint|unit|envoy`; `envoy` runs the tests whose names
# contain $T. Each part expects set-up to have been done.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

wasm_target=wasm32-unknown-unknown

# A failing assertion is to stand at the end of what a test prints, not a backtrace.
export RUST_BACKTRACE=0

lint() {
  heading "Formatting"
  cargo fmt --all --check
  heading "Clippy"
  cargo clippy --locked --workspace --all-targets -- -D warnings
  # Debian's Rust, where it builds the module instead, comes without Clippy.
  if [[ -d $(rustc --print target-libdir --target "$wasm_target" 2>/dev/null) ]]; then
    heading "Clippy for wasm"
    cargo clippy --locked -p tollgate-plugin --target "$wasm_target" -- -D warnings
  fi
  heading "Documentation"
  RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps -p tollgate
  heading "envoy/upstream.yaml equals envoy/gateway.yaml"
  "$python" scripts/same_filters.py
}

unit() {
  heading "Native tests"
  cargo test --locked --workspace --exclude tollgate-tests
}

modules() {
  heading "The module"
  scripts/wasm.sh module
  scripts/wasm.sh panic
}

# What the tests with Envoy need, and nothing of the caller's.
environment() {
  TOLLGATE_ENVOY=$(envoy_path)
  TOLLGATE_ENVOY_OLD=$(old_envoy_path old)
  TOLLGATE_ENVOY_OLDEST=$(old_envoy_path oldest)
  export TOLLGATE_ENVOY TOLLGATE_ENVOY_OLD TOLLGATE_ENVOY_OLDEST
  # Tests wait for Envoys and clocks half of their time.
  export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
  export TOLLGATE_WASM=$root/dist/tollgate.wasm
  export TOLLGATE_PANIC_WASM=$root/dist/tollgate-panic.wasm
  export TOLLGATE_PYTHON=$python
  TOLLGATE_REDIS=$(store_path redis-server)
  TOLLGATE_NGINX=$(store_path nginx)
  export TOLLGATE_REDIS TOLLGATE_NGINX
  export TOLLGATE_PRESIDIO=$root/.presidio/bin/python
  export TOLLGATE_LANGCHAIN=$root/.langchain/bin/python
  export TOLLGATE_MINILM=$root/.minilm
  # Istio's schemas are not part of this repository: without them, manifests are not checked.
  if [[ -z ${ISTIO_CRDS:-} && -d ../shared/istio ]]; then ISTIO_CRDS=$(realpath ../shared/istio); fi
  if [[ -n ${ISTIO_CRDS:-} ]]; then
    export ISTIO_CRDS
    printf 'Istio manifests are checked against the schemas in %s\n' "$ISTIO_CRDS"
  else
    unset ISTIO_CRDS
    echo "ISTIO_CRDS is not set: Istio manifests are NOT checked against Istio's schemas"
  fi
}

envoy() {
  modules
  environment
  heading "The mock provider, which the tests of scripts/run.sh start"
  cargo build --locked --target-dir target -p mock-provider
  heading "Tests with Envoy${T:+: $T}"
  cargo test --locked -p tollgate-tests --test envoy -- --nocapture ${T:+"$T"}
}

# A module is linked by one core for a minute: the others do something else meanwhile.
all() {
  mkdir -p target
  modules >target/modules.log 2>&1 &
  local modules=$!
  lint
  if ! wait "$modules"; then
    cat target/modules.log
    die "the module does not build"
  fi
  cat target/modules.log
  environment
  heading "All tests"
  # The tests of the mock provider's program leave it where those of scripts/run.sh look for it.
  cargo test --locked --workspace --target-dir target 2>&1 | tee target/test.log
  # Cargo counts each test program for itself, and closes with one that is empty.
  awk '/^test result:/ { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' target/test.log
}

case ${1:-} in
  all | lint | unit | envoy) "$1" ;;
  *) die "usage: test.sh all|lint|unit|envoy" ;;
esac
