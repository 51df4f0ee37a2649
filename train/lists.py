"""Bad words by how bad they are (1 to 3), of lists that others made, one folded word a line, without mild ones and
English names that no toxic row holds:
`lists.py DATA PACKAGES OUT`; innocent words that look like them
and words that may be spared (`export.py`) beside it. Sources and licences: docs/classifiers.md."""
import glob
import importlib.util
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


ENDINGS = ("s", "es", "ed", "d", "er", "ers", "ing", "y", "ier", "iest", "ish", "in", "ness", "nesses", "ly")
ENGLISH = "en_US en_GB en_IE en_IN".split()
LOCALES = ENGLISH + "de_DE fr_FR es_ES it_IT pt_BR nl_NL sv_SE no_NO da_DK fi_FI pl_PL cs_CZ hu_HU ro_RO tr_TR id_ID vi_VN".split()


def stems(word):
    """The word, and what it may be a form of."""
    yield word
    for end in ENDINGS:
        stem = word[:-len(end)]
        if word.endswith(end) and len(stem) >= 3:
            yield stem
            yield stem + "e"
            if len(stem) >= 4 and stem[-1] == stem[-2]:
                yield stem[:-1]


def names(locales=LOCALES):
    """First and last names, and towns, by word."""
    for room in ("person", "address"):
        for locale in locales:
            try:
                provider = importlib.import_module("faker.providers.%s.%s" % (room, locale)).Provider
            except ModuleNotFoundError:
                continue
            for field in ("last_names", "first_names", "cities", "city_names"):
                for name in getattr(provider, field, ()):
                    yield from words_of(name)


def surnames():
    """Last and first names of a census (public domain), most of which are rare."""
    folder = os.path.dirname(importlib.util.find_spec("names").origin)
    for file in ("dist.all.last", "dist.female.first", "dist.male.first"):
        for line in open(os.path.join(folder, file), encoding="ascii"):
            yield from words_of(line.split()[0])


def words_of(text):
    return filter(None, map(folded, re.findall(r"\w+", text)))


def toxic_words(folder):
    return {w for r in data.rows(folder, "tox_*") if r["label"] == "toxic" for w in words_of(r["text"])}


def sparable(packages, bad, toxic):
    """Words of a dictionary and names that are not bad, that no toxic row holds, and that are no concept but by chance."""
    words = json.load(open(os.path.join(packages, "an-array-of-english-words", "index.json"), encoding="utf-8"))
    words = {w for w in map(folded, words) if w} | set(names()) | set(surnames())
    kept = (w for w in words - toxic if not any(p in w for p in NEVER) and not any(s in bad for s in stems(w)))
    return sorted(w for w in kept if not features.concept(map(ord, w)) or by_chance(w))


SHORT = 5
RUDE = {"insult", "curse", "wish", "harm"}


def by_chance(word):
    """Whether a word begins as a rude one of few letters does, and is no form of it: `cockpit`, `psychology`."""
    beginning = next((word[:n] for n in range(features.LONGEST, 1, -1) if tuple(map(ord, word[:n])) in features.PREFIX), "")
    is_rude = features.NAMES[features.concept(map(ord, word)) - 1] in RUDE
    return 0 < len(beginning) <= SHORT and is_rude and beginning not in stems(word)


def main(folder, packages, out):
    worst = {}
    for text, degree in degrees(folder, packages):
        word = folded(text)
        if word:
            worst[word] = max(worst.get(word, 0), degree)
    doubtful = {w for w in names(ENGLISH) if worst.get(w, 3) < 3} | {w for w, degree in worst.items() if degree == 1}
    toxic = toxic_words(folder)
    for word in doubtful - toxic:
        del worst[word]
    with open(out, "w", encoding="utf-8") as f:
        for word, degree in sorted(worst.items()):
            f.write("%s\t%d\n" % (word, degree))
    with open(out + ".innocent", "w", encoding="utf-8") as f:
        f.write("".join(w + "\n" for w in innocent(packages, worst)))
    with open(out + ".sparable", "w", encoding="utf-8") as f:
        f.write("".join(w + "\n" for w in sparable(packages, worst, toxic)))


if __name__ == "__main__":
    main(*sys.argv[1:])
