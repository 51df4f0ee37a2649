"""Trains by folds and says what comes out: `evaluate.py BAGS inj|tox [key=value...]`.

Two figures side by side: grouped folds (near-copies stay together) and leave-one-source-out
(the source and the near-copies of its rows are left out). Thresholds come from the grouped
folds' clean rows; a cluster of near-copies counts once ("fresh").
"""
import pickle
import sys
import time
from collections import defaultdict

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize

SETTINGS = dict(scale_w=1.0, scale_l=1.0, scale_c=0.7, l2=1.0, rounds=1, share=1.0, cap=12, other=0.3,
                harm=0.2, whole=0.5, source_power=0.5, hard=1.0, minsrc=1, folds=4, loso=1, iters=60, tf=0, pow=0.25, lex=0.3, profane=1.0)


class Set:
    """Windows of texts as rows of one matrix, with labels and weights by text."""

    def __init__(self, path, task, s):
        meta, mats, n, start = pickle.load(open(path, "rb"))
        self.s = s
        label, weight = [], []
        for m in meta:
            y, w = label_of(m, task, s)
            label.append(y)
            weight.append(w)
        keep = [i for i, y in enumerate(label) if y is not None]
        self.meta = [meta[i] for i in keep]
        self.y = np.array([label[i] for i in keep], np.int8)
        self.kindw = np.array([weight[i] for i in keep])
        self.cluster = np.array([m["cluster"] for m in self.meta])
        self.source = np.array([m["source"] for m in self.meta])
        agg_r, agg_c, self.doc, self.is_whole = [], [], [], []
        r = 0
        for d, i in enumerate(keep):
            a, b = int(start[i]), int(start[i + 1])
            wins = [(k, k + 2) for k in range(a, b - 1)] or [(a, b)]
            for x, z in wins:
                for k in range(x, z):
                    agg_r.append(r)
                    agg_c.append(k)
                self.doc.append(d)
                r += 1
        self.doc = np.array(self.doc)
        A = sp.csr_matrix((np.ones(len(agg_r), np.float32), (agg_r, agg_c)), shape=(r, len(n)))
        N = A @ n
        parts = []
        for g, sc in enumerate((s["scale_w"], s["scale_l"], s["scale_c"])):
            X = A @ mats[g]
            if s["tf"]:
                X.data = np.minimum(X.data, 4)
            parts.append(sp.diags((sc / (np.maximum(N[:, g], (8, 8, 2)[g]) / (50, 150, 6)[g]) ** s["pow"] / (50, 150, 6)[g] ** 0.5).astype(np.float32)) @ X)
        # The groups share one table: an index of a bucket is the same weight, but each group its own scale.
        self.X = (sp.hstack(parts) if s["share"] == 0 else parts[0] + parts[1] + parts[2]).tocsr().astype(np.float32)


def label_of(m, task, s):
    l, src = m["label"], m["source"]
    if src == "tok_corpus" and m["category"].startswith(("lang", "en_", "email", "unicode", "table")):
        return None, 0  # attacks of other files among them; tables: CC-BY-SA
    if task == "inj":
        if l == "attack":
            return 1, 1.0
        if l == "benign":
            return 0, 1.0
        if l == "harmful":
            return 0, s["harm"]
        if l in ("other",) or (src.startswith("tox_") and l in ("nontoxic", "toxic")):
            return 0, s["other"]
        return None, 0
    if l == "toxic":
        return 1, (s["lex"] if src.startswith("lex_") else 1.0)
    if l == "nontoxic":
        # Profanity without hate is clean there; a filter of toxicity may flag it.
        return 0, (s["profane"] if m["category"] in ("hatecheck_profanity_nh", "hatecheck_slur_reclaimed_nh") or m["category"].startswith("hatecheck_target_indiv") else 1.0)
    if l in ("benign",):
        return 0, s["other"]
    if l == "other":
        return 0, s["other"]
    return None, 0


def weights_of(ds, idx):
    """By text: near-copies share a weight, large sources are held down."""
    size = defaultdict(float)
    for i in idx:
        size[ds.cluster[i]] += 1
    w = np.zeros(len(ds.y))
    for i in idx:
        w[i] = size[ds.cluster[i]] ** -ds.s.get("cluster_power", 0.7)
    tot = defaultdict(float)
    for i in idx:
        tot[ds.source[i]] += w[i]
    for i in idx:
        w[i] *= tot[ds.source[i]] ** -ds.s["source_power"] * ds.kindw[i]
    for y in (0, 1):
        m = np.zeros(len(w), bool)
        m[idx] = True
        m &= ds.y == y
        w[m] /= w[m].sum()
    return w * 2000


