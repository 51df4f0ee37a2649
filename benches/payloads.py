"""Chat requests of a wanted size: conversations of English and code, always the same."""

import json

WORDS = """account after again answer batch before between branch budget build cache call
change check client cluster column commit config connection count customer data deadline
deploy detail draft during email empty error every example failure field file filter first
follow format function handler header help index input invoice issue known large latency
launch leave letter level limit list load local longer machine manager market memory message
method minute model module month never number offer office older often open order other
output owner page parser partner payment people period place plan please point policy price
process product provider query question queue quick reader reason record region release
remove reply report request result review right round route sample schedule second server
service session setting shape short should simple small source stage start state status step
still store stream string sum support table target team tenant test their thing through
ticket time today token total trace under unit until update usage user value version wait
week which while window without word worker write wrong yesterday""".split()

SNIPPET = '''```python
def {a}_{b}({c}, limit={n}):
    """Return the {a} of every {c}."""
    for {d} in {c}["{b}"]:
        if {d}.get("{a}", "") == "{c}\\n":
            raise ValueError(f"no {a} for {{{d}}}: \\"{b}\\"")
\tyield {d}, {n} * len({c})
```'''


PERSONAL = [
    "Write to {a}.{b}@example.org about it.",
    "The card is 4111 1111 1111 1111, as before.",
    "Her phone number is +1 415 555 0132.",
    "Pay to DE89 3704 0044 0532 0130 00, please.",
]


class Writer:
    """A source of words that needs no seed and no library's idea of randomness; `personal`:
    there is personal data in every second paragraph."""

    def __init__(self, personal=False):
        self.state = 1
        self.personal, self.paragraphs = personal, 0

    def number(self, below):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % below

    def word(self):
        return WORDS[self.number(len(WORDS))]

    def sentence(self):
        words = [self.word() for _ in range(6 + self.number(12))]
        at = self.number(len(words))
        kind = self.number(6)
        if kind == 0:
            words[at] = f'"{words[at]}"'
        elif kind == 1:
            words[at] += ","
        return " ".join(words).capitalize() + "."

    def paragraph(self):
        if self.number(5) == 0:
            a, b, c, d = (self.word() for _ in range(4))
            return SNIPPET.format(a=a, b=b, c=c, d=d, n=self.number(1000))
        sentences = [self.sentence() for _ in range(2 + self.number(4))]
        self.paragraphs += 1
        if self.personal and self.paragraphs % 2:
            finding = PERSONAL[self.paragraphs // 2 % len(PERSONAL)]
            sentences.insert(1, finding.format(a=self.word(), b=self.word()))
        return " ".join(sentences)

    def text(self, size):
        """About `size` bytes, cut to it."""
        text = self.paragraph()
        while len(text) < size:
            text += "\n\n" + self.paragraph()
        return text[:size]


def responses(size, stream=False):
    """A request to Responses of about `size` bytes."""
    text = Writer().text(size - 100)
    return encode({"model": "smart", "input": text, "store": False} | ({"stream": True} if stream else {}))


def embeddings(size, texts):
    """A request of `texts` embeddings, of about `size` bytes."""
    writer = Writer()
    return encode({"model": "smart", "input": [writer.text(size // texts - 20) for _ in range(texts)]})


def encode(value):
    return json.dumps(value, separators=(",", ":")).encode()


def chat(size, stream=False, model_first=True, personal=False):
    """A chat request of exactly `size` bytes."""
    writer = Writer(personal)
    messages = [{"role": "system", "content": writer.text(120)}]
    head = {"model": "smart"}
    tail = {"temperature": 0.2} | ({"stream": True} if stream else {})

    def body():
        if model_first:
            return encode(head | {"messages": messages} | tail)
        return encode({"messages": messages} | head | tail)

    while True:
        role = "user" if len(messages) % 2 else "assistant"
        messages.append({"role": role, "content": ""})
        room = size - len(body())
        if room < 3000:
            break
        messages[-1]["content"] = writer.text(200 + writer.number(2000))
    # Escapes make the last text longer than it looks: cut it, then fill up.
    last = messages[-1]
    last["role"] = "user"
    text = writer.text(size)
    room = size - len(body())
    while len(encode(text)) - 2 > room:
        text = text[: len(text) - max(1, (len(encode(text)) - 2 - room) // 2)]
    last["content"] = text + "." * (room - len(encode(text)) + 2)
    return body()
