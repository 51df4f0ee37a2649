"""Rows of the labelled data, clusters of near-copies, and folds."""
import glob
import json
import os
import re
from collections import defaultdict

INJ_POS = ["inj_agentdojo", "inj_bastion", "inj_cyberseceval", "inj_cyberseceval_ml", "inj_garak",
           "inj_garak_multilingual", "inj_giskard", "inj_gptfuzzer", "inj_inthewild",
           "inj_jbb_artifacts", "inj_llm_adaptive", "inj_pyrit_inthewild", "inj_pyrit_seeds",
           "inj_pyrit_templates"]


def rows(folder, pattern):
    for path in sorted(glob.glob(os.path.join(folder, pattern + ".jsonl"))):
        for line in open(path, encoding="utf-8"):
            yield json.loads(line)


def shingles(text):
    ws = re.findall(r"\w+", text.lower())
    if len(ws) < 8:
        s = "".join(ws)
        return {hash_str(s[i:i + 5]) for i in range(max(1, len(s) - 4))}
    return {hash_str(" ".join(ws[i:i + 4])) for i in range(len(ws) - 3)}


def hash_str(s):
    h = 0xCBF29CE484222325
    for b in s.encode():
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


SALTS = [((i * 0x9E3779B97F4A7C15) | 1) & 0xFFFFFFFFFFFFFFFF for i in range(1, 33)]


def clusters(texts, near=0.5):
    """A number per text, the same for near-copies: min-hash bands, then Jaccard of shingles or
    containment of the smaller in the larger."""
    import numpy as np
    parent = list(range(len(texts)))

    def find(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    sets = [shingles(t) for t in texts]
    salts = np.array(SALTS, dtype=np.uint64)
    bands = defaultdict(list)
    for i, s in enumerate(sets):
        a = np.array(sorted(s), dtype=np.uint64)
        with np.errstate(over="ignore"):
            m = (a[:, None] * salts[None, :])
            m ^= m >> np.uint64(29)
            m = m.min(axis=0)
        for b in range(0, 32, 2):
            bands[(b, int(m[b]), int(m[b + 1]))].append(i)
    for members in bands.values():
        first = members[0]
        for j in members[1:]:
            if find(first) == find(j):
                continue
            inter = len(sets[first] & sets[j])
            if inter >= near * (len(sets[first]) + len(sets[j]) - inter) or inter >= 0.7 * min(len(sets[first]), len(sets[j])):
                parent[find(j)] = find(first)
    return [find(i) for i in range(len(texts))]
