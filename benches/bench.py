"""Tollgate against plain Envoy and no proxy at all, in one run: see docs/performance.md."""

import argparse
import datetime
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import cache
import payloads
import servers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
HEADERS = {"content-type": "application/json", "authorization": "Bearer demo-acme-key"}
WHOLE, STREAM, PACED = "whole", "stream", "paced"
# A role, 200 pieces of text, a finish reason and [DONE]; plus the usage that was not asked for.
EVENTS = 203
# 200 pieces of text, and what begins and ends the text, its part, its item and the response.
RESPONSES_EVENTS = 208

# What is sent, by name: the body and what the mock answers.
CALLS = {
    "1 KB": (payloads.chat(1_000), WHOLE),
    "20 KB": (payloads.chat(20_000), WHOLE),
    "200 KB": (payloads.chat(200_000), WHOLE),
    "200 KB, model last": (payloads.chat(200_000, model_first=False), WHOLE),
    # As fast as it goes: many events share a packet.
    STREAM: (payloads.chat(1_000, stream=True), STREAM),
    # A millisecond between events: each travels alone, as a model sends them.
    PACED: (payloads.chat(1_000, stream=True), PACED),
}
# Other APIs than chat completions.
RESPONSES = "Responses, "
EMBEDDINGS = "embeddings, 20 KB"
CALLS |= {
    RESPONSES + call: (payloads.responses(1_000, stream=call != "1 KB"), CALLS[call][1])
    for call in ("1 KB", STREAM, PACED)
}
CALLS[EMBEDDINGS] = (payloads.embeddings(20_000, 16), WHOLE)
# The same with personal data in requests and answers.
CLEAN = ["1 KB", "20 KB", "200 KB", STREAM, PACED]
FINDINGS = " with findings"
CALLS |= {
    call + FINDINGS: (
        payloads.chat(len(CALLS[call][0]), stream=CALLS[call][1] != WHOLE, personal=True),
        CALLS[call][1] + "-personal",
    )
    for call in CLEAN
}
CALLS[cache.HIT] = (cache.BODY, cache.ANSWER)
# One stream of 200 events is as much work as many plain calls.
CONNECTIONS = {STREAM: 4, PACED: 64}
CONNECTIONS |= {call + FINDINGS: number for call, number in CONNECTIONS.items()} | {
    RESPONSES + call: number for call, number in CONNECTIONS.items()
}
RATED = ["1 KB", "20 KB", "200 KB", cache.HIT]
RATE = 200

# In the order of the tables.
PEERS = ["direct", "plain", "empty", "floor", "tollgate", "guarded", "retry", "backends", "translation"]
PEERS += [cache.FIXED, cache.CACHED, cache.UNCACHED]
# What a peer is compared with: plain Envoy as it is, or trying again at a second provider.
FLOORS = {peer: "plain" for peer in ("direct", "plain", "empty", "floor", "tollgate", "guarded")} | {
    peer: "retry" for peer in ("retry", "backends", "translation")
}
FLOORS |= {peer: "plain" for peer in (cache.FIXED, cache.CACHED)}
# Who gets calls of other APIs.
OF_OTHER_APIS = ["direct", "plain", "tollgate", "guarded"]
# Who gets the calls with personal data.
WITH_FINDINGS = ["plain", "tollgate", "guarded"]
# The backend that answers, where there is one.
BACKENDS = {"floor": "mock", "tollgate": "mock", "guarded": "mock", "backends": "openai", "translation": "anthropic"}
BACKENDS |= {cache.CACHED: "mock"}
# Not of interest, as it does nothing.
NO_LATENCY = ["empty", "floor"]


CHAT = "/v1/chat/completions"


def path(call):
    if call.startswith(RESPONSES):
        return "/v1/responses"
    return "/v1/embeddings" if call == EMBEDDINGS else CHAT


def events(call):
    """How many a stream has."""
    return RESPONSES_EVENTS if call.startswith(RESPONSES) else EVENTS


