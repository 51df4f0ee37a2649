#!/usr/bin/env bash
# Builds the wasm module: `wasm.sh module` makes dist/tollgate.wasm, `wasm.sh panic` makes
# dist/tollgate-panic.wasm for tests, `wasm.sh floor` makes dist/floor.wasm for benchmarks, and
# `wasm.sh setup` only prepares the toolchain.
#
# That is rustup's, if it has the wasm target or can download it. Where it cannot, Debian's
# Rust for web applications builds the standard library from its sources; it lives beside
# rustup's and leaves that alone. TOLLGATE_WASM_TOOLCHAIN=rustup|debian forces one.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

target=wasm32-unknown-unknown
# Less inlining than usual: a fifth of the module's size, and with it of each worker's memory.
flags='-C target-feature=+simd128 -C llvm-args=-inline-threshold=60'
debian_packages=(rustc-web cargo-web rust-web-src)
# Remembers that rustup could not download the target, so that builds don't try it again.
fallback=target/wasm-debian/chosen
# Every worker of every Envoy loads it, and Istio's agents fetch it: it stays small.
max_bytes=3670016

rustup_ready() { [[ -d $(rustc --print target-libdir --target "$target" 2>/dev/null) ]]; }

rustup_install() {
  command -v rustup >/dev/null || return 1
  heading "rustup's $target"
  timeout 300 rustup target add "$target" && rustup_ready
}

debian_ready() { dpkg-query -W "${debian_packages[@]}" >/dev/null 2>&1; }

debian_install() {
  if debian_ready; then return; fi
  heading "Debian's ${debian_packages[*]}"
  apt_install "${debian_packages[@]}"
}

# Debian's Rust has no linker for wasm; rustup's toolchain has one, and so has Debian's lld.
debian_linker() {
  local found
  found=$(find "$(rustc --print sysroot)/lib" -name rust-lld -print -quit)
  if [[ -z $found ]]; then
    command -v wasm-ld >/dev/null || apt_install lld
    found=$(command -v wasm-ld)
  fi
  printf '%s\n' "$found"
}

# Settles which toolchain builds, and makes sure that it can.
choose() {
  toolchain=${TOLLGATE_WASM_TOOLCHAIN:-}
  case $toolchain in
    rustup) rustup_ready || rustup_install || die "rustup cannot install $target" ;;
    debian) debian_install ;;
    '') choose_any ;;
    *) die "TOLLGATE_WASM_TOOLCHAIN is 'rustup' or 'debian', not '$toolchain'" ;;
  esac
}

choose_any() {
  toolchain=rustup
  if rustup_ready; then return; fi
  if [[ ! -f $fallback ]] && rustup_install; then return; fi
  toolchain=debian
  debian_install
  mkdir -p "$(dirname "$fallback")"
  touch "$fallback"
}

# The folders are separate, since each toolchain would throw away the other's work.
build() {
  local options=(--package "$1" --release --locked --target "$target" "${@:2}")
  if [[ $toolchain == rustup ]]; then
    folder=target/wasm
    RUSTFLAGS=$flags cargo build "${options[@]}" --target-dir "$folder"
  else
    folder=target/wasm-debian
    build_debian "${options[@]}" --target-dir "$folder"
  fi
}

build_debian() {
  local linker
  linker=$(debian_linker)
  # RUSTC_BOOTSTRAP: -Z build-std is the one thing here that stable Rust does not offer.
  env PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
    RUSTFLAGS="-C linker=$linker -C linker-flavor=wasm-ld $flags" \
    /usr/bin/cargo build -Z build-std=std,panic_abort "$@"
}

# Puts the module into dist/, whole or not at all: an Envoy may be reading it.
deliver() {
  local module=$folder/$target/release/${1//-/_}.wasm file=dist/$2 bytes
  bytes=$(wc -c <"$module")
  if ((bytes > max_bytes)); then die "$file would have $bytes bytes; at most $max_bytes are allowed"; fi
  mkdir -p dist
  cp "$module" "$file.$$"
  mv "$file.$$" "$file"
  printf '%s: %d bytes of at most %d (built by %s)\n' "$file" "$bytes" "$max_bytes" "$toolchain"
}

choose
case ${1:-} in
  setup) ;;
  module)
    build tollgate-plugin
    deliver tollgate-plugin tollgate.wasm
    ;;
  panic)
    build tollgate-plugin --features panic-on-request
    deliver tollgate-plugin tollgate-panic.wasm
    ;;
  floor)
    build tollgate-floor
    deliver tollgate-floor floor.wasm
    ;;
  *) die "usage: wasm.sh setup|module|panic|floor" ;;
esac
