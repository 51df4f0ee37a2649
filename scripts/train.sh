#!/usr/bin/env bash
# Trains the classifiers and writes src/classify/weights: `train.sh`. The texts come from DATA
# (../shared/data/dev), a release of Django (translations), lists of bad words and train/
# (docs/classifiers.md).
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

data=$(realpath "${DATA:-../shared/data/dev}")
work=target/train
mkdir -p "$work/django"
export OMP_NUM_THREADS=1

heading "Packages"
"$python" -m pip install --quiet --requirement train/requirements.txt --target "$work/packages"
"$python" -m pip download --quiet --no-deps --dest "$work" django==5.2.19
"$python" -m zipfile -e "$work"/[dD]jango-*.whl "$work/django"
for list in cuss@2.2.0 badwords-ko@1.0.4 an-array-of-english-words@2.0.0; do
  name=${list%@*}
  mkdir -p "$work/lists/$name"
  (cd "$work/lists" && npm pack --silent "$list" >/dev/null)
  tar --extract --gzip --strip-components=1 --directory "$work/lists/$name" --file "$work/lists/${list/@/-}.tgz"
done
export PYTHONPATH=$work/packages WORD_LISTS=$work/lists.tsv
: >"$WORD_LISTS"
"$python" train/lists.py "$data" "$work/lists" "$work/lists.tsv"
heading "Features"
"$python" train/extract.py "$data" "$work/bags.pkl" "$work/django"
heading "Weights"
"$python" train/export.py "$work/bags.pkl" src/classify/weights