def measured(call, peer):
    if call == cache.HIT or peer in (cache.FIXED, cache.CACHED, cache.UNCACHED):
        return call == cache.HIT and peer in cache.PEERS
    if path(call) != CHAT:
        return peer in OF_OTHER_APIS
    return not call.endswith(FINDINGS) or peer in WITH_FINDINGS


class Load:
    """The load tool, and what it needs to know of this run."""

    def __init__(self, binary, core, folder):
        self.binary, self.core, self.folder = binary, core, folder
        for name, (body, _) in CALLS.items():
            with open(self.body_path(name), "wb") as file:
                file.write(body)

    def body_path(self, call):
        return os.path.join(self.folder, f"{call.replace(' ', '_')}.json")

    def run(self, server, call, seconds, rate=None, headers=()):
        """Calls `server` for some seconds; returns good calls, errors and latencies in ms."""
        answer = CALLS[call][1]
        connections = CONNECTIONS.get(call, 32)
        command = [self.binary, "--no-tui", "--output-format", "json", "-w", "-z", f"{seconds}s"]
        command += ["--worker-threads", "1", "--disable-compression", "-m", "POST"]
        command += ["-D", self.body_path(call), "-H", f"x-mock-canned: {answer}"]
        for header in HEADERS.items():
            command += ["-H", "{}: {}".format(*header)]
        for header in headers:
            command += ["-H", header]
        if rate:
            connections = 8
            command += ["-q", str(rate), "--latency-correction"]
        command += ["-c", str(connections)]
        command += [f"http://127.0.0.1:{server.port}{path(call)}"]
        pin = (lambda: os.sched_setaffinity(0, {self.core})) if self.core is not None else None
        done = subprocess.run(
            command, stdout=subprocess.PIPE, check=True, preexec_fn=pin, timeout=seconds + 60
        )
        report = json.loads(done.stdout)
        statuses = report["statusCodeDistribution"]
        good = statuses.get("200", 0)
        errors = sum(statuses.values()) - good + sum(report["errorDistribution"].values())
        percentiles = report["latencyPercentiles"]
        return {
            "calls": good,
            "errors": errors,
            "per_second": good / report["summary"]["total"],
            "p50_ms": (percentiles["p50"] or 0) * 1000,
            "p99_ms": (percentiles["p99"] or 0) * 1000,
        }


def check_answers(server, calls):
    """One call of each kind, so that nobody measures how fast errors are, or another way."""
    for call in calls:
        if not measured(call, server.name):
            continue
        body, answer = CALLS[call]
        got, backend = server.wait_for(HEADERS | {"x-mock-canned": answer}, body, path(call))
        if backend != BACKENDS.get(server.name):
            raise RuntimeError(f"{server.name} was answered by backend {backend}")
        seen = got.count(b"data: ")
        # Plus what masking still held at the end.
        if server.name == cache.CACHED:
            cache.is_hit(server, HEADERS)
        wanted = [0] if answer.startswith(WHOLE) else range(events(call), events(call) + 3)
        if seen not in wanted:
            raise RuntimeError(f"{server.name} sent {seen} events for {call}")
        masks = got.count(b"<EMAIL_ADDRESS>")
        if (masks > 0) != (server.name == "guarded" and call.endswith(FINDINGS)):
            raise RuntimeError(f"{server.name} sent {masks} masks for {call}")


def throughput(load, server, call, seconds):
    load.run(server, call, max(0.3, seconds / 8))
    before = server.cpu_seconds()
    result = load.run(server, call, seconds)
    cpu = server.cpu_seconds() - before
    result["cpu_ms_per_call"] = cpu * 1000 / max(1, result["calls"])
    return result


