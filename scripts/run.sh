#!/usr/bin/env bash
# Runs Tollgate: builds it, starts stand-ins for two providers and Envoy, says what to try,
# and stops all of it on Ctrl-C. With UPSTREAM=URL in the environment, Envoy calls that
# provider instead; see docs/run.md for this and for GATEWAY_PORT, ADMIN_PORT, MOCK_PORT,
# SECOND_MOCK_PORT and RUN_DIR.
# TOLLGATE_SKIP_BUILD=1 takes what is built and installed as it is; tests of this file use it.
# shellcheck disable=SC2317  # functions are also called by their names: traps, wait_for
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

# What is built and started below must not find the key in its environment; make repeats
# there what stood on its command line.
upstream_key=${UPSTREAM_API_KEY:-}
unset UPSTREAM_API_KEY MAKEFLAGS MAKEOVERRIDES MFLAGS

run=${RUN_DIR:-.run}
# Also tells the folder of an earlier run from others.
lock_name=tollgate-run.lock
gateway_port=${GATEWAY_PORT:-10000}
admin_port=${ADMIN_PORT:-9901}
mock_port=${MOCK_PORT:-8001}
second_mock_port=${SECOND_MOCK_PORT:-8002}
mock=target/debug/mock-provider
mock_pid='' envoy_pid='' log_pid=''
# Set once the folder is this run's own: the file may be another's before.
key_file=''

stop() {
  trap '' INT TERM HUP
  local pid
  for pid in $envoy_pid $mock_pid; do kill "$pid" 2>/dev/null || true; done
  # The log's reader ends by itself, after Envoy's last line.
  for pid in $envoy_pid $mock_pid $log_pid; do wait "$pid" 2>/dev/null || true; done
  rm -f "$key_file"
}

build() {
  if [[ -n ${TOLLGATE_SKIP_BUILD:-} ]]; then
    need_built
    return
  fi
  scripts/setup.sh wasm python
  heading "Tollgate"
  scripts/wasm.sh module
  if [[ -z ${UPSTREAM:-} ]]; then cargo build --locked --target-dir target -p mock-provider; fi
}

need_built() {
  local file
  for file in dist/tollgate.wasm "$python" "$mock"; do
    [[ -f $file ]] || die "TOLLGATE_SKIP_BUILD is set, but there is no $file"
  done
}

# Prints the ports in use: each one's variable, number and purpose.
ports() {
  printf '%s|%s|%s\n' GATEWAY_PORT "$gateway_port" "the gateway"
  printf '%s|%s|%s\n' ADMIN_PORT "$admin_port" "Envoy's admin interface"
  if [[ -n ${UPSTREAM:-} ]]; then return; fi
  printf '%s|%s|%s\n' MOCK_PORT "$mock_port" "the mock of OpenAI"
  printf '%s|%s|%s\n' SECOND_MOCK_PORT "$second_mock_port" "the mock of Anthropic"
}