def fit(X, y, w, l2, iters, theta=None):
    sgn = np.where(y == 1, 1.0, -1.0)
    XT = X.T.tocsr()
    n = X.shape[1]

    def f(t):
        z = (X @ t[:-1].astype(np.float32) + t[-1]) * sgn
        e = np.exp(-np.abs(z))
        loss = np.where(z > 0, np.log1p(e), -z + np.log1p(e))
        g = -sgn * w * np.where(z > 0, e / (1 + e), 1 / (1 + e))
        return (w * loss).sum() + 0.5 * l2 * (t[:-1] ** 2).sum(), np.append(XT @ g.astype(np.float32) + l2 * t[:-1], g.sum())

    t = np.zeros(n + 1) if theta is None else theta
    return minimize(f, t, jac=True, method="L-BFGS-B", options=dict(maxiter=iters, maxcor=8)).x


def feature_scale(ds, idx_docs, rows):
    """A feature that one source only has is trusted less than one of many."""
    s = ds.s
    srcs = sorted(set(ds.source[idx_docs]))
    count = np.zeros(ds.X.shape[1], np.float32)
    num = {x: k for k, x in enumerate(srcs)}
    sid = np.array([num[ds.source[d]] for d in ds.doc[rows]])
    Xb = ds.X[rows]
    for k in range(len(srcs)):
        sub = Xb[sid == k]
        count[np.unique(sub.indices)] += 1
    sc = np.minimum(count, 8) / 8
    sc = sc ** s["srcpow"] if s.get("srcpow") else (count > 0).astype(np.float32)
    sc[count < s["minsrc"]] = 0
    return sc


def subsample(ds, idx, seed=0):
    rng = np.random.default_rng(seed)
    seen = defaultdict(int)
    out = []
    for i in rng.permutation(idx):
        seen[ds.cluster[i]] += 1
        if seen[ds.cluster[i]] <= ds.s["cap"]:
            out.append(i)
    return np.array(sorted(out))