def one_round(options, number, folder, cores):
    """All measures of all peers, each measure for one peer after the other."""
    running = []
    first = number % len(options.peers)
    order = options.peers[first:] + options.peers[:first]
    load_core, envoy_core = cores
    wasm = os.path.abspath(options.wasm)
    empty = os.path.join(folder, "empty.wasm")
    with open(empty, "wb") as file:
        file.write(servers.EMPTY_WASM)

    def envoy(name, template, module=None, workers=1):
        template = os.path.join(ROOT, template)
        server = servers.envoy(
            name, options.envoy, template, peers["direct"].port, envoy_core, folder, module, workers
        )
        running.append(server)
        server.wait_for(HEADERS | {"x-mock-canned": WHOLE}, CALLS["1 KB"][0])
        return server

    try:
        load = Load(options.oha, load_core, folder)
        peers = {"direct": servers.mock(options.mock, load_core, folder)}
        running.append(peers["direct"])
        templates = {
            "plain": lambda: ("benches/plain.yaml",),
            "empty": lambda: (with_empty_filter(folder), empty),
            "floor": lambda: ("envoy/gateway.yaml", os.path.join(ROOT, "dist/floor.wasm")),
            "tollgate": lambda: ("envoy/gateway.yaml", wasm),
            "guarded": lambda: (with_guardrails(folder), wasm),
            "retry": lambda: (with_retry(folder),),
            "backends": lambda: ("envoy/fallback.yaml", wasm),
            "translation": lambda: (with_translation(folder), wasm),
            cache.FIXED: lambda: (cache.fixed(changed, canned(peers["direct"]), folder),),
            cache.CACHED: lambda: (cache.cached(changed, cache.CACHED, folder), wasm),
            cache.UNCACHED: lambda: (cache.cached(changed, cache.UNCACHED, folder), wasm),
        }
        for name, template in templates.items():
            if name in options.peers:
                peers[name] = envoy(name, *template())
        envoys = list(peers)[1:]
        idle = {name: peers[name].resident_mb() for name in envoys}
        for server in [peers[name] for name in order]:
            check_answers(server, options.calls)

        timed = [name for name in order if name not in NO_LATENCY]
        result = {"latency": {}, "load": {}}
        for call in [call for call in RATED if options.latency and call in options.calls]:
            print(f"round {number + 1}: latency, {call}", file=sys.stderr)
            seconds = options.seconds
            result["latency"][call] = {
                name: load.run(peers[name], call, seconds, RATE)
                for name in timed
                if measured(call, name)
            }
        for call in options.calls:
            print(f"round {number + 1}: throughput, {call}", file=sys.stderr)
            result["load"][call] = {
                name: throughput(load, peers[name], call, options.seconds)
                for name in order
                if measured(call, name)
            }
        after = {name: peers[name].resident_mb() for name in envoys}
        result["memory_mb"] = {"idle": idle, "after": after}
        pair = [name for name in (cache.UNCACHED, cache.CACHED) if name in peers]
        if len(pair) == 2:
            print(f"round {number + 1}: new questions", file=sys.stderr)
            seconds = options.seconds
            miss = {name: cache.misses(peers[name], seconds) for name in pair}
            filling = {}
            for name in pair:
                # Two workers, who have the memory of the cache and of the limits in common.
                server = envoy(name, *templates[name](), workers=2)
                filling[name] = cache.beside_filling(load, server, cache.HIT, seconds)
                server.stop()
            result["cache"] = {"miss": miss, "filling": filling}
        return result
    finally:
        for server in reversed(running):
            server.stop()


def canned(mock):
    """What the mock answers to a question that the cache has an answer to."""
    headers = HEADERS | {"x-mock-canned": cache.ANSWER}
    return mock.wait_for(headers, cache.BODY)[0].decode()


def changed(name, base, changes, folder):
    """The configuration `base` with texts replaced, as a file in `folder`."""
    with open(os.path.join(ROOT, base)) as file:
        config = file.read()
    for old, new in changes:
        if old not in config:
            raise RuntimeError(f"{base} holds no '{old}'")
        config = config.replace(old, new)
    path = os.path.join(folder, f"{name}.template.yaml")
    with open(path, "w") as file:
        file.write(config)
    return path


def with_empty_filter(folder):
    """plain.yaml plus a wasm filter that does nothing."""
    router = "          - name: envoy.filters.http.router\n"
    wasm = """\
          - name: empty
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: empty
                vm_config:
                  vm_id: empty
                  runtime: envoy.wasm.runtime.v8
                  code: { local: { filename: dist/tollgate.wasm } }
"""
    return changed("empty", "benches/plain.yaml", [(router, wasm + router)], folder)


