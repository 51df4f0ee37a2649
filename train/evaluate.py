"""Trains and says what comes out: `evaluate.py BAGS inj|tox [key=value...]`.

Four figures: random halves of each source, random fifths, folds with near-copies kept together ("fresh" counts
a cluster of them once), and each source left out with the near-copies of its rows.
"""
import pickle
import sys
import time
from collections import defaultdict

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize

import features
import layer

SETTINGS = dict(scale_w=1.0, scale_l=1.0, scale_c=0.6, l2=0.05, rounds=1, other=0.1, harm=0.2, own=1.0, innocent=0.05, fifths=1,
                source_power=0.5, cluster_power=0.7, hard=1.0, folds=4, loso=1, iters=40, idf=1, lex=0.1, win=2, random=0, nb=0.0, nba=1.0, nbb=0.1, inner=3, layer_l2=1e-3,
                tail=0.0, tail_share=0.15)

# Fewer features than these weigh as if there were so many: words, letters, concepts.
LEAST = (8, 8, 2)


# In texts of about three words, of which none is listed, letters tell little: so much less counts toxicity, in 1/1024.
SHORT, LESS = 15, {"inj": 0, "tox": 1400}


class Set:
    """Windows of texts as rows of one matrix, with labels and weights by text."""

    def __init__(self, path, task, s):
        meta, mats, n, start, places = pickle.load(open(path, "rb"))
        self.s, self.less = s, LESS[task]
        label, weight = [], []
        for m in meta:
            y, w = label_of(m, task, s)
            if m["source"].startswith("own"):
                w *= s.get(m["source"], s["own"])
            if m["source"].startswith("list"):
                w *= s["innocent"]
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
            w = int(s["win"])
            wins = [(k, k + w) for k in range(a, b - w + 1)] or [(a, b)]
            for x, z in wins:
                for k in range(x, z):
                    agg_r.append(r)
                    agg_c.append(k)
                self.doc.append(d)
                r += 1
        self.doc = np.array(self.doc)
        fold = sp.csr_matrix((np.ones(len(places), np.float32), (np.arange(len(places)), features.bucket_of(places.astype(np.int64)))),
                             shape=(len(places), features.BUCKETS))
        A = sp.csr_matrix((np.ones(len(agg_r), np.float32), (agg_r, agg_c)), shape=(r, len(n)))
        N = A @ n
        parts = []
        for g, sc in enumerate((s["scale_w"], s["scale_l"], s["scale_c"])):
            parts.append(sp.diags((sc / np.sqrt(np.maximum(N[:, g], LEAST[g]))).astype(np.float32)) @ (A @ mats[g]) @ fold)
        # The groups share one table: an index of a bucket is the same weight, but each group its own scale.
        self.parts, self.N = parts, N
        self.X = (parts[0] + parts[1] + parts[2]).tocsr().astype(np.float32)


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
        return 0, 1.0
    if l in ("benign",):
        return 0, s["other"]
    if l == "other":
        return 0, s["other"]
    return None, 0


def weights_of(ds, idx, more=1.0):
    """By text: near-copies share a weight, large sources are held down; `more` is a factor of each text."""
    kind = ds.kindw * more
    size = defaultdict(float)
    for i in idx:
        size[ds.cluster[i]] += 1
    w = np.zeros(len(ds.y))
    for i in idx:
        w[i] = size[ds.cluster[i]] ** -ds.s["cluster_power"]
    tot = defaultdict(float)
    for i in idx:
        tot[ds.source[i]] += w[i]
    for i in idx:
        w[i] *= tot[ds.source[i]] ** -ds.s["source_power"] * kind[i]
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


def feature_scale(ds, rows):
    """A feature that was not seen has no weight; a rare one may weigh more than a frequent one."""
    df = np.bincount(ds.X[rows].indices, minlength=ds.X.shape[1])
    scale = (df > 0) * (np.log((1 + len(rows)) / (1 + df)) / 4) ** ds.s["idf"]
    if ds.s["nb"]:
        y = ds.y[ds.doc[rows]]
        p, q = (np.bincount(ds.X[rows[y == k]].indices, minlength=ds.X.shape[1]) for k in (1, 0))
        r = np.abs(np.log((p + ds.s["nba"]) / (p.sum() + 1) * (q.sum() + 1) / (q + ds.s["nba"])))
        scale = scale * (r + ds.s["nbb"]) ** ds.s["nb"]
    return scale


class Model:
    """A weight for each bucket, and the layer over their sums."""

    def __init__(self, weights, bias, layer):
        self.weights, self.bias, self.layer = weights, bias, layer