def train(ds, idx):
    """Multiple instances: of an attack, the windows that look most like one count."""
    s = ds.s
    idx = subsample(ds, idx)
    w_doc = weights_of(ds, idx)
    inset = np.zeros(len(ds.y), bool)
    inset[idx] = True
    rows = np.flatnonzero(inset[ds.doc])
    scale = feature_scale(ds, idx, rows)
    Xr = (ds.X[rows] @ sp.diags(scale)).tocsr()
    act = np.unique(Xr.indices)
    X = Xr[:, act]
    doc, y = ds.doc[rows], ds.y[ds.doc[rows]]
    per = np.bincount(doc, minlength=len(ds.y))
    w = w_doc[doc] / per[doc]
    t = fit(X, y, w, s["l2"], s["iters"])
    for _ in range(int(s["rounds"])):
        z = X @ t[:-1] + t[-1]
        best = np.full(len(ds.y), -1e9)
        np.maximum.at(best, doc, z)
        soft = np.exp(np.clip((z - best[doc]) * s["hard"], -30, 0))
        norm = np.bincount(doc, soft, minlength=len(ds.y))
        w = np.where(y == 1, w_doc[doc] * soft / norm[doc], w_doc[doc] * (0.5 * soft / norm[doc] + 0.5 / per[doc]))
        t = fit(X, y, w, s["l2"], s["iters"] // 2, t)
    full = np.zeros(ds.X.shape[1])
    full[act] = t[:-1] * scale[act]
    return full, t[-1]


def score(ds, model, idx):
    inset = np.zeros(len(ds.y), bool)
    inset[idx] = True
    rows = np.flatnonzero(inset[ds.doc])
    z = ds.X[rows] @ model[0] + model[1]
    best = np.full(len(ds.y), -1e9)
    np.maximum.at(best, ds.doc[rows], z)
    return best[idx]


def fold_of(ds, folds):
    order = {c: k for k, c in enumerate(np.random.default_rng(5).permutation(np.unique(ds.cluster)))}
    return np.array([order[c] % folds for c in ds.cluster])


def threshold(neg, w, fpr):
    o = np.argsort(-neg)
    c = np.cumsum(w[o]) / w.sum()
    k = np.searchsorted(c, fpr, side="right")
    return neg[o][min(k, len(o) - 1)]


def main(path, task, opts):
    s = dict(SETTINGS)
    s.update({k: float(v) for k, v in (o.split("=") for o in opts)})
    t0 = time.time()
    ds = Set(path, task, s)
    allidx = np.arange(len(ds.y))
    fold = fold_of(ds, int(s["folds"]))
    oof = np.zeros(len(ds.y))
    for k in range(int(s["folds"])):
        oof[fold == k] = score(ds, train(ds, allidx[fold != k]), allidx[fold == k])
    report(ds, task, oof, s, t0)
    return ds, oof, s, t0


def clean(ds, task):
    """The rows whose false alarms count."""
    if task == "inj":
        return (ds.y == 0) & np.array([m["label"] == "benign" and not m["source"].startswith("own") for m in ds.meta])
    return (ds.y == 0) & np.array([m["label"] in ("nontoxic", "benign") and not m["source"].startswith("own") for m in ds.meta])


def attacks(ds):
    return (ds.y == 1) & np.array([not s.startswith(("own", "lex")) for s in ds.source])


def report(ds, task, oof, s, t0):
    cw = 1 / np.array([np.count_nonzero(ds.cluster == c) for c in ds.cluster])
    neg, pos = clean(ds, task), attacks(ds)
    thr = {f: threshold(oof[neg], np.ones(neg.sum()), f) for f in (0.001, 0.01, 0.03, 0.05)}
    print("grouped folds: " + "  ".join("FPR %.1f%%: recall %.1f%% (fresh %.1f%%)" % (
        100 * f, 100 * (oof[pos] > t).mean(), 100 * (cw * (oof > t))[pos].sum() / cw[pos].sum()) for f, t in thr.items()), "%.0fs" % (time.time() - t0), flush=True)
    if not s["loso"]:
        table(ds, oof, None, thr, neg, pos, cw)
        return
    loso = np.full(len(ds.y), np.nan)
    p = sorted(set(ds.source[pos]), key=lambda x: -np.count_nonzero(ds.source[pos] == x))
    q = sorted(set(ds.source[neg]) - set(p), key=lambda x: -np.count_nonzero(ds.source[neg] == x))
    for k in range(max(len(p), len(q))):
        out = set(p[k:k + 1] + q[k:k + 1])
        held = np.isin(ds.source, list(out))
        gone = held | np.isin(ds.cluster, np.unique(ds.cluster[held & (neg | pos)]))
        m = train(ds, np.flatnonzero(~gone))
        loso[held] = score(ds, m, np.flatnonzero(held))
    both = neg | pos
    ltr = {f: threshold(loso[neg], np.ones(neg.sum()), f) for f in (0.01, 0.03, 0.05)}
    macro = lambda f: 100 * np.mean([(loso[pos & (ds.source == x)] > ltr[f]).mean() for x in set(ds.source[pos]) if np.count_nonzero(pos & (ds.source == x)) >= 10])
    print("left out, thresholds of the pool: " + "  ".join("FPR %.0f%%: recall %.1f%% fresh %.1f%% macro %.1f%%" % (
        100 * f, 100 * (loso[pos] > t).mean(), 100 * (cw * (loso > t))[pos].sum() / cw[pos].sum(), macro(f)) for f, t in ltr.items()))
    print("left out, thresholds of the folds: " + "  ".join("%.1f%%: FPR %.1f%% recall %.1f%%" % (
        100 * f, 100 * (loso[neg] > t).mean(), 100 * (loso[pos] > t).mean()) for f, t in thr.items()), "%.0fs" % (time.time() - t0))
    table(ds, oof, loso, thr, neg, pos, cw)


def table(ds, oof, loso, thr, neg, pos, cw):
    print("| source | rows | label | 1% | 5% | left out 1% | 3% | 5% |")
    for x in sorted(set(ds.source)):
        for lab, m in (("attack", pos), ("clean", neg), ("other", (ds.y == 0) & ~neg)):
            k = m & (ds.source == x)
            if k.sum():
                f = lambda a, t: "-" if a is None or np.isnan(a[k]).any() else "%.1f" % (100 * (a[k] > t).mean())
                print("| %s | %d | %s | %s | %s | %s | %s | %s |" % (x, k.sum(), lab, f(oof, thr[0.01]), f(oof, thr[0.05]), f(loso, thr[0.01]), f(loso, thr[0.03]), f(loso, thr[0.05])))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