def with_retry(folder):
    """plain.yaml with what Envoy can do by itself for fallback: a second provider, which a
    call that failed is tried at."""
    cluster = "                  cluster: provider\n"
    retry = """\
                  cluster: providers
                  retry_policy:
                    retry_on: connect-failure,reset,5xx
                    num_retries: 1
                    retry_back_off: { base_interval: 0.01s }
                    retry_priority:
                      name: envoy.retry_priorities.previous_priorities
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig
                        update_frequency: 1
"""
    clusters = "  clusters:\n"
    both = """\
  - name: providers
    connect_timeout: 5s
    lb_policy: CLUSTER_PROVIDED
    cluster_type:
      name: envoy.clusters.aggregate
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig
        clusters: [ provider, second ]
  - name: second
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: second
      endpoints:
      - lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8002 } } }
"""
    changes = [(cluster, retry), (clusters, clusters + both)]
    return changed("retry", "benches/plain.yaml", changes, folder)


def with_guardrails(folder):
    """gateway.yaml with all personal data and secrets masked, both ways; what requests hold
    is put back in answers."""
    limits = "                    limits: { body: 20MiB }\n"
    indent = " " * 20
    guardrails = f"""\
{indent}guardrails:
{indent}- {{ name: pii-in, phase: input, detect: personal_data, action: mask, restore: true }}
{indent}- {{ name: keys-in, phase: input, detect: secrets, action: mask, restore: true }}
{indent}- {{ name: pii-out, phase: output, detect: personal_data, action: mask }}
{indent}- {{ name: keys-out, phase: output, detect: secrets, action: mask }}
"""
    return changed("guarded", "envoy/gateway.yaml", [(limits, limits + guardrails)], folder)


def with_translation(folder):
    """fallback.yaml with `smart` and `light` exchanged: Anthropic is the first."""
    names = ("smart", "light", "other")
    smart, light, other = (f"                      {name}:\n" for name in names)
    swap = [(smart, other), (light, smart), (other, light)]
    return changed("translation", "envoy/fallback.yaml", swap, folder)


def ratio(call, peer, key, floor=None):
    floor = floor or FLOORS[peer]
    return lambda r: r["load"][call][peer][key] / max(1e-9, r["load"][call][floor][key])


def added(call, key, peer, base):
    return lambda r: r["latency"][call][peer][key] - r["latency"][call][base][key]


def per_event(call, peer="tollgate"):
    """Microseconds of CPU that each event costs above plain Envoy."""

    def figure(r):
        own, floor = (r["load"][call][name] for name in (peer, FLOORS[peer]))
        return (own["cpu_ms_per_call"] - floor["cpu_ms_per_call"]) * 1000 / events(call)

    return figure


def above_floor(when):
    return lambda r: r["memory_mb"][when]["tollgate"] - r["memory_mb"][when]["empty"]


# What Tollgate shall reach: name, unit, how it follows from a round, bound, its direction.
BARS = [
    ("CPU a call ÷ plain, 1 KB", "×", ratio("1 KB", "tollgate", "cpu_ms_per_call"), "≤", 1.5),
    ("CPU a call ÷ plain, 20 KB", "×", ratio("20 KB", "tollgate", "cpu_ms_per_call"), "≤", 1.5),
    ("CPU a call ÷ plain, 200 KB", "×", ratio("200 KB", "tollgate", "cpu_ms_per_call"), "≤", 2.0),
    ("CPU an event above plain, back to back", "µs", per_event(STREAM), "≤", 2.0),
    ("CPU an event above plain, one by one", "µs", per_event(PACED), "≤", 2.0),
    *(
        (f"CPU a call ÷ plain, guarded, {call}", "×", ratio(call, "guarded", "cpu_ms_per_call"), "≤", bound)
        for size, bound in (("1 KB", 1.8), ("20 KB", 2.5), ("200 KB", 5.0))
        for call in (size, size + FINDINGS)
    ),
    *(
        (f"CPU an event above plain, guarded, {how}{findings}", "µs", per_event(call + findings, "guarded"), "≤", 3.0)
        for call, how in ((STREAM, "back to back"), (PACED, "one by one"))
        for findings in ("", FINDINGS)
    ),
    ("p50 above plain, 1 KB", "ms", added("1 KB", "p50_ms", "tollgate", "plain"), "≤", 0.15),
    ("calls a second ÷ plain, 1 KB", "×", ratio("1 KB", "tollgate", "per_second"), "≥", 0.625),
    ("memory above an empty filter, idle", "MB", above_floor("idle"), "≤", 15.0),
    ("memory above an empty filter, after load", "MB", above_floor("after"), "≤", 15.0),
    *cache.bars(added, ratio),
]


