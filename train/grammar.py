"""Texts of `texts/*.txt`: templates with lists of words, filled at random from a seed."""
import os
import random
import re

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "texts")


def rows(name, seed=7):
    """(label or "", text, number of its template): fills without repeats."""
    lists, templates = {"listed": listed()}, []
    for line in open(os.path.join(HERE, name + ".txt"), encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("$"):
            key, words = line[1:].split(":", 1)
            lists[key] = [w.strip() for w in words.split(" | ")]
        elif line and not line.startswith("#"):
            count, text = line.split("\t", 1)
            templates.append((int(count), text.replace("\\n", "\n")))
    for n, (count, text) in enumerate(templates):
        r = random.Random("%s %s %d" % (seed, name, n))
        label = ""
        if text[:2] in ("T ", "C ", "P "):
            label, text = text[0], text[2:]
        for filled in sorted({fill(text, lists, r) for _ in range(count)}):
            yield label, filled, n


def listed():
    """Bad words of other people's lists (`lists.py`), the worst ones."""
    path = os.environ.get("WORD_LISTS")
    lines = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8")] if path else []
    return [word for word, degree in lines if degree == "3"] or [""]


def fill(text, lists, r):
    """One filling; about a third of the texts lose their capitals or their last full stop."""
    while re.search(r"\{[a-zA-Z]+\}", text):
        text = re.sub(r"\{([a-zA-Z]+)\}", lambda m: r.choice(lists[m.group(1)]), text)
    text = text.replace("{{", "{").replace("}}", "}")
    how = r.random()
    if how < 0.2:
        return text.lower()
    if how < 0.33:
        return text.rstrip(".!?。।")
    if how < 0.37:
        return text.upper()
    return text[:1].upper() + text[1:]
