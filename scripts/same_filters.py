"""Fails unless envoy/upstream.yaml equals envoy/gateway.yaml in all but the provider."""

import sys
from pathlib import Path

import yaml


def without_provider(name):
    document = yaml.safe_load(Path("envoy", name).read_text())
    resources = document["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    for each in manager["http_filters"]:
        if each["name"] == "tollgate":
            policy = each["typed_config"]["config"]["configuration"]["value"]
            del policy["backends"], policy["models"]
    resources.pop("secrets", None)
    del resources["clusters"]
    return document


def differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            yield from differences(left.get(key), right.get(key), f"{path}.{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right)):
            yield from differences(*pair, f"{path}[{index}]")
    elif left != right:
        yield path.lstrip(".")


found = list(differences(without_provider("gateway.yaml"), without_provider("upstream.yaml")))
for where in found:
    print(f"envoy/upstream.yaml differs from envoy/gateway.yaml at {where}", file=sys.stderr)
sys.exit(bool(found))