def is_known(rounds, figure):
    """Whether a run that left something out has measured it."""
    try:
        return all(figure(r) is not None for r in rounds)
    except KeyError:
        return False


def spread(rounds, figure, digits=2):
    """Median (smallest–largest) of a figure over the rounds."""
    values = [figure(r) for r in rounds]
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def share(rounds, figure):
    return spread(rounds, figure) if is_known(rounds, figure) else "–"


def table(head, rows):
    return "\n".join(
        f"| {' | '.join(row)} |" for row in [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    )


def load_rows(rounds):
    for call, peers in rounds[0]["load"].items():
        for peer in PEERS:
            if peer not in peers:
                continue
            errors = sum(r["load"][call][peer]["errors"] for r in rounds)
            yield [
                f"{call}, {peer}",
                spread(rounds, lambda r: r["load"][call][peer]["per_second"], 0),
                spread(rounds, lambda r: r["load"][call][peer]["cpu_ms_per_call"], 4),
                share(rounds, ratio(call, peer, "cpu_ms_per_call")),
                str(errors) if errors == 0 else f"{errors}: INVALID",
            ]


def latency_rows(rounds):
    for call, peers in rounds[0]["latency"].items():
        for peer in PEERS[1:]:
            if peer not in peers or "direct" not in peers:
                continue
            errors = sum(r["latency"][call][peer]["errors"] for r in rounds)
            yield [
                f"{call}, {peer}",
                spread(rounds, added(call, "p50_ms", peer, "direct")),
                spread(rounds, added(call, "p99_ms", peer, "direct")),
                str(errors) if errors == 0 else f"{errors}: INVALID",
            ]


def memory_rows(rounds):
    for peer in rounds[0]["memory_mb"]["idle"]:
        figures = [lambda r, w=when: r["memory_mb"][w][peer] for when in ("idle", "after")]
        yield [peer] + [spread(rounds, figure, 1) for figure in figures]


def fallback_rows(rounds):
    """What the filters for several providers cost above Envoy's own retry."""
    for peer in ("backends", "translation"):
        figures = [
            (f"CPU a call ÷ retry, {call}, {peer}", ratio(call, peer, "cpu_ms_per_call"), "×")
            for call in RATED
        ]
        figures += [
            (f"CPU an event above retry, {how}, {peer}", per_event(call, peer), "µs")
            for call, how in ((STREAM, "back to back"), (PACED, "one by one"))
        ]
        for name, figure, unit in figures:
            if is_known(rounds, figure):
                yield [name, f"{spread(rounds, figure)} {unit}"]


def other_rows(rounds):
    """Other APIs than chat completions; there are no bars."""
    for peer in ("tollgate", "guarded"):
        for call in (RESPONSES + "1 KB", EMBEDDINGS):
            figure = ratio(call, peer, "cpu_ms_per_call")
            if is_known(rounds, figure):
                yield [f"CPU a call ÷ plain, {call}, {peer}", f"{spread(rounds, figure)} ×"]
        for call, how in ((STREAM, "back to back"), (PACED, "one by one")):
            figure = per_event(RESPONSES + call, peer)
            if is_known(rounds, figure):
                yield [f"CPU an event above plain, Responses, {how}, {peer}", f"{spread(rounds, figure)} µs"]


def cache_rows(rounds):
    for name, figure, unit in cache.figures():
        if is_known(rounds, figure):
            yield [name, f"{spread(rounds, figure)} {unit}"]


def bar_rows(rounds):
    for name, unit, figure, sign, bound in BARS:
        if not is_known(rounds, figure):
            continue
        median = statistics.median(map(figure, rounds))
        met = median <= bound if sign == "≤" else median >= bound
        digits = 3 if unit == "ms" else 2
        yield [
            name,
            f"{sign} {bound:.3g} {unit}",
            f"{spread(rounds, figure, digits)} {unit}",
            "yes" if met else "NO",
        ]


def report(rounds):
    sections = [
        ("Bars", table(["", "bar", "measured", "met"], bar_rows(rounds))),
        ("Several providers", table(["", "measured"], fallback_rows(rounds))),
        ("Other APIs", table(["", "measured"], other_rows(rounds))),
        ("The cache", table(["", "measured"], cache_rows(rounds))),
        (
            f"Throughput (32 connections; streams: {CONNECTIONS[STREAM]}, paced: {CONNECTIONS[PACED]})",
            table(["", "calls/s", "CPU ms a call", "÷ plain or retry", "errors"], load_rows(rounds)),
        ),
        (
            f"Latency above direct at {RATE} calls/s, ms",
            table(["", "p50", "p99", "errors"], latency_rows(rounds)),
        ),
        ("Memory of Envoy, MB", table(["", "idle", "after load"], memory_rows(rounds))),
    ]
    return "\n".join(f"\n{title}\n\n{text}" for title, text in sections)


def pick_cores():
    """One for the load tool and the mock, another for Envoy, if there are two."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("one core only: nothing is pinned, ratios suffer", file=sys.stderr)
        return None, None
    return cores[0], cores[-1]


def names(known):
    """Reads some of the `known` names, with `;` between them."""

    def read(text):
        chosen = [name.strip() for name in text.split(";")]
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {'; '.join(known)}")
        return chosen

    return read


def main():
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envoy", required=True)
    parser.add_argument("--oha", required=True)
    parser.add_argument("--mock", required=True)
    parser.add_argument("--wasm", default=os.path.join(ROOT, "dist", "tollgate.wasm"))
    parser.add_argument("--out", default=os.path.join(ROOT, ".run", "bench.json"))
    parser.add_argument("--rounds", type=int, default=1 if quick else 3)
    parser.add_argument("--seconds", type=float, default=0.5 if quick else 4)
    parser.add_argument("--peers", type=names(PEERS), default=PEERS)
    parser.add_argument("--calls", type=names(CALLS), default=list(CALLS))
    parser.add_argument("--no-latency", dest="latency", action="store_false")
    options = parser.parse_args()
    if not sys.platform.startswith("linux"):
        sys.exit("the bench reads /proc: it runs on Linux only")

    # An end from outside is an end like any other: the servers are stopped.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))

    cores = pick_cores()
    folder = tempfile.mkdtemp(prefix="tollgate-bench-")
    keep_logs = False
    try:
        rounds = [one_round(options, n, folder, cores) for n in range(options.rounds)]
    except (RuntimeError, subprocess.SubprocessError) as error:
        keep_logs = True
        sys.exit(f"bench: {error} (logs: {folder})")
    finally:
        if not keep_logs:
            shutil.rmtree(folder)
    os.makedirs(os.path.dirname(os.path.abspath(options.out)), exist_ok=True)
    with open(options.out, "w") as file:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        json.dump({"time": now, "seconds": options.seconds, "rounds": rounds}, file, indent=1)
    print(report(rounds))
    errors = [
        peer["errors"]
        for r in rounds
        for kind in ("latency", "load")
        for peers in r[kind].values()
        for peer in peers.values()
    ]
    errors += [peer["errors"] for r in rounds for peer in r.get("cache", {}).get("filling", {}).values()]
    if any(errors):
        sys.exit("some calls failed: the figures mean nothing")


if __name__ == "__main__":
    main()