check_ports() {
  local variable port purpose taken=' '
  while IFS='|' read -r variable port purpose; do
    if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
      die "$variable=$port is no port"
    fi
    if [[ $taken == *" $port "* ]]; then
      die "port $port is wanted twice, also for $purpose; $variable=… takes another"
    fi
    taken+="$port "
  done < <(ports)
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

need_ports() {
  local variable port purpose
  while IFS='|' read -r variable port purpose; do
    if listens "$port"; then
      die "port $port of 127.0.0.1, for $purpose, is taken by another program; $variable=… takes another"
    fi
  done < <(ports)
}

# Refuses a folder that is not for runs: files in it are removed and written.
check_folder() {
  local real own
  real=$(realpath -m -- "$run")
  own=$(realpath -- "$root")
  # Other scripts of ours write there, too.
  if [[ $real == "$own/.run" ]]; then return; fi
  if [[ $real/ == "$own"/* && $real != "$own"/.run/* ]]; then
    die "RUN_DIR=$run is in the repository: there, only .run and folders in it are for runs"
  fi
  if [[ ! -e $real ]]; then return; fi
  [[ -d $real ]] || die "RUN_DIR=$run is no folder"
  if [[ -n $(find "$real" -maxdepth 0 -perm /002) ]]; then
    die "RUN_DIR=$run can be written by anybody; give a folder of your own, or a new one"
  fi
  if [[ -f $real/$lock_name || -z $(find "$real" -mindepth 1 -maxdepth 1 -print -quit) ]]; then return; fi
  die "RUN_DIR=$run holds files that are not of an earlier run; give an empty folder, or a new one"
}

prepare_folder() {
  # What is made here is for its owner only; a folder that is there keeps its mode.
  umask 077
  mkdir -p -- "$run"
  # Held by what is started below, too: until all of it has ended.
  exec {lock}>>"$run/$lock_name"
  flock --nonblock "$lock" || die "$run is in use by another run; RUN_DIR=… takes another folder"
  key_file=$run/provider-key
  rm -f "$run"/{access.log,access.pipe,envoy.log,fallback.yaml,mock.log,provider-key,upstream.json}
}

# `t` ends a line's changes with its first, so that ports can also be swapped.
write_fallback() {
  sed -e "s/port_value: 10000\\b/port_value: $gateway_port/; t" \
    -e "s/port_value: 9901\\b/port_value: $admin_port/; t" \
    -e "s/port_value: 8001\\b/port_value: $mock_port/; t" \
    -e "s/port_value: 8002\\b/port_value: $second_mock_port/" envoy/fallback.yaml >"$run/fallback.yaml"
}

write_upstream() {
  printf %s "$upstream_key" |
    GATEWAY_PORT=$gateway_port ADMIN_PORT=$admin_port "$python" scripts/upstream.py "$run"
}

start_mock() {
  "$mock" "openai=127.0.0.1:$mock_port" "anthropic=127.0.0.1:$second_mock_port" 2>"$run/mock.log" &
  mock_pid=$!
  wait_for "the mock provider" "$mock_pid" "$run/mock.log" mocks_listen
}

mocks_listen() { listens "$mock_port" && listens "$second_mock_port"; }

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
  local json="-H 'content-type: application/json'"
  # Answers have no line break at their end.
  local curl="curl -sS -w '\\n'"
  local chat="$curl $url/v1/chat/completions $json"
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

# As Anthropic's clients ask, whatever the provider speaks
$curl $url/v1/messages $json -H 'x-api-key: demo-acme-key' -H 'anthropic-version: 2023-06-01' -d '{"model":"smart","max_tokens":100,$hello}'

TEXT
  if [[ -z ${UPSTREAM:-} ]]; then say_how_to_fail; fi
  cat <<TEXT
# The models that a key may use: acme has two, blue has one
$curl $url/v1/models $acme
$curl $url/v1/models -H 'authorization: Bearer demo-blue-key'

# A key that nobody has: 401
$chat -i -H 'authorization: Bearer wrong-key' -d '{"model":"smart",$hello}'

# A model that does not exist: 404
$chat -i $acme -d '{"model":"nonesuch",$hello}'

# What was used, for administrators
$curl $url/tollgate/usage -H 'authorization: Bearer demo-admin-key'

# Metrics (Envoy fills histograms every five seconds)
curl -sS http://127.0.0.1:$admin_port/stats/prometheus | grep -E '^(tollgate|gen_ai)' | grep -v _bucket

Calls are shown below, one line each, and kept in $run/access.log; Envoy's own log is
$run/envoy.log. Ctrl-C stops everything.

TEXT
}

# The part for two mocks, of which each call can make one fail.
say_how_to_fail() {
  local quoted_log
  printf -v quoted_log %q "$(realpath -- "$run")/access.log"
  cat <<TEXT
# The first provider fails, the second answers: see x-tollgate-backend and x-tollgate-attempts
$chat -i $acme -H 'x-mock: {"openai":{"status":500}}' -d '{"model":"smart",$hello}'

# The same, streamed, with a provider that breaks the connection
$chat -i $acme -N -H 'x-mock: {"openai":{"fault":"reset_after_head"}}' -d '{"model":"smart","stream":true,$hello}'

# The record of the last of these (the log is written with a delay)
sleep 1; grep '"attempts":2' $quoted_log | tail -n 1 | $quoted_python -m json.tool

TEXT
}

# Returns when a process that should run has ended. By looking, not by `wait -n`: that fails for
# a process which ended, and was reaped, before it was asked about, and would then wait for the
# other one alone. It waits by reading what never comes, which needs no process of its own.
watch() {
  local never
  exec {never}<> <(:)
  while kill -0 "$envoy_pid" 2>/dev/null; do
    if [[ -n ${mock_pid:-} ]] && ! kill -0 "$mock_pid" 2>/dev/null; then
      ended "The mock provider" "$run/mock.log"
    fi
    read -r -t 0.2 -u "$never" || true
  done
  ended Envoy "$run/envoy.log"
}

trap stop EXIT
# Told when it is so: Envoy writes its last log lines while it stops.
trap 'stop; trap - EXIT; printf "\nStopped.\n"; exit 0' INT TERM HUP
check_ports
check_folder
build
need_ports
prepare_folder
if [[ -n ${UPSTREAM:-} ]]; then
  write_upstream
  start_envoy "$run/upstream.json"
else
  write_fallback
  start_mock
  start_envoy "$run/fallback.yaml"
fi
# Envoy has read it: what is not there cannot be found if this process is killed.
rm -f "$key_file"
say_what_to_try
watch