def windows_of(ds, idx):
    inset = np.zeros(len(ds.y), bool)
    inset[idx] = True
    return np.flatnonzero(inset[ds.doc])


def inputs(ds, weights, rows):
    """Of each window what the layer reads: sums of words, letters, concepts, and roots of how many words and concepts."""
    n = np.maximum(ds.N[rows], LEAST)
    return np.column_stack([part[rows] @ weights for part in ds.parts] + [np.sqrt(n[:, 0]), np.sqrt(n[:, 2])])


def train(ds, idx):
    """Sums, and a layer over them that is trained on sums of texts which the weights have not seen."""
    weights, bias = sums(ds, idx)
    folds = int(ds.s["inner"])
    if folds < 2:
        plain = layer.Layer([-1000] * 5, [1000] * 5, np.zeros((5, layer.UNITS)), np.zeros(layer.UNITS), np.zeros(layer.UNITS), [1, 1, 1, 0, 0], bias)
        return Model(weights, bias, plain)
    seen = np.zeros((len(ds.y), layer.INPUTS))
    part = fold_of(ds, folds, 17, 0)
    for k in range(folds):
        some = idx[part[idx] == k]
        rows = windows_of(ds, some)
        x = inputs(ds, sums(ds, idx[part[idx] != k])[0], rows)
        order = np.lexsort((x[:, :3].sum(axis=1), ds.doc[rows]))
        last = np.append(np.flatnonzero(np.diff(ds.doc[rows][order])), len(order) - 1)
        seen[ds.doc[rows][order][last]] = x[order][last]
    return Model(weights, bias, layer.fit(seen[idx], ds.y[idx], weights_of(ds, idx)[idx], ds.s["layer_l2"]))


def sums(ds, idx):
    """Weights of the buckets; clean rows of toxic sources that weights of other rows take for toxic may count more (`tail`)."""
    if not ds.s["tail"]:
        return plain_sums(ds, idx, weights_of(ds, idx))
    part, best = fold_of(ds, 2, 23, 0), np.full(len(ds.y), -1e9)
    for k in range(2):
        rows, rest = windows_of(ds, idx[part[idx] == k]), idx[part[idx] != k]
        weights, bias = plain_sums(ds, rest, weights_of(ds, rest))
        np.maximum.at(best, ds.doc[rows], ds.X[rows] @ weights + bias)
    hard = idx[(ds.y[idx] == 0) & np.char.startswith(ds.source[idx].astype(str), "tox_")]
    more = np.ones(len(ds.y))
    if len(hard):
        more[hard] += ds.s["tail"] * (best[hard] > np.quantile(best[hard], 1 - ds.s["tail_share"]))
    return plain_sums(ds, idx, weights_of(ds, idx, more))


def plain_sums(ds, idx, w_doc):
    """Multiple instances: of an attack, the windows that look most like one count."""
    s = ds.s
    inset = np.zeros(len(ds.y), bool)
    inset[idx] = True
    rows = np.flatnonzero(inset[ds.doc])
    scale = feature_scale(ds, rows).astype(np.float32)
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
    """In 1/1024."""
    rows = windows_of(ds, idx)
    z = model.layer.odds(np.rint(inputs(ds, model.weights, rows) * 1024).astype(np.int64))
    z = z - ds.less * ((ds.N[rows, 0] <= SHORT) & (ds.N[rows, 2] == 0))
    best = np.full(len(ds.y), -1e9)
    np.maximum.at(best, ds.doc[rows], z)
    return best[idx]


def fold_of(ds, folds, seed=5, random=None):
    random = ds.s["random"] if random is None else random
    if random:
        # Random halves of each source: near-copies on both sides.
        fold = np.zeros(len(ds.y), int)
        for x in sorted(set(ds.source)):
            at = np.flatnonzero(ds.source == x)
            fold[at] = np.random.default_rng([seed, int(random), *x.encode()]).permutation(len(at)) % folds
        return fold
    order = {c: k for k, c in enumerate(np.random.default_rng(seed).permutation(np.unique(ds.cluster)))}
    return np.array([order[c] % folds for c in ds.cluster])


def threshold(neg, w, fpr):
    o = np.argsort(-neg)
    c = np.cumsum(w[o]) / w.sum()
    k = np.searchsorted(c, fpr, side="right")
    return neg[o][min(k, len(o) - 1)]


def settings(opts):
    s = dict(SETTINGS)
    s.update({k: float(v) for k, v in (o.split("=") for o in opts)})
    return s


