#!/usr/bin/env bash
# Measures Tollgate against plain Envoy (docs/performance.md). ENVOY, OHA and WASM name
# other binaries, ROUNDS and SECONDS_EACH change the length, PEERS and CALLS choose (PEERS without
# latency unless LATENCY=1), QUICK=1 is a smoke run.
set -euo pipefail
cd "$(dirname "$0")/.."

envoy=${ENVOY:-.venv/bin/envoy}
oha=${OHA:-.tools/bin/oha}
if [[ -z ${OHA:-} && ! -x $oha ]]; then
  cargo install oha --version 1.16.0 --locked --no-default-features --features rustls --root .tools
fi
cargo build --quiet --profile fast -p mock-provider
scripts/wasm.sh floor

no_latency=${PEERS:+1}
if [[ -n ${LATENCY:-} ]]; then no_latency=; fi

# Killing this script must stop the servers: the harness stops them when it ends.
exec python3 benches/bench.py --envoy "$envoy" --oha "$oha" \
  --mock target/fast/mock-provider --wasm "${WASM:-dist/tollgate.wasm}" \
  ${PEERS:+--peers "$PEERS"} ${no_latency:+--no-latency} ${CALLS:+--calls "$CALLS"} \
  ${ROUNDS:+--rounds "$ROUNDS"} ${SECONDS_EACH:+--seconds "$SECONDS_EACH"}
