"""Features of texts: what `src/classify` computes, number for number.

A text is folded (case, accents, look-alikes, invisible characters), cut into words, runs of
punctuation, and blocks of some 32 words. A block is a bag of hashed features of three groups:
words (1 to 3 in a row, punctuation, shape), letters (4 in a row of a word) and concepts
(classes of words of many languages, from concepts.txt, alone and in a row). Bags add up, so a
window of blocks is the sum of its blocks.
"""
import os
import unicodedata

M32 = 0xFFFFFFFF
BUCKETS = 3 << 16
WORD, LETTER, CONCEPT = 0, 1, 2
BLOCK_MAX, BLOCK_MIN = 32, 16
CONCEPT_GAP = 5
# How often runs of punctuation count in a block: the same one, and all.
SAME_RUNS, RUNS = 4, 32
LETTERS_MAX = 24

# Look-alikes of Latin letters in Greek and Cyrillic, small letters.
LOOKALIKES = dict(zip("аеорсухіјѕԁһӏԛԝαορνικτηυχ", "aeopcyxijsdhlqwaopvikttyux"[:26]))


def fold_table():
    """Folded code point (0: dropped, 32: separator) of what is below 0x600 and of 1E00..1EFF."""
    table = {}
    for c in list(range(0x600)) + list(range(0x1E00, 0x1F00)):
        table[c] = fold_one(c)
    return table


def fold_one(c):
    ch = chr(c)
    if c in (0xAD, 0x34F) or 0x300 <= c <= 0x36F:
        return 0
    d = unicodedata.normalize("NFKD", ch)
    d = d[0].lower()[0] if d else ch
    d = {"ß": "s", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "a", "œ": "o", "ð": "d", "ħ": "h"}.get(d, d)
    return ord(LOOKALIKES.get(d, d))


FOLD = fold_table()