def out_of_fold(ds, folds, random):
    ds.s["random"] = random
    fold, oof = fold_of(ds, folds), np.zeros(len(ds.y))
    for k in range(folds):
        oof[fold == k] = score(ds, train(ds, np.flatnonzero(fold != k)), np.flatnonzero(fold == k))
    return oof


def left_out(ds, neg, pos):
    """Scores of rows whose source was left out: an attack source and a clean one at once."""
    loso = np.full(len(ds.y), np.nan)
    p = sorted(set(ds.source[pos]), key=lambda x: -np.count_nonzero(ds.source[pos] == x))
    q = sorted(set(ds.source[neg]) - set(p), key=lambda x: -np.count_nonzero(ds.source[neg] == x))
    for k in range(max(len(p), len(q))):
        out = set(p[k:k + 1] + q[k:k + 1])
        held = np.isin(ds.source, list(out))
        gone = held | np.isin(ds.cluster, np.unique(ds.cluster[held & (neg | pos)]))
        loso[held] = score(ds, train(ds, np.flatnonzero(~gone)), np.flatnonzero(held))
    return loso


def main(path, task, opts):
    """Prints the figures of folds; returns the set, the scores of grouped folds, and what `finish` needs."""
    s, t0 = settings(opts), time.time()
    ds = Set(path, task, s)
    neg, pos = clean(ds, task), attacks(ds)
    cw = 1 / np.bincount(np.unique(ds.cluster, return_inverse=True)[1])[np.unique(ds.cluster, return_inverse=True)[1]]

    def line(name, z, t=None):
        thr = t or {f: threshold(z[neg], np.ones(neg.sum()), f) for f in (0.001, 0.01, 0.03, 0.05)}
        print(name + ": " + "  ".join("%.1f %%: recall %.1f (fresh %.1f, macro %.1f)%s" % (
            100 * f, 100 * (z[pos] > v).mean(), 100 * (cw * (z > v))[pos].sum() / cw[pos].sum(),
            100 * np.mean([(z[pos & (ds.source == x)] > v).mean() for x in set(ds.source[pos]) if (pos & (ds.source == x)).sum() >= 10]),
            " at %.1f" % (100 * (z[neg] > v).mean()) if t else "") for f, v in thr.items()), "%.0fs" % (time.time() - t0), flush=True)
        return thr

    halves = out_of_fold(ds, 2, 1)
    one = line(task + ", random halves", halves)
    if s["fifths"]:
        line(task + ", random fifths", out_of_fold(ds, 5, 1))
    grouped = halves if s["folds"] < 2 else out_of_fold(ds, int(s["folds"]), 0)
    thr = line(task + ", near-copies together", grouped)
    return ds, grouped, (line, halves, grouped, one, thr, neg, pos)


def finish(ds, task, so_far):
    """The slow part: each source left out, then the table by source."""
    line, halves, grouped, one, thr, neg, pos = so_far
    loso = left_out(ds, neg, pos) if ds.s["loso"] else None
    if loso is not None:
        line(task + ", source left out, thresholds of its own", loso)
        line(task + ", source left out, thresholds of the folds", loso, thr)
    table(ds, halves, grouped, loso, one, thr, neg, pos)


def clean(ds, task):
    """The rows whose false alarms count."""
    if task == "inj":
        return (ds.y == 0) & np.array([m["label"] == "benign" and not m["source"].startswith("own") for m in ds.meta])
    return (ds.y == 0) & np.array([m["label"] in ("nontoxic", "benign") and not m["source"].startswith(("own", "list")) for m in ds.meta])


def attacks(ds):
    return (ds.y == 1) & np.array([not s.startswith(("own", "lex")) for s in ds.source])


def table(ds, halves, grouped, loso, one, thr, neg, pos):
    """Flagged rows by source in per cent."""
    print("| source | rows | label | halves 1 % | 5 % | together 1 % | 5 % | left out 1 % | 3 % | 5 % |\n" + "| --- " * 10 + "|")
    for x in sorted(set(ds.source)):
        for lab, m in (("attack", pos), ("clean", neg), ("other", (ds.y == 0) & ~neg)):
            k = m & (ds.source == x)
            if k.sum():
                f = lambda a, t: "-" if a is None or np.isnan(a[k]).any() else "%.1f" % (100 * (a[k] > t).mean())
                print("| %s | %d | %s | %s |" % (x, k.sum(), lab, " | ".join(
                    [f(halves, one[0.01]), f(halves, one[0.05]), f(grouped, thr[0.01]), f(grouped, thr[0.05])] + [f(loso, thr[v]) for v in (0.01, 0.03, 0.05)])), flush=True)


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    finish(found[0], sys.argv[2], found[2])
