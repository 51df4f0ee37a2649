"""What a usual linear model finds of toxicity in rows of the same sources, parted by the same rule, as
evaluate.py has: `linear.py DATA`. Hashed words (1 to 3) and letters (3 to 5), logistic regression by SGD. It needs
scikit-learn 1.9.1, which nothing else does."""
import sys
from types import SimpleNamespace

import numpy as np
from scipy.sparse import hstack
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

import data
import evaluate

PATTERNS = ("tox_*", "ben_*", "inj_agentdojo_benign", "inj_notinject")
LABELS = ("toxic", "nontoxic", "benign")
BUCKETS = 2**19


def features(texts):
    words = HashingVectorizer(n_features=BUCKETS, ngram_range=(1, 3), alternate_sign=False)
    letters = HashingVectorizer(n_features=BUCKETS, analyzer="char", ngram_range=(3, 5), alternate_sign=False)
    return hstack([words.transform(texts), letters.transform(texts)]).tocsr()


def main(folder):
    rows = [r for pattern in PATTERNS for r in data.rows(folder, pattern) if r["label"] in LABELS]
    x = features([r["text"] for r in rows])
    y = np.array([r["label"] == "toxic" for r in rows])
    ds = SimpleNamespace(y=y, source=np.array([r["source"] for r in rows]))
    for name, folds in (("halves", 2), ("fifths", 5)):
        for split in (1, 2, 3):
            part, score = evaluate.fold_of(ds, folds, random=split), np.zeros(len(y))
            for k in range(folds):
                model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=30, random_state=0)
                score[part == k] = model.fit(x[part != k], y[part != k]).decision_function(x[part == k])
            clean = np.sort(score[~y])[::-1]
            found = [100 * np.mean(score[y] > clean[int(len(clean) * share)]) for share in (0.01, 0.05)]
            print("%s, split %d: recall %.1f at 1 %%, %.1f at 5 %%" % (name, split, *found), flush=True)


main(sys.argv[1])
