"""Requests as the providers' clients type them: each property whose name says that it names something, and
the smallest request that has it. Clients are published with every change of an API."""

import re
import typing

import typing_extensions

# What may be kept for an account.
TELLING = re.compile(
    r"(^|_)(ids?|containers?|store|tunnels?|skills?|prompt|conversation|file|files|assistants?|agents?|threads?|sessions?"
    r"|environments?|connectors?|references?|voices?|workspaces?|vaults?|collections?)$"
)


def properties(params):
    """Paths of telling properties of a type of requests, or of several: tuples of keys, of `[]` for any place of a
    list, of `{}` for any key, and of `<type>` for the type of the object that follows."""
    found = set()
    walk(params, (), frozenset(), found)
    return found


def walk(hint, path, above, found):
    if typing_extensions.is_typeddict(hint):
        if hint not in above:
            members(hint, path, above | {hint}, found)
        return
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal or origin is None:
        return
    if origin is dict or getattr(origin, "__name__", "") == "Mapping":
        walk(inside[-1], path + ("{}",), above, found)
        return
    is_list = isinstance(origin, type) and any(hasattr(origin, name) for name in ("__iter__", "__getitem__"))
    for one in inside:
        walk(one, path + ("[]",) if is_list else path, above, found)


def members(cls, path, above, found):
    hints = typing_extensions.get_type_hints(cls)
    kind = typing.get_args(hints.get("type"))
    here = path + ((f"<{kind[0]}>",) if len(kind) == 1 and isinstance(kind[0], str) else ())
    for name, hint in hints.items():
        if TELLING.search(name):
            found.add(here + (name,))
        walk(hint, here + (name,), above, found)


def written(path):
    return "".join(step if step[0] in "[{<" else f".{step}" for step in path).removeprefix(".")


def request(path, value):
    """What stands at the end of `path` is `value`; each object on the way has its type."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if step == "[]":
        return [request(rest, value)]
    if step == "{}":
        return {"any": request(rest, value)}
    if step[0] == "<":
        return {"type": step[1:-1], **request(rest, value)}
    return {step: request(rest, value)}