# By first code point, what each character looks like; `.` is none (src/lookalikes.rs has the same).
BLOCKS = [
    (0xC0, "aaaaaa.ceeeeiiiidnooooo.ouuuuy..aaaaaa.ceeeeiiiidnooooo.ouuuuy.yaaaaaaccccccccddddeeeeeeee"
           "eegggggggghhhhiiiiiiiiii..jjkkkllllll..llnnnnnn...oooooo..rrrrrrssssssssttttttuuuuuuuuuuuu"
           "wwyyyzzzzzzsbb...b.ccdd.......fg...ikkl..nnooo..pp....l.tttuu.vyyzz......................a"
           "aiioouuuuuuuuuu.aaaa..ggggkkoooo..j...gg..nnaa..ooaaaaeeeeiiiioooorrrruuuusstt..hh....zzaa"
           "eeooooooooyy...j..accltsz..buveejjqqrryy.a.b.cdd.e.e....ggg...h.iiilll...mnnno......rrr.r."
           "s.....tu.v...yz........b..hj.lq..............."),
    (0x1D00, "a..bcd.e..jk.m.o........p..tu...vwz.........a.b.de.ghijklmn.o.prtuwa.a.bdeee.g.km.o...ptu."
             ".v.by..xiruvbyp.x"),
    (0x1F00, "aaaaaaaaaaaaaaaaeeeeee..eeeeee..nnnnnnnnhhhhhhhhiiiiiiiiiiiiiiiioooooo..oooooo..uuuuuuuu.y"
             ".y.y.ywwwwwwww........aaeenniioouuww..aaaaaaaaaaaaaaaannnnnnnnhhhhhhhhwwwwwwww........aaaa"
             "a.aaaaaaa.i...nnn.nneehhh...iiii..iiiiii....uuuuppuuyyyyp.....www.wwoo......"),
    (0x2070, "0i..456789.....n0123456789......aeoxehklmnpst"),
    (0x2100, "..c.......ghhhhhiill.n...pqrrr......z...z.kabc.eef.mo....i...y.......ddeij......"),
    (0x2160, "i...v....x..lcdmi...v....x..lcdm"),
    (0x249C, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0"),
]
LOOKS = {first + n: ord(x) for first, block in BLOCKS for n, x in enumerate(block) if x != "."}
LOOKS |= {c: 97 + (c - 0x1D400) % 26 for c in range(0x1D400, 0x1D6A4)}
LOOKS |= {c: 48 + (c - 0x1D7CE) % 10 for c in range(0x1D7CE, 0x1D800)}
LOOKS |= {first + n: 97 + n for first in (0x1F110, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}
LOOKS |= {first + n: 48 + n for first in (0x660, 0x6F0, 0x966) for n in range(10)}
LOOKS |= {0xA730: 102, 0xA731: 115, 0x2018: 39, 0x2019: 39, 0x201C: 34, 0x201D: 34}
# Small capitals and others that are not decomposed.
FOLD |= {c: LOOKS[c] for c in range(0x180, 0x300) if FOLD[c] == c and c in LOOKS}

# Invisible characters, fillers, marks, skin tones.
NOTHING = [(0xAD, 0xAD), (0x300, 0x36F), (0x483, 0x489), (0x61C, 0x61C), (0x115F, 0x1160), (0x180B, 0x180E), (0x1AB0, 0x1AFF),
           (0x1DC0, 0x1DFF), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x20D0, 0x20FF), (0x3164, 0x3164),
           (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1F3FB, 0x1F3FF),
           (0xE0000, 0xE0FFF)]
DROPPED = {c for first, last in NOTHING for c in range(first, last + 1)}


def fold(c):
    """The folded code point; 0 is dropped."""
    if 0xE0020 <= c <= 0xE007E:
        return FOLD[c - 0xE0000]
    if c in DROPPED:
        return 0
    t = FOLD.get(c)
    if t is not None:
        return t
    if 0xFF01 <= c <= 0xFF5E:
        return FOLD[c - 0xFEE0]
    return LOOKS.get(c, c)


SEP, PUNCT, LET, ALONE, END = 0, 1, 2, 3, 4


def kind(c):
    """What a folded code point is in a text: separator, punctuation, letter, a word alone."""
    if c < 128:
        if 97 <= c <= 122 or 48 <= c <= 57 or c == 95:
            return LET
        return SEP if c <= 32 or c == 127 else PUNCT
    if c < 0xC0:
        return SEP if c in (0xA0, 0x85) else PUNCT
    if c < 0x2000:
        return PUNCT if c in (0xD7, 0xF7, 0x60C, 0x61B, 0x61F, 0x6D4, 0x964, 0x965) else LET
    if c < 0x2010 or c == 0x3000 or 0x2028 <= c <= 0x202F:
        return SEP
    if c < 0x2600:
        return PUNCT
    if c < 0x2E80:
        return ALONE
    if c <= 0x303F or 0xFF00 <= c <= 0xFF65:
        return PUNCT
    if 0xAC00 <= c <= 0xD7A3:
        return LET
    return ALONE


def mix(h):
    h ^= h >> 15
    h = h * 0x2C1B3C6D & M32
    h ^= h >> 13
    return h


def index(h):
    """The place of a hash among all of 32 bits; `bucket_of` says in which bucket it falls."""
    return mix(h) * 0x9E3779B1 & M32


def bucket_of(place):
    return place * BUCKETS >> 32


def word_hash(cs):
    h = 0x811C9DC5
    for c in cs:
        h = (h ^ c) * 0x01000193 & M32
    return h


K = [0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F]
EDGE = 1


def letter_grams(cs):
    """Places of 4 letters in a row, with an edge before and after the word."""
    s = [EDGE, *cs[:LETTERS_MAX], EDGE]
    return [index(sum(c * k for c, k in zip(s[i:i + 4], K)) & M32) for i in range(len(s) - 3)]


def load_concepts():
    whole, prefix, names = {}, {}, []
    here = os.path.dirname(os.path.abspath(__file__))
    for line in open(os.path.join(here, "concepts.txt"), encoding="utf-8"):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, words = line.split(":", 1)
        if name not in names:
            names.append(name)
        cid = names.index(name) + 1
        for w in words.split():
            star = w.endswith("*")
            cs = tuple(x for x in (fold(ord(ch)) for ch in unicodedata.normalize("NFC", w.rstrip("*"))) if x)
            (prefix if star else whole)[cs] = cid
    # Bad words of other people's lists (`lists.py`); the lists are not in the repository.
    path = os.environ.get("WORD_LISTS")
    for line in open(path, encoding="utf-8") if path else ():
        word, degree = line.rstrip("\n").split("\t")
        cs = tuple(x for x in (fold(ord(ch)) for ch in word) if x)
        name = "listed" + degree
        if name not in names:
            names.append(name)
        whole.setdefault(cs, names.index(name) + 1)
    return whole, prefix, names


WHOLE, PREFIX, NAMES = load_concepts()
LONGEST = max(len(k) for k in PREFIX)


def concept(cs):
    """The concept of a word: of the whole, else of its longest listed beginning; 0 is none."""
    cs = tuple(cs)
    c = WHOLE.get(cs)
    if c:
        return c
    for n in range(min(len(cs), LONGEST), 1, -1):
        c = PREFIX.get(cs[:n])
        if c:
            return c
    return 0


# CJK words stand without spaces: a concept may end at any character.
ALONE_ROW = max((len(k) for k in WHOLE if k and kind(k[0]) == ALONE), default=2)
LEET = {ord(a): ord(b) for a, b in zip("0134578", "oieastb")}
# What stands for a letter within a word; a star is any.
MASKS = {ord(a): ord(b) for a, b in zip("@$!*", "asi*")}


class Block:
    __slots__ = ("f", "n", "words", "runs", "spared")

    def __init__(self):
        self.f = ({}, {}, {})
        self.n = [0, 0, 0]
        self.words = 0
        self.runs = []
        self.spared = []

    def add(self, group, i):
        d = self.f[group]
        d[i] = d.get(i, 0) + 1
        self.n[group] += 1

    def add_run(self, i):
        """Punctuation, or what cannot be seen."""
        if len(self.runs) < RUNS and self.runs.count(i) < SAME_RUNS:
            self.runs.append(i)
            self.add(WORD, i)


CACHE = {}
# Hashes of words whose letters tell nothing of toxicity, whatever the weights say (`export.py`).
SPARED = set()


def word_facts(cs):
    key = tuple(cs)
    v = CACHE.get(key)
    if v is None:
        v = (word_hash(key), letter_grams(key), concept(key))
        if len(CACHE) < 2_000_000:
            CACHE[key] = v
    return v


def seeded(tag, *parts):
    h = tag * 0x9E3779B1 & M32
    for p in parts:
        h = ((h ^ p) * 0x85EBCA77 & M32)
        h ^= h >> 15
    return index(h)


def bucket(x):
    return x.bit_length()


def once(cs):
    """A word without its repeats, if a letter stands three times in a row."""
    if not any(a == b == c and 97 <= a <= 122 for a, b, c in zip(cs, cs[1:], cs[2:])):
        return None
    out = []
    for n, c in enumerate(cs):
        # Of three and more of a letter one is left, two of two.
        if n >= 2 and cs[n - 1] == cs[n - 2] == c or n >= 1 and cs[n - 1] == c and n + 1 < len(cs) and cs[n + 1] == c:
            continue
        out.append(c)
    return out


def blocks(text):
    """The blocks of a text."""
    out = []
    b = Block()
    p1 = p2 = 0            # hashes of the last two words
    row = []               # concepts: (id, number of its word)
    number = 0
    alone = []             # characters that are words alone, in a row
    singles = []           # single letters in a row
    masked = []            # letters and signs of a word
    upper = letters = digits = foreign = 0
    word, run = [], []
    leet = 0

    def emit_concept(c):
        nonlocal row
        b.add(CONCEPT, seeded(11, c))
        near = [r for r in row if number - r[1] <= CONCEPT_GAP]
        if near:
            b.add(CONCEPT, seeded(12, near[-1][0], c))
            if len(near) > 1:
                b.add(CONCEPT, seeded(13, near[-2][0], near[-1][0], c))
                b.add(CONCEPT, seeded(14, near[-2][0], c))
        row = near[-1:] + [(c, number)]

    def emit_word(cs):
        nonlocal p1, p2, number
        h, grams, c = word_facts(cs)
        b.add(WORD, seeded(1, h))
        b.add(WORD, seeded(2, p1, h))
        b.add(WORD, seeded(3, p2, p1, h))
        for g in grams:
            b.add(LETTER, g)
        if h in SPARED:
            c = 0
            b.spared.append((seeded(1, h), grams))
        p2, p1 = p1, h
        number += 1
        b.words += 1
        if c:
            emit_concept(c)

    def end_word():
        nonlocal word, leet
        if not word:
            return
        cs, word = word, []
        emit_word(cs)
        if len(cs) == 1 and cs[0] < 128:
            singles.append(cs[0])
            leet = 0
            return
        end_singles()
        if len(cs) <= LETTERS_MAX and max(cs) < 128:
            if any(x in LEET for x in cs) and any(97 <= x <= 122 for x in cs):
                extra([LEET.get(x, x) for x in cs])
            elif (short := once(cs)) is not None:
                extra(short)
        if len(cs) > LETTERS_MAX:
            b.add(WORD, seeded(5, bucket(len(cs))))

    def extra(cs):
        # A word in disguise: its own features, and that it was one.
        h, grams, c = word_facts(cs)
        b.add(WORD, seeded(1, h))
        b.add(WORD, seeded(6, 1))
        for g in grams:
            b.add(LETTER, g)
        if c:
            emit_concept(c)

    def mask(c):
        """A sign that may stand for a letter, after what of the word is before it."""
        if max(word, default=0) >= 128:
            masked.clear()
        elif (word or masked or c == 36) and not (c == 42 and not word and masked[-1] == 42):
            masked.extend(word)
            masked.append(c)

    def end_masked():
        """A word with signs within it that stand for letters."""
        cs = masked + word
        masked.clear()
        if len(cs) > LETTERS_MAX or max(cs) >= 128:
            return None
        while cs and cs[-1] in (33, 42):
            cs.pop()
        if any(c in MASKS for c in cs) and any(97 <= c <= 122 for c in cs):
            return [LEET.get(c, MASKS.get(c, c)) for c in cs]
        return None

    def end_singles():
        if len(singles) >= 3:
            extra(singles[:LETTERS_MAX])
        singles.clear()

    def end_run():
        if run:
            b.add_run(seeded(4, *run[:3], min(len(run), 8)))
            run.clear()

    def close():
        nonlocal b, upper, letters, digits, foreign
        total = letters + digits + 1
        b.add(WORD, seeded(20, upper * 8 // total))
        b.add(WORD, seeded(21, digits * 8 // total))
        b.add(WORD, seeded(22, foreign * 4 // total))
        b.add(WORD, seeded(23, bucket(b.words)))
        out.append(b)
        b = Block()
        upper = letters = digits = foreign = 0

    for ch in text:
        o = ord(ch)
        c = fold(o)
        if c == 0:
            b.add_run(seeded(7, 1))
            continue
        k = kind(c)
        if k == LET:
            end_run()
            alone.clear()
            word.append(c)
            if 48 <= c <= 57:
                digits += 1
            else:
                letters += 1
                if 65 <= o <= 90:
                    upper += 1
                if c >= 128:
                    foreign += 1
            continue
        plain = None
        if c in MASKS:
            mask(c)
        elif masked:
            plain = end_masked()
        end_word()
        if plain:
            extra(plain)
        if k == ALONE:
            end_run()
            end_singles()
            letters += 1
            foreign += 1
            emit_word([c])
            alone.append(c)
            del alone[:-ALONE_ROW]
            for n in range(len(alone), 1, -1):
                cid = WHOLE.get(tuple(alone[-n:]))
                if cid:
                    emit_concept(cid)
                    break
        else:
            alone.clear()
            if k == PUNCT or o == 10:
                run.append(c)
            else:
                end_run()
        ends = c in (33, 46, 63, 10, 0x3002, 0xFF01, 0x964)
        if b.words >= BLOCK_MAX or (ends and b.words >= BLOCK_MIN):
            end_run()
            end_singles()
            close()
    plain = end_masked() if masked else None
    end_word()
    if plain:
        extra(plain)
    end_run()
    end_singles()
    if b.words or not out:
        close()
    return out
