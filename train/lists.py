"""Bad words by how bad they are (1 to 3), of lists that others made, one folded word a line:
`lists.py DATA PACKAGES OUT`. Sources and licences: docs/classifiers.md."""
import glob
import json
import os
import re
import sys

import data
import features


def folded(text):
    cs = [c for c in (features.fold(ord(ch)) for ch in text) if c]
    if len(cs) < 2 or any(features.kind(c) != features.LET for c in cs):
        return None
    return "".join(map(chr, cs))


def degrees(folder, packages):
    for r in data.rows(folder, "lex_*"):
        mild = r["category"].endswith("mild")
        yield r["text"], 1 if mild else 3 if r["source"] == "lex_surge" else 2
    for path in sorted(glob.glob(os.path.join(packages, "cuss", "*.js"))):
        text = open(path, encoding="utf-8").read()
        for m in re.finditer(r"""^\s+(?:'([^']+)'|"([^"]+)"|([^\s:'"]+)): ([012]),?$""", text, re.M):
            if m.group(4) != "0":
                yield m.group(1) or m.group(2) or m.group(3), int(m.group(4))
    path = os.path.join(packages, "badwords-ko", "src", "badwords.ko.config.json")
    for word in json.load(open(path, encoding="utf-8"))["badWords"]:
        yield word, 2


def main(folder, packages, out):
    worst = {}
    for text, degree in degrees(folder, packages):
        word = folded(text)
        if word:
            worst[word] = max(worst.get(word, 0), degree)
    with open(out, "w", encoding="utf-8") as f:
        for word, degree in sorted(worst.items()):
            f.write("%s\t%d\n" % (word, degree))


if __name__ == "__main__":
    main(*sys.argv[1:])
