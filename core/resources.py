"""What the API, sockets and pages say of a thing: a TypedDict, from which DRF's and OpenAPI's serializer is made.

class TreatResource(TypedDict):
    \"\"\"A row of the ledger.\"\"\"
    id: Uuid
    settled_at: Moment | None

TreatSerializer = serializer_of(TreatResource, present=treat_resource)
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from rest_framework import serializers

from core.api import UtcDateTimeField

Field = serializers.Field[Any, Any, Any, Any]
Uuid = Annotated[str, serializers.UUIDField]
Moment = Annotated[str, UtcDateTimeField]
Url = Annotated[str, serializers.URLField]
_PLAIN: dict[Any, type[Field]] = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    bool: serializers.BooleanField,
}


def choice(*values: Any) -> Callable[..., Field]:
    """For Annotated[str, choice(...)]: one of these values, or (value, label) pairs."""
    return lambda **options: serializers.ChoiceField(choices=list(values), **options)


@cache  # one for each resource: OpenAPI takes two of a name for a clash
def serializer_of(
    resource: Any, present: Callable[[Any], Mapping[str, object]] | None = None
) -> type[serializers.Serializer[Any]]:
    """A serializer with the resource's keys, named after it; `present` makes the resource of a row."""
    hints = get_type_hints(resource, include_extras=True)  # a base's keys come first
    fields = {name: field_of(hint) for name, hint in hints.items()}
    return _serializer(resource.__name__.removesuffix("Resource"), resource.__doc__ or "", fields, present)


def page_of(shape: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The serializer of a list's page, as core.api.page answers it."""
    name = f"{shape.__name__.removesuffix('Serializer')}Page"
    return _serializer(name, "", {"results": shape(many=True), "next": serializers.URLField(allow_null=True)})


def field_of(hint: Any, **options: Any) -> Field:
    """The field of a type: plain, Annotated with its field, `X | None`, a Literal, or another resource."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return field_of(arguments[0], required=False)
    if origin in (Union, types.UnionType):
        (kind,) = (one for one in arguments if one is not type(None))
        return field_of(kind, allow_null=True, **options)
    if origin is Annotated:
        made: Field = arguments[1](**options)
        return made
    if origin is Literal:
        return serializers.ChoiceField(choices=list(arguments), **options)
    if is_typeddict(hint):
        return serializer_of(hint)(**options)
    return _PLAIN[hint](**options)


def _serializer(
    name: str, words: str, fields: Mapping[str, Field], present: Callable[[Any], Mapping[str, object]] | None = None
) -> type[serializers.Serializer[Any]]:
    members: dict[str, Any] = {"__doc__": words, **fields}
    if present is not None:
        members["to_representation"] = lambda self, instance: present(instance)
    return type(f"{name}Serializer", (serializers.Serializer,), members)
