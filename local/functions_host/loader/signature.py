"""Checks of a Python function against its function.json, in the real worker's words.

Source: Azure/azure-functions-python-worker, azure_functions_worker/functions.py.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions_host.loader.converters import GENERIC, converter, has_implicit_output
from functions_host.loader.metadata import Binding, Direction
from functions_host.problems import FunctionLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_NOT_GENERIC = (None, typing.Union, tuple, typing.ClassVar, collections.abc.Callable)


@dataclass(frozen=True, kw_only=True)
class ParameterType:
    """The translation of one value between the host and the function.

    Attributes:
        converter: The binding type whose converter translates, or `generic`.
        pytype: The annotation, or None.
    """

    converter: str
    pytype: Any = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The parameters and the result of a function.

    Attributes:
        inputs: Parameters that receive data, by name.
        outputs: Parameters that receive an `Out`, by name.
        returned: How the return value crosses; None when the function must return None.
        takes_context: Whether it has a `context` parameter for the invocation's context.
        is_async: Whether it is a coroutine function.
    """

    inputs: Mapping[str, ParameterType]
    outputs: Mapping[str, ParameterType]
    returned: ParameterType | None
    takes_context: bool
    is_async: bool


def check_signature(
    name: str, function: Callable[..., Any], bindings: Iterable[Binding]
) -> Signature:
    """Return how to call the function.

    Raises:
        FunctionLoadError: its parameters or annotations do not fit the bindings.
    """
    bindings = list(bindings)
    bound = {binding.name: binding for binding in bindings if binding.name != "$return"}
    annotations = _annotations(name, function)
    parameters = dict(inspect.signature(function).parameters)
    takes_context = _takes_context(name, parameters, bound, annotations)
    _check_names(name, set(parameters), set(bound))
    checked = {p: _Parameter(name, bound[p], annotations).check() for p in parameters}
    outgoing = {p for p in parameters if bound[p].direction is Direction.OUT}
    return Signature(
        inputs={p: kind for p, kind in checked.items() if p not in outgoing},
        outputs={p: kind for p, kind in checked.items() if p in outgoing},
        returned=_returned(name, bindings, annotations),
        takes_context=takes_context,
        is_async=inspect.iscoroutinefunction(function),
    )


def _annotations(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception as error:
        raise FunctionLoadError(
            name, f"its annotations cannot be evaluated: {type(error).__name__}: {error}"
        ) from error


def _takes_context(
    name: str,
    parameters: dict[str, inspect.Parameter],
    bound: Mapping[str, Binding],
    annotations: Mapping[str, Any],
) -> bool:
    if "context" not in parameters or "context" in bound:
        return False
    del parameters["context"]
    annotation = annotations.get("context")
    if annotation is not None and getattr(annotation, "__name__", "") != "Context":
        raise FunctionLoadError(
            name,
            'the "context" parameter is expected to be of type azure.functions.Context, '
            f"got {annotation!r}",
        )
    return True


def _check_names(name: str, declared: set[str], bound: set[str]) -> None:
    if declared - bound:
        raise FunctionLoadError(
            name,
            "the following parameters are declared in Python but not in function.json: "
            f"{declared - bound!r}",
        )
    if bound - declared:
        raise FunctionLoadError(
            name,
            "the following parameters are declared in function.json but not in Python: "
            f"{bound - declared!r}",
        )


class _Parameter:
    """Checks one parameter against its binding."""

    def __init__(self, function: str, binding: Binding, annotations: Mapping[str, Any]) -> None:
        self._function = function
        self._binding = binding
        self._annotated = binding.name in annotations
        self._annotation = annotations.get(binding.name)

    def check(self) -> ParameterType:
        binding = self._binding
        is_out = self._annotated and _is_out(self._annotation)
        pytype = self._out_type() if is_out else self._annotation
        if self._annotated:
            self._check_direction(is_out=is_out, pytype=pytype)
        kind = binding.type
        if pytype in {str, bytes} and not has_implicit_output(kind):
            kind = GENERIC
        if self._annotated:
            self._check_type(kind, pytype, is_out=is_out)
        return ParameterType(converter=kind, pytype=pytype)

    def _out_type(self) -> Any:
        arguments = typing.get_args(self._annotation)
        if len(arguments) != 1:
            raise self._error(
                f"binding {self._binding.name} has invalid Out annotation {self._annotation!r}"
            )
        return arguments[0]

    def _check_direction(self, *, is_out: bool, pytype: Any) -> None:
        name = self._binding.name
        if not isinstance(pytype, type) and not _is_generic(pytype):
            raise self._error(
                f"binding {name} has invalid non-type annotation {self._annotation!r}"
            )
        if self._binding.direction is Direction.OUT and not is_out:
            raise self._error(
                f'binding {name} is declared to have the "out" direction, but its annotation in '
                "Python is not a subclass of azure.functions.Out"
            )
        if self._binding.direction is Direction.IN and is_out:
            raise self._error(
                f'binding {name} is declared to have the "in" direction in function.json, but its '
                "annotation is azure.functions.Out in Python"
            )

    def _check_type(self, kind: str, pytype: Any, *, is_out: bool) -> None:
        found = converter(kind)
        check = found.check_output_type_annotation if is_out else found.check_input_type_annotation
        try:
            fits = check(pytype)
        except TypeError:  # issubclass of a generic alias such as dict[str, int]
            fits = False
        if fits:
            return
        annotation = getattr(pytype, "__name__", repr(pytype))
        binding = self._binding
        if binding.data_type is not None:
            raise self._error(
                f'{binding.name!r} binding type "{binding.type}" and dataType "{binding.data_type}" '
                "in function.json do not match the corresponding function parameter's Python type "
                f'annotation "{annotation}"'
            )
        raise self._error(
            f'type of {binding.name} binding in function.json "{binding.type}" does not match its '
            f'Python annotation "{annotation}"'
        )

    def _error(self, reason: str) -> FunctionLoadError:
        return FunctionLoadError(self._function, reason)


def _is_generic(annotation: Any) -> bool:
    """Tell whether the real worker takes it for a generic: `Dict[str, int]`, not `dict[str, int]`."""
    if isinstance(annotation, types.GenericAlias | types.UnionType):
        return False
    return typing.get_origin(annotation) not in _NOT_GENERIC


def _is_out(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) or annotation
    return isinstance(origin, type) and origin.__name__ == "Out"


def _returned(
    name: str, bindings: list[Binding], annotations: Mapping[str, Any]
) -> ParameterType | None:
    explicit = next((binding.type for binding in bindings if binding.name == "$return"), None)
    implicit = [binding.type for binding in bindings if has_implicit_output(binding.type)]
    annotation = annotations.get("return")
    if explicit is None:
        return ParameterType(converter=implicit[-1], pytype=annotation) if implicit else None
    if "return" in annotations:
        _check_return(name, explicit, annotation)
    return ParameterType(converter=explicit, pytype=annotation)


def _check_return(name: str, kind: str, annotation: Any) -> None:
    if _is_out(annotation):
        raise FunctionLoadError(name, "return annotation should not be azure.functions.Out")
    if not isinstance(annotation, type):
        raise FunctionLoadError(name, f"has invalid non-type return annotation {annotation!r}")
    if not converter(kind).check_output_type_annotation(annotation):
        raise FunctionLoadError(
            name,
            f'Python return annotation "{annotation.__name__}" does not match binding type "{kind}"',
        )
