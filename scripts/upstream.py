"""Fills a provider into envoy/upstream.yaml, in the places that it marks EDIT.

Environment: UPSTREAM (the provider's URL), UPSTREAM_API (what it speaks: openai, also if
empty, or anthropic), UPSTREAM_MODEL and UPSTREAM_CA (may be empty), GATEWAY_PORT and
ADMIN_PORT (where Envoy listens).
Standard input: the provider's key (may be empty). Writes upstream.json, and provider-key
if there is a key, into the folder given as argument. The key goes into that file only.
"""

import ipaddress
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

SHIPPED = "envoy/upstream.yaml"
# Where Debian, Fedora and Alpine or macOS keep the authorities that they trust.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def fail(message):
    sys.exit(f"error: {message}")


@dataclass(frozen=True)
class Api:
    """What a provider speaks."""

    name: str
    # The end of the path of its calls.
    calls: str
    key_header: str
    key_prefix: str
    # What else a request must have.
    headers: tuple

    def credential(self, key):
        return {self.key_header: self.key_prefix + key} if key else {}


APIS = {
    api.name: api
    for api in (
        Api("openai", "/chat/completions", "authorization", "Bearer ", ()),
        Api("anthropic", "/messages", "x-api-key", "", (("anthropic-version", "2023-06-01"),)),
    )
}


def chosen_api():
    name = os.environ.get("UPSTREAM_API") or "openai"
    if name not in APIS:
        fail(f"UPSTREAM_API={name}: wanted is {' or '.join(APIS)}")
    return APIS[name]


@dataclass(frozen=True)
class Provider:
    """Where the provider is, and what it speaks."""

    api: Api
    tls: bool
    host: str
    port: int
    authority: str
    base_path: str

    @classmethod
    def parse(cls, url, api):
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            fail(f"UPSTREAM={url}: {error}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            fail(f"UPSTREAM={url}: wanted is a URL such as https://host/v1")
        if parts.username is not None or parts.query or parts.fragment:
            fail("UPSTREAM: a URL of scheme, host, port and path only; the key goes into UPSTREAM_API_KEY")
        base_path = parts.path.rstrip("/")
        if base_path.endswith(api.calls):
            fail(f"UPSTREAM={url}: leave {api.calls} out")
        tls = parts.scheme == "https"
        return cls(api, tls, parts.hostname, port or (443 if tls else 80), parts.netloc, base_path)

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://{self.authority}{self.base_path}"

    @property
    def is_address(self):
        try:
            return bool(ipaddress.ip_address(self.host))
        except ValueError:
            return False


def authorities():
    """The file of certificates to trust."""
    given = os.environ.get("UPSTREAM_CA")
    if given and not Path(given).is_file():
        fail(f"UPSTREAM_CA={given}: no such file")
    found = given or next((file for file in BUNDLES if Path(file).is_file()), None)
    if not found:
        fail("no system certificates found: install ca-certificates, or give UPSTREAM_CA=file")
    return os.path.abspath(found)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Would carry the key to wherever it is told to."""

    def redirect_request(self, *_args):
        return None


def first_model(provider, key, ca):
    """The first model that the provider lists."""
    handlers = [NoRedirect, urllib.request.ProxyHandler({})]
    if ca:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
    headers = {"user-agent": "tollgate", "accept": "application/json"}
    headers |= dict(provider.api.headers) | provider.api.credential(key)
    url = f"{provider.url}/models"
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=20) as answer:
            listed = json.load(answer)
        return str(listed["data"][0]["id"])
    except urllib.error.HTTPError as error:
        reason = f"status {error.code}" + (", so the key is missing or wrong" if error.code in (401, 403) else "")
    except urllib.error.URLError as error:
        reason = error.reason
    except (KeyError, IndexError, TypeError, ValueError):
        reason = "no list of models came"
    except OSError as error:
        reason = error
    fail(f"no model could be chosen from {url}: {reason}.\nGive one by UPSTREAM_MODEL=name, or correct UPSTREAM or UPSTREAM_API_KEY.")


def policy_of(document):
    listener = document["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    [tollgate] = [each for each in manager["http_filters"] if each["name"] == "tollgate"]
    return tollgate["typed_config"]["config"]["configuration"]["value"]


def fill_policy(policy, provider, model):
    backend = policy["backends"]["upstream"]
    backend.update(api=provider.api.name, base_path=provider.base_path, authority=provider.authority)
    for virtual in policy["models"].values():
        for target in virtual["targets"]:
            target["model"] = model


def fill_ports(document):
    [listener] = document["static_resources"]["listeners"]
    for listens, variable in ((listener, "GATEWAY_PORT"), (document["admin"], "ADMIN_PORT")):
        listens["address"]["socket_address"]["port_value"] = int(os.environ[variable])


def fill_cluster(cluster, provider, ca):
    if provider.is_address:
        cluster["type"] = "STATIC"
        del cluster["dns_lookup_family"]
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"]["socket_address"].update(address=provider.host, port_value=provider.port)
    if ca:
        fill_tls(cluster["transport_socket"]["typed_config"], provider, ca)
    else:
        del cluster["transport_socket"]


def fill_tls(tls, provider, ca):
    validation = tls["common_tls_context"]["validation_context"]
    validation["trusted_ca"]["filename"] = ca
    [name] = validation["match_typed_subject_alt_names"]
    name["matcher"]["exact"] = provider.host
    tls["sni"] = provider.host
    # A server name is a name: addresses are not sent as one.
    if provider.is_address:
        name["san_type"] = "IP_ADDRESS"
        del tls["sni"]


def fill_key(document, cluster, api, key_file):
    [options] = cluster["typed_extension_protocol_options"].values()
    filters = options["http_filters"]
    [injector] = [each for each in filters if each["name"].endswith("credential_injector")]
    if not key_file:
        del document["static_resources"]["secrets"]
        filters.remove(injector)
        return
    [secret] = document["static_resources"]["secrets"]
    secret["generic_secret"]["secret"] = {"filename": str(key_file)}
    credential = injector["typed_config"]["credential"]["typed_config"]
    credential["header"] = api.key_header
    del credential["header_value_prefix"]
    if api.key_prefix:
        credential["header_value_prefix"] = api.key_prefix


def checked(key):
    """The key, if it can stand in a header."""
    if not (key.isascii() and key.isprintable()) or " " in key:
        fail("UPSTREAM_API_KEY holds characters that no key has")
    return key


def write_key(folder, key):
    if not key:
        return None
    file = folder / "provider-key"
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(key)
    return file


def main():
    folder = Path(sys.argv[1])
    key = checked(sys.stdin.read().strip())
    provider = Provider.parse(os.environ["UPSTREAM"].strip(), chosen_api())
    ca = authorities() if provider.tls else None
    model = os.environ.get("UPSTREAM_MODEL")
    if not model:
        model = first_model(provider, key, ca)
        print(f"No UPSTREAM_MODEL given; the first that {provider.url}/models lists: {model}")
    document = yaml.safe_load(Path(SHIPPED).read_text())
    [cluster] = document["static_resources"]["clusters"]
    fill_ports(document)
    fill_policy(policy_of(document), provider, model)
    fill_cluster(cluster, provider, ca)
    fill_key(document, cluster, provider.api, write_key(folder, key))
    (folder / "upstream.json").write_text(json.dumps(document, indent=2) + "\n")
    print(f"Both demo models, smart and light, are answered by {model} at {provider.url}")


if __name__ == "__main__":
    main()
