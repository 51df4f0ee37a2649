"""The cache beside Envoy's own `direct_response`: peers and measures that bench.py adds."""

import json
import os
import re
import socket
import threading
import time

import payloads

# A question of 2 KB that was asked before; its answer has 2 KB, too.
HIT = "2 KB, asked before"
BODY, ANSWER = payloads.chat(2_000), "whole-2k"
FIXED, CACHED, UNCACHED = "fixed", "cached", "uncached"
# Who gets that call.
PEERS = ["direct", "plain", FIXED, CACHED]
# So small that it is full after some seconds of new questions, so that others have to go.
SMALL = "memory: 16MiB"
FILL_CALLS = 6_000
LIMITED, FILLING = "demo-acme-key", "demo-blue-key"
RATE = 200


def fixed(changed, answer, folder):
    """plain.yaml with `answer` given by the route itself."""
    to_provider = """\
                route:
                  cluster: provider
                  timeout: 0s
                  idle_timeout: 300s
"""
    answers = f"""\
                direct_response: {{ status: 200, body: {{ inline_string: {json.dumps(answer)} }} }}
                response_headers_to_add:
                - {{ header: {{ key: content-type, value: application/json }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }}
"""
    # An answer before the end of the request would close the connection.
    router = "          - name: envoy.filters.http.router\n"
    buffer = """\
          - name: buffer
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
              max_request_bytes: 1048576
"""
    changes = [(to_provider, answers), (router, buffer + router)]
    return changed(FIXED, "benches/plain.yaml", changes, folder)


def cached(changed, name, folder):
    """cache.yaml, with a small cache or none; a limit that nobody reaches."""
    with open(os.path.join(os.path.dirname(__file__), "..", "envoy", "cache.yaml")) as file:
        (line,) = re.findall(r"^ *cache: \{ ttl: 1h.*\n", file.read(), re.MULTILINE)
    new = line.replace("memory: 64MiB", SMALL) if name == CACHED else ""
    changes = [(line, new), ("requests: 1000,", "requests: 1000000000,")]
    if name == UNCACHED:
        changes += [(f"cache: {text}", f"# {text}") for text in ("{ scope: tenant", "false")]
    return changed(name, "envoy/cache.yaml", changes, folder)


class Fresh:
    """Calls with a question each that nobody has asked before; the load tool can't make them."""

    CONNECTIONS = 8

    def __init__(self, port, key):
        self.number = 0
        body = json.loads(BODY)
        text = body["messages"][-1]["content"]
        body["messages"][-1]["content"] = "#" * 16 + text[16:]
        self.front, self.back = payloads.encode(body).split(b"#" * 16)
        self.head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\nx-mock-canned: {ANSWER}\r\n"
            f"content-length: {len(self.front) + 16 + len(self.back)}\r\n\r\n"
        ).encode()
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(self.CONNECTIONS)]
        for one in self.sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(30)

    def round(self):
        """One call on each connection, side by side; their bytes."""
        for one in self.sockets:
            self.number += 1
            one.sendall(self.head + self.front + b"%016d" % self.number + self.back)
        return [self.answer(one) for one in self.sockets]

    @staticmethod
    def answer(one):
        got = b""
        while True:
            more = one.recv(65536)
            if not more:
                raise RuntimeError("a connection was closed")
            got += more
            head, end, body = got.partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head)
            if end and not (head.startswith(b"HTTP/1.1 200") and length):
                raise RuntimeError(f"no good answer: {head!r}")
            if end and len(body) >= int(length[1]):
                return got

    def run(self, seconds=None, calls=None):
        """Calls for some time, or so many; how many it were."""
        before, end = self.number, time.monotonic() + (seconds or 600)
        while time.monotonic() < end and self.number - before < (calls or 1e9):
            self.round()
        return self.number - before

    def close(self):
        for one in self.sockets:
            one.close()


def is_hit(server, headers):
    """Waits until the answer lies in the cache."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.cached(headers, BODY) == "HIT":
            return
        time.sleep(0.01)
    raise RuntimeError(f"{server.name} never gives the answer again")


def misses(server, seconds):
    """CPU of a call with a new question, in ms. The cache is full before it is measured."""
    fresh = Fresh(server.port, LIMITED)
    try:
        if server.name == CACHED and b"\r\nx-cache: MISS" not in fresh.round()[0]:
            raise RuntimeError("a new question is no miss")
        fresh.run(calls=FILL_CALLS)
        before = server.cpu_seconds()
        calls = fresh.run(seconds)
        return (server.cpu_seconds() - before) * 1000 / calls
    finally:
        fresh.close()


def beside_filling(load, server, call, seconds):
    """Latency of calls of a tenant with limits that the cache has no part in, while another
    tenant asks new questions all the time."""
    fresh = Fresh(server.port, FILLING)
    done, calls = threading.Event(), []

    def fill():
        while not done.is_set():
            calls.append(fresh.run(0.1))

    fresh.run(calls=FILL_CALLS)
    filling = threading.Thread(target=fill)
    filling.start()
    try:
        result = load.run(server, call, seconds, RATE, ["cache-control: no-store"])
    finally:
        done.set()
        filling.join()
        fresh.close()
    result["filling_per_second"] = sum(calls) / seconds
    return result


def bars(added, ratio):
    """Name, unit, figure, direction and bound, as bench.py has them."""

    def beside(key, peer):
        return lambda r: r["latency"][HIT][CACHED][key] / r["latency"][HIT][peer][key]

    return [
        ("p50 of a hit above direct", "ms", added(HIT, "p50_ms", CACHED, "direct"), "≤", 0.2),
        ("p50 of a hit above direct_response", "ms", added(HIT, "p50_ms", CACHED, FIXED), "≤", 0.2),
        ("p50 of a hit ÷ direct_response", "×", beside("p50_ms", FIXED), "≤", 1.5),
        ("hits a second ÷ direct_response", "×", ratio(HIT, CACHED, "per_second", FIXED), "≥", 1 / 1.5),
        ("CPU of a hit ÷ direct_response", "×", ratio(HIT, CACHED, "cpu_ms_per_call", FIXED), "≤", 1.5),
    ]


def figures():
    """What has no bar: name, figure, unit."""

    def miss(r):
        return r["cache"]["miss"][CACHED] / r["cache"]["miss"][UNCACHED]

    rows = [("CPU of a miss ÷ no cache", miss, "×")]
    for name in (UNCACHED, CACHED):
        for key in ("p50_ms", "p99_ms"):
            rows.append(
                (
                    f"{key[:3]} of a tenant with limits while another asks new questions, {name}",
                    lambda r, name=name, key=key: r["cache"]["filling"][name][key],
                    "ms",
                )
            )
    return rows
