#!/usr/bin/env bash
# Runs Tollgate: builds it, starts a provider's stand-in and Envoy, says what to try, and
# stops all of it on Ctrl-C. With UPSTREAM=URL in the environment, Envoy calls that provider
# instead; see docs/run.md for the UPSTREAM_… variables.
# shellcheck disable=SC2317  # functions are also called by their names: traps, wait_for
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

# What is built and started below must not find the key in its environment; make repeats
# there what stood on its command line.
upstream_key=${UPSTREAM_API_KEY:-}
unset UPSTREAM_API_KEY MAKEFLAGS MAKEOVERRIDES MFLAGS

run=.run
gateway_port=10000
admin_port=9901
mock_port=8001
mock_pid='' envoy_pid='' log_pid=''

stop() {
  trap '' INT TERM HUP
  local pid
  for pid in $envoy_pid $mock_pid; do kill "$pid" 2>/dev/null || true; done
  # The log's reader ends by itself, after Envoy's last line.
  for pid in $envoy_pid $mock_pid $log_pid; do wait "$pid" 2>/dev/null || true; done
  rm -f "$run/provider-key"
}

build() {
  scripts/setup.sh wasm python
  heading "Tollgate"
  scripts/wasm.sh module
  if [[ -z ${UPSTREAM:-} ]]; then cargo build --locked --target-dir target -p mock-provider; fi
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

need_port() {
  if listens "$1"; then die "port $1 of 127.0.0.1, for $2, is taken by another program"; fi
}

need_ports() {
  need_port "$gateway_port" "the gateway"
  need_port "$admin_port" "Envoy's admin interface"
  if [[ -z ${UPSTREAM:-} ]]; then need_port "$mock_port" "the mock provider"; fi
}

prepare_folder() {
  mkdir -p "$run"
  chmod 700 "$run"
  rm -f "$run"/{access.log,access.pipe,envoy.log,mock.log,provider-key,upstream.json}
}

start_mock() {
  target/debug/mock-provider "127.0.0.1:$mock_port" 2>"$run/mock.log" &
  mock_pid=$!
  wait_for "the mock provider" "$mock_pid" "$run/mock.log" listens "$mock_port"
}

# The access log goes to Envoy's standard output: through a pipe, since Envoy opens
# /dev/stdout anew and would write over a file from its start.
start_envoy() {
  local envoy
  envoy=$(envoy_path)
  mkfifo "$run/access.pipe"
  "$envoy" -c "$1" --concurrency 2 --disable-hot-restart --log-level warning \
    --file-flush-interval-msec 200 >"$run/access.pipe" 2>"$run/envoy.log" &
  envoy_pid=$!
  tee "$run/access.log" <"$run/access.pipe" &
  log_pid=$!
  wait_for Envoy "$envoy_pid" "$run/envoy.log" envoy_ready
}

envoy_ready() {
  listens "$gateway_port" && [[ $(admin_says /ready) == *LIVE* ]]
}

admin_says() {
  exec 3<>"/dev/tcp/127.0.0.1/$admin_port"
  printf 'GET %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' "$1" >&3
  cat <&3
}

# Waits until `command…` succeeds; gives up if the process ends or a minute has gone.
wait_for() {
  local name=$1 pid=$2 log=$3 tries=600
  shift 3
  until "$@"; do
    if ! kill -0 "$pid" 2>/dev/null; then ended "$name" "$log"; fi
    if ((--tries == 0)); then ended "$name" "$log" "was not ready after a minute"; fi
    sleep 0.1
  done
}

ended() {
  printf '\n%s %s. The end of %s:\n' "$1" "${3:-ended}" "$2" >&2
  tail -n 20 "$2" >&2
  exit 1
}

say_what_to_try() {
  local url=http://127.0.0.1:$gateway_port quoted_python
  printf -v quoted_python %q "$python"
  local chat="curl -sS $url/v1/chat/completions -H 'content-type: application/json'"
  local acme="-H 'authorization: Bearer demo-acme-key'"
  local hello='"messages":[{"role":"user","content":"Say hello"}]'
  cat <<TEXT

Tollgate is ready on $url. In another terminal, try:

# A chat
$chat $acme -d '{"model":"smart",$hello}'

# The same, streamed
$chat $acme -N -d '{"model":"smart","stream":true,$hello}'

# By OpenAI's Python library
$quoted_python -c 'from openai import OpenAI; print(OpenAI(base_url="$url/v1", api_key="demo-acme-key").chat.completions.create(model="smart", messages=[{"role": "user", "content": "Say hello"}]).choices[0].message.content)'

# The models that a key may use: acme has two, blue has one
curl -sS $url/v1/models $acme
curl -sS $url/v1/models -H 'authorization: Bearer demo-blue-key'

# A key that nobody has: 401
$chat -i -H 'authorization: Bearer wrong-key' -d '{"model":"smart",$hello}'

# A model that does not exist: 404
$chat -i $acme -d '{"model":"nonesuch",$hello}'

# What was used, for administrators
curl -sS $url/tollgate/usage -H 'authorization: Bearer demo-admin-key'

# Metrics
curl -sS http://127.0.0.1:$admin_port/stats/prometheus | grep -E '^(tollgate|gen_ai)' | grep -v _bucket

Calls are shown below, one line each, and kept in $run/access.log; Envoy's own log is
$run/envoy.log. Ctrl-C stops everything.

TEXT
}

# Returns when a process that should run has ended.
watch() {
  local -a pids=("$envoy_pid" ${mock_pid:+"$mock_pid"})
  wait -n "${pids[@]}" || true
  if kill -0 "$envoy_pid" 2>/dev/null; then ended "The mock provider" "$run/mock.log"; fi
  ended Envoy "$run/envoy.log"
}

trap stop EXIT
trap 'printf "\nStopped.\n"; exit 0' INT TERM HUP
build
need_ports
prepare_folder
if [[ -n ${UPSTREAM:-} ]]; then
  printf %s "$upstream_key" | "$python" scripts/upstream.py "$run"
  start_envoy "$run/upstream.json"
else
  start_mock
  start_envoy envoy/gateway.yaml
fi
# Envoy has read it: what is not there cannot be found if this process is killed.
rm -f "$run/provider-key"
say_what_to_try
watch
