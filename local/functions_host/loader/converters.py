"""The converters between wire data and Python objects: azure.functions' own, as in the real worker."""

from __future__ import annotations

from typing import Any

from azure.functions import get_binding_registry, meta

Datum = meta.Datum

GENERIC = "generic"


class GenericConverter:
    """The real worker's converter for types without one of their own, and for `str` and `bytes`."""

    @classmethod
    def check_input_type_annotation(cls, pytype: type) -> bool:
        """Tell whether a parameter may have this annotation."""
        return issubclass(pytype, str | bytes)

    @classmethod
    def check_output_type_annotation(cls, pytype: type) -> bool:
        """Tell whether an output may have this annotation."""
        return issubclass(pytype, str | bytes | bytearray)

    @classmethod
    def decode(cls, data: Datum | None, *, trigger_metadata: Any) -> Any:  # noqa: ARG003 - the converters' signature
        """Return the data as it came.

        Raises:
            ValueError: the data is of a kind that generic bindings do not take.
        """
        if data is None or data.type is None:
            return None
        if data.type in {"string", "bytes", "json"}:
            return data.value
        raise ValueError(
            f'unexpected type of data received for the "generic" binding : {data.type!r}'
        )

    @classmethod
    def encode(cls, obj: Any, *, expected_type: type | None) -> Datum:  # noqa: ARG003 - the converters' signature
        """Return the object as wire data.

        Raises:
            NotImplementedError: no wire form fits the object.
        """
        if obj is None:
            return Datum(type=None, value=None)
        if isinstance(obj, bytes | bytearray):
            return Datum(type="bytes", value=bytes(obj))
        for pytype, kind in _KINDS:
            if isinstance(obj, pytype):
                return Datum(type=kind, value=obj)
        raise NotImplementedError


_KINDS: tuple[tuple[type, str], ...] = (
    (str, "string"), (dict, "dict"), (list, "list"), (int, "int"), (float, "double"),
)  # fmt: skip


def converter(binding_type: str) -> Any:
    """Return the converter of a binding type; the generic one for types without their own."""
    if binding_type == GENERIC:
        return GenericConverter
    registry: Any = get_binding_registry
    return registry().get(binding_type) or GenericConverter


def has_implicit_output(binding_type: str) -> bool:
    """Tell whether a binding of this type lets the function return a value without `$return`."""
    found = converter(binding_type)
    if found is GenericConverter:
        # orchestrationClient: the extension's old name of durableClient, which has no output
        return binding_type not in {"durableClient", "orchestrationClient"}
    return bool(getattr(found, "has_implicit_output", lambda: False)())


def decode(binding_type: str, data: Datum, metadata: dict[str, Datum]) -> Any:
    """Return the Python object that a parameter of this binding receives.

    Raises:
        TypeError: the binding does not take such data.
        ValueError: the data has the wrong form.
    """
    try:
        return converter(binding_type).decode(data, trigger_metadata=metadata)
    except NotImplementedError:
        raise TypeError(
            "unable to decode incoming TypedData: unsupported combination of TypedData field "
            f"{data.type!r} and expected binding type {binding_type}"
        ) from None


def encode(binding_type: str, obj: Any, pytype: type | None) -> Datum:
    """Return the wire form of what a function gave for an output of this binding.

    Raises:
        TypeError: the binding does not take such an object.
        ValueError: the object cannot be serialised.
    """
    try:
        datum: Datum = converter(binding_type).encode(obj, expected_type=pytype)
    except NotImplementedError:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{converter(binding_type)}" '
            f'for Python type "{type(obj).__name__}"'
        ) from None
    return datum
