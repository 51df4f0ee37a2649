#!/usr/bin/env bash
# Measures quality on labelled texts in DATA (../shared/data/dev): `eval.sh [pii|secrets]…`, both
# by default.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

data=${DATA:-../shared/data/dev}

# has PREFIX: whether there are texts to measure with.
has() { compgen -G "$data/$1*.jsonl" >/dev/null || die "DATA=$data has no $1*.jsonl"; }

example() { cargo run --locked --quiet --release --target-dir target --example "$@"; }

pii() {
  has pii_
  heading "Personal data: by entity, by source, on clean prompts"
  example eval_guardrails -- personal "$data"
}

secrets() {
  has sec_
  heading "Secrets: texts in which one is found"
  example eval_guardrails -- secrets "$data"
}

[[ $# -gt 0 ]] || set -- pii secrets
for part in "$@"; do
  case $part in
    pii | secrets) "$part" ;;
    *) die "usage: eval.sh [pii|secrets]..." ;;
  esac
done
