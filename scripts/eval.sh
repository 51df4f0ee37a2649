#!/usr/bin/env bash
# Measures quality on labelled texts in DATA (../shared/data/dev): `eval.sh [tokens|pii|secrets|injection|toxicity]…`,
# all by default.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

data=${DATA:-../shared/data/dev}

# has PREFIX: whether there are texts to measure with.
has() { compgen -G "$data/$1*.jsonl" >/dev/null || die "DATA=$data has no $1*.jsonl"; }

example() { cargo run --locked --quiet --release --target-dir target --example "$@"; }

tokens() {
  has tok_corpus
  heading "Estimates of tokens against exact o200k counts"
  example eval_tokens -- "$data/tok_corpus.jsonl"
}

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

injection() {
  has inj_
  heading "Prompt injection: rows flagged by source, per cent"
  example eval_scores -- injection "$data"
}

toxicity() {
  has tox_
  heading "Toxicity: rows flagged by source, per cent"
  example eval_scores -- toxicity "$data"
}

[[ $# -gt 0 ]] || set -- tokens pii secrets injection toxicity
for part in "$@"; do
  case $part in
    tokens | pii | secrets | injection | toxicity) "$part" ;;
    *) die "usage: eval.sh [tokens|pii|secrets|injection|toxicity]..." ;;
  esac
done
