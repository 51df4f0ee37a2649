"""Bad words by how bad they are (1 to 3), of lists that others made, one folded word a line:
`lists.py DATA PACKAGES OUT`; innocent words that look like them
beside it. Sources and licences: docs/classifiers.md."""
import glob
import json
import os
import random
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


BAD_PARTS = "ass anal cum tit cock sex dick hell fag nig rape cunt shit slut tard puss hoe homo spic coon dyke knob poof prick wank semen arse crap damn piss butt boob nipple penis turd twat jap kike paki slag suck hump ball nob rap die kill gay jew".split()
NEVER = "fuck bitch whore nigg fagg slut asshol bastard cocksuck motherf bullshit jackass dumbass wanker pissed shitt shite rapist cunt turd dickhead arsehole".split()


def innocent(packages, bad):
    """Words of a dictionary that hold a bad one and are not bad."""
    words = json.load(open(os.path.join(packages, "an-array-of-english-words", "index.json"), encoding="utf-8"))
    found = [w for w in words if any(p in w for p in BAD_PARTS) and not any(p in w for p in NEVER) and w not in bad and w.rstrip("s") not in bad]
    return random.Random(9).sample(found, 6000)


def main(folder, packages, out):
    worst = {}
    for text, degree in degrees(folder, packages):
        word = folded(text)
        if word:
            worst[word] = max(worst.get(word, 0), degree)
    with open(out, "w", encoding="utf-8") as f:
        for word, degree in sorted(worst.items()):
            f.write("%s\t%d\n" % (word, degree))
    with open(out + ".innocent", "w", encoding="utf-8") as f:
        f.write("".join(w + "\n" for w in innocent(packages, worst)))


if __name__ == "__main__":
    main(*sys.argv[1:])
