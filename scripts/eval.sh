#!/usr/bin/env bash
# Measures quality on labelled texts: `eval.sh` reads DATA (../shared/data/dev) and prints
# how far estimates of tokens are off.
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

data=${DATA:-../shared/data/dev}
[[ -f $data/tok_corpus.jsonl ]] || die "DATA=$data has no tok_corpus.jsonl"

heading "Estimates of tokens against exact o200k counts"
cargo run --locked --quiet --release --target-dir target --example eval_tokens -- "$data/tok_corpus.jsonl"
