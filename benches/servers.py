"""Servers under measurement: started on free ports of loopback, pinned, always stopped."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")

# The smallest module that Envoy takes for a filter. It exports `memory` (1 page),
# `proxy_abi_version_0_2_1` (does nothing) and `malloc` (returns 0), and does nothing to calls.
EMPTY_WASM = (
    b"\0asm\x01\0\0\0"
    b"\x01\x09\x02\x60\0\0\x60\x01\x7f\x01\x7f"  # types: () -> (), (i32) -> i32
    b"\x03\x03\x02\0\x01"  # two functions
    b"\x05\x03\x01\0\x01"  # memory
    b"\x07\x2d\x03"  # exports
    b"\x06memory\x02\0"
    b"\x17proxy_abi_version_0_2_1\0\0"
    b"\x06malloc\0\x01"
    b"\x0a\x09\x02\x02\0\x0b\x04\0\x41\0\x0b"  # bodies
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A child process and the port that it serves."""

    def __init__(self, name, command, port, core, log):
        self.name, self.port, self.log = name, port, log
        pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, preexec_fn=pin)

    def wait_for(self, headers, body, path="/v1/chat/completions", seconds=120):
        """Waits until a call gets a good answer; returns its body and who gave it."""
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended by itself, see {self.log}")
            try:
                status, answer, backend = self.call(headers, body, path)
                if status == 200:
                    return answer, backend
                problem = f"status {status}: {answer[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} gives no good answer ({problem}), see {self.log}")
            time.sleep(0.05)

    def call(self, headers, body, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("x-tollgate-backend")
        finally:
            connection.close()

    def cached(self, headers, body):
        """What the cache says of a call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            return connection.getresponse().getheader("x-cache")
        finally:
            connection.close()

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            kilobytes = re.search(r"^VmRSS:\s+(\d+) kB", status.read(), re.MULTILINE)
        return int(kilobytes[1]) / 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def mock(binary, core, folder):
    port = free_port()
    log = os.path.join(folder, "mock.log")
    return Server("mock provider", [binary, f"127.0.0.1:{port}"], port, core, log)


def envoy(name, binary, template, provider_port, core, folder, wasm=None, workers=1):
    """Starts Envoy with the configuration in `template` made to fit."""
    port = free_port()
    with open(template) as file:
        config = file.read()
    for old, new in [
        ("port_value: 10000", f"port_value: {port}"),
        ("port_value: 9901", f"port_value: {free_port()}"),
        ("port_value: 8001", f"port_value: {provider_port}"),
        ("path: /dev/stdout", f"path: {folder}/{name}.access.log"),
    ] + ([("filename: dist/tollgate.wasm", f"filename: {wasm}")] if wasm else []):
        if old not in config:
            raise RuntimeError(f"{template} holds no '{old}'")
        config = config.replace(old, new)
    # The second provider is the first one: the mock speaks both protocols.
    config = config.replace("port_value: 8002", f"port_value: {provider_port}")
    path = os.path.join(folder, f"{name}.yaml")
    with open(path, "w") as file:
        file.write(config)
    command = [binary, "-c", path, "--concurrency", str(workers), "--use-dynamic-base-id", "-l", "warning"]
    return Server(name, command, port, core, os.path.join(folder, f"{name}.log"))
