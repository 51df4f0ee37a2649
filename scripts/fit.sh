#!/usr/bin/env bash
# Fits the weights of the estimator anew and writes src/tokens/weights.rs: `fit.sh`. The
# texts come from DATA (../shared/data/dev), a release of Django, the sources of the crates
# that this workspace uses, and Python's standard library (docs/estimates.md). Another
# release of one of these gives slightly other weights.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

data=$(realpath "${DATA:-../shared/data/dev}")
work=target/fit
mkdir -p "$work/django"

heading "The exact tokenizer, for counting only"
npm install --prefix "$work" --no-audit --no-fund --silent gpt-tokenizer@4.0.0 openai@6.1.0
heading "Translations"
"$python" -m pip download --quiet --no-deps --dest "$work" django==5.2.19
"$python" -m zipfile -e "$work"/django-*.whl "$work/django"
heading "Texts"
crates=$(cargo metadata --format-version 1 --locked |
  "$python" -c 'import json, os, sys; print(next(os.path.dirname(os.path.dirname(p["manifest_path"])) for p in json.load(sys.stdin)["packages"] if p["source"]))')
stdlib=$("$python" -c 'import os; print(os.path.dirname(os.__file__))')
(cd "$work" && node ../../scripts/fit/corpus.mjs "$data" django/django "$crates" "$stdlib" >corpus.jsonl)
wc -l "$work/corpus.jsonl"
heading "The fit"
cargo run --quiet --profile fast --example fit_tokens -- "$work/corpus.jsonl" >"$work/weights.rs"
cp "$work/weights.rs" src/tokens/weights.rs
cargo fmt
