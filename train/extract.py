"""Bags of blocks of all texts, kept in WORK (not in the repository)."""
import os
import pickle
import sys
import time
from array import array

import numpy as np
import scipy.sparse as sp

import data
import features
import grammar
import made


def bag(texts):
    """(per group a CSR matrix of blocks, counts per block and group, first block of each text, places of the columns)."""
    cols, vals, ptr = [array("I") for _ in range(3)], [array("H") for _ in range(3)], [[0], [0], [0]]
    n, start = [], [0]
    for t in texts:
        for b in features.blocks(t[:24000]):
            for g in range(3):
                cols[g].extend(b.f[g].keys())
                vals[g].extend(b.f[g].values())
                ptr[g].append(len(cols[g]))
            n.append(b.n)
        start.append(len(n))
    places = np.unique(np.concatenate([np.array(c) for c in cols]))
    mats = [sp.csr_matrix((np.array(vals[g], np.float32), np.searchsorted(places, np.array(cols[g])).astype(np.int32), np.array(ptr[g])),
                          shape=(len(n), len(places))) for g in range(3)]
    return mats, np.array(n, np.float32), np.array(start), places


def own(path):
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line and not line.startswith("#"):
            label, text = line.split("\t", 1)
            yield {"text": text.replace("\\n", "\n"), "label": label, "source": "own_" + os.path.basename(path)[:-4], "category": ""}


def main(folder, out, django=None):
    t0 = time.time()
    rows = []
    for pat in ("inj_*", "ben_*", "harm_*", "tox_*", "lex_*"):
        rows += list(data.rows(folder, pat))
    # Benign texts beside prompts: documents, code, other languages.
    for pat in ("pii_gretel_kr", "pii_presidio_large", "pii_presidio_synth", "sec_*", "tok_corpus"):
        for r in data.rows(folder, pat):
            cat = str(r.get("category", ""))
            if pat == "tok_corpus" and not cat.startswith(("code", "lang", "json", "table", "email", "unicode", "markdown", "en_answer")):
                continue
            rows.append({"text": r["text"], "label": "other", "source": r["source"] if pat != "tok_corpus" else "tok_corpus", "category": cat})
    here = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(here)):
        if name.startswith("own_") and name.endswith(".tsv"):
            rows += [dict(r, source=name[:-4]) for r in own(os.path.join(here, name))]
    rows += [{"text": t, "label": "benign", "source": "own_made"} for t in made.rows()]
    rows += [{"text": t, "label": "benign", "source": "own_clean"} for _, t, _ in grammar.rows("clean")]
    rows += [{"text": t, "label": "benign", "source": "own_languages"} for _, t, _ in grammar.rows("languages")]
    rows += [{"text": t, "label": "attack", "source": "own_attack"} for _, t, _ in grammar.rows("attack")]
    rows += [{"text": t, "label": {"T": "toxic", "C": "nontoxic"}[v], "source": "own_toxic"} for v, t, _ in grammar.rows("toxic")]
    for v, t, _ in grammar.rows("comments"):
        rows.append({"text": t, "label": "toxic" if v == "T" else "nontoxic", "source": "own_plain" if v == "P" else "own_comments"})
    rows += [{"text": t, "label": "benign", "source": "own_noise"} for t in made.noise()]
    rows += [{"text": t, "label": label, "source": "own_encoded"} for label, t in made.encoded()]
    if "WORD_LISTS" in os.environ:
        words = open(os.environ["WORD_LISTS"] + ".innocent", encoding="utf-8").read().split()
        rows += [{"text": w, "label": "nontoxic", "source": "list_innocent"} for w in words]
    if django:
        rows += [{"text": t, "label": "other", "source": "django"} for t in made.translations(django)]
    seen, kept = set(), []
    for r in rows:
        if (r["text"], r["label"]) not in seen:
            seen.add((r["text"], r["label"]))
            kept.append(r)
    rows = kept
    texts = [r["text"] for r in rows]
    cl = data.clusters(texts)
    print("rows", len(rows), "clusters", len(set(cl)), "%.0fs" % (time.time() - t0), flush=True)
    mats, n, start, places = bag(texts)
    meta = [{k: r.get(k, "") for k in ("label", "source", "category")} | {"cluster": c, "bytes": len(r["text"].encode())} for r, c in zip(rows, cl)]
    pickle.dump((meta, mats, n, start, places), open(out, "wb"), protocol=4)
    print("blocks", len(n), "columns", len(places), "nnz", [m.nnz for m in mats], "%.0fs" % (time.time() - t0))


if __name__ == "__main__":
    main(*sys.argv[1:])
