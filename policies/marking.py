"""The TLP label of an object: its own, and the one that counts when it is shared.

Source: coordination protocol, 6 (*Effective label*); STIX 2.1, 7.2; OASIS TLP 2.0 extension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from policies.errors import InvalidError
from policies.pap import PAP_BY_MARKING_ID, PAP_EXTENSION
from policies.tlp import TLP, TLP1_MARKING_IDS, TLP_BY_MARKING_ID, TLP_EXTENSION, strictest

IEP_EXTENSION: Final = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a"

_DEFINITION: Final = "marking-definition"

FindDefinition = Callable[[str], Mapping[str, Any] | None]
"""Gives the marking definition with this id, `None` where it is unknown."""


class MarkingError(InvalidError):
    """The markings of an object do not say who may have it."""


def own_label(obj: Mapping[str, Any], find_definition: FindDefinition) -> TLP | None:
    """Give the strictest TLP among the object's own markings, or `None` where it has none.

    Raises:
        MarkingError: the markings contradict each other, are malformed or unknown.
    """
    whole, part = _labels(obj, find_definition)
    return strictest(label for label in (whole, part) if label is not None)


def effective_label(
    obj: Mapping[str, Any], carrier: TLP | None, find_definition: FindDefinition
) -> TLP:
    """Give the label that decides who may have the object.

    What the object does not mark as a whole takes the label of the bundle that covers it; a
    stricter part decides for the whole, because an object is shared whole or not at all.

    Args:
        obj: any STIX object, parsed.
        carrier: the label of the bundle that covers it.
        find_definition: gives definitions that this ledger knows.

    Raises:
        MarkingError: there is no label, or the markings contradict, are malformed or unknown.

    Source: coordination protocol, 6 (*Effective label*).
    """
    whole, part = _labels(obj, find_definition)
    whole = whole or carrier
    if whole is None:
        message = "it has no TLP label, and neither has the bundle that covers it"
        raise MarkingError(message, field="object_marking_refs")
    return max((whole, part or whole), key=lambda label: label.rank)


class Labels:
    """The labels that one set of definitions gives, each set of markings read once.

    Most objects of a bundle are marked alike, and what decides is their marking alone.

    Args:
        find_definition: gives definitions that this ledger knows, as long as this is in use.
    """

    def __init__(self, find_definition: FindDefinition) -> None:
        self.find_definition: Final = find_definition
        self._read: dict[tuple[str, TLP | None], TLP] = {}

    def effective(self, obj: Mapping[str, Any], carrier: TLP | None) -> TLP:
        """Give `effective_label` of an object.

        Raises:
            MarkingError: as there.
        """
        match obj.get("object_marking_refs"), "granular_markings" in obj:
            case [str() as ref], False if obj.get("type") != _DEFINITION:
                label = self._read.get((ref, carrier))
                if label is None:
                    label = effective_label(obj, carrier, self.find_definition)
                    self._read[ref, carrier] = label
                return label
        return effective_label(obj, carrier, self.find_definition)


def _labels(
    obj: Mapping[str, Any], find_definition: FindDefinition
) -> tuple[TLP | None, TLP | None]:
    """Give the label of the whole object and the strictest of its parts."""
    if obj.get("type") == _DEFINITION:
        _check_definition(obj)
    match obj.get("object_marking_refs"), "granular_markings" in obj:
        case [str() as ref], False:  # as most of all objects are marked
            return _label_of(ref, "object_marking_refs[0]", find_definition), None
    on_object = {
        label
        for path, ref in _object_markings(obj)
        if (label := _label_of(ref, path, find_definition)) is not None
    }
    if len(on_object) > 1:
        names = " and ".join(sorted(label.label for label in on_object))
        message = f"its TLP markings contradict each other: {names}"
        raise MarkingError(message, field="object_marking_refs")
    on_parts = [
        label
        for path, ref in _granular_markings(obj)
        if (label := _label_of(ref, path, find_definition)) is not None
    ]
    return strictest(on_object), strictest(on_parts)


def _object_markings(obj: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, ref in enumerate(_list(obj, "object_marking_refs")):
        path = f"object_marking_refs[{index}]"
        if not isinstance(ref, str):
            message = "a marking is named by its id"
            raise MarkingError(message, field=path)
        yield path, ref


def _granular_markings(obj: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for index, granular in enumerate(_list(obj, "granular_markings")):
        path = f"granular_markings[{index}]"
        if not isinstance(granular, Mapping):
            message = "a granular marking is an object with selectors"
            raise MarkingError(message, field=path)
        ref, lang = granular.get("marking_ref"), granular.get("lang")
        if (ref is None) == (lang is None):
            message = "a granular marking has exactly one of marking_ref and lang"
            raise MarkingError(message, field=path)
        if ref is None:
            continue
        if not isinstance(ref, str):
            message = "a marking is named by its id"
            raise MarkingError(message, field=f"{path}.marking_ref")
        yield f"{path}.marking_ref", ref


def _list(obj: Mapping[str, Any], name: str) -> list[Any]:
    value = obj.get(name)
    if value is None and name not in obj:
        return []
    if not isinstance(value, list) or not value:
        message = f"{name} is a list with at least one item, or absent"
        raise MarkingError(message, field=name)
    return value


def _label_of(ref: str, path: str, find_definition: FindDefinition) -> TLP | None:
    """Give the label that a marking means; `None` for statement, PAP and IEP markings."""
    definition = find_definition(ref)
    try:
        if definition is not None:
            _check_definition(definition)
    except MarkingError as error:
        raise MarkingError(error.message, field=path) from None
    if ref in TLP_BY_MARKING_ID:
        return TLP_BY_MARKING_ID[ref]
    if ref in PAP_BY_MARKING_ID:
        return None
    if definition is None:
        message = f"the marking {ref[:90]} is unknown here"
        raise MarkingError(message, field=path)
    if definition.get("id") != ref:
        message = f"what was found for the marking {ref[:90]} is another definition"
        raise MarkingError(message, field=path)
    return None


def _check_definition(definition: Mapping[str, Any]) -> None:
    """Refuse a definition that lies about TLP, or whose kind nobody here understands."""
    marking_id = str(definition.get("id"))[:90]
    if definition.get("type") != _DEFINITION:
        message = f"{marking_id} is not a marking definition"
        raise MarkingError(message)
    extensions = definition.get("extensions", {})
    kind = definition.get("definition_type")
    if not isinstance(extensions, Mapping):
        message = f"the extensions of the marking {marking_id} are not an object"
        raise MarkingError(message)
    expected = TLP_BY_MARKING_ID.get(marking_id)
    claimed = _claimed_label(definition, extensions)
    if claimed is not None or expected is not None:
        if expected is None:
            message = f"the marking {marking_id} claims to be TLP under an id that TLP does not use"
            raise MarkingError(message)
        if claimed is not expected:
            message = (
                f"the marking {marking_id} is {expected.label}, but its content says otherwise"
            )
            raise MarkingError(message)
        return
    understood = {PAP_EXTENSION, IEP_EXTENSION}
    if not (kind == "statement" and not extensions) and not (
        kind is None and extensions and set(extensions) <= understood
    ):
        message = f"the marking {marking_id} is of a kind that is unknown here"
        raise MarkingError(message)


def _claimed_label(
    definition: Mapping[str, Any], extensions: Mapping[str, Any]
) -> TLP | str | None:
    """Give the TLP label that a definition claims, text where it is no label at all."""
    if TLP_EXTENSION in extensions:
        extension = extensions[TLP_EXTENSION]
        value = extension.get("tlp_2_0") if isinstance(extension, Mapping) else None
        by_id = TLP1_MARKING_IDS.get(str(definition.get("id")))
        if by_id is not None or definition.get("definition_type") is not None:
            return "mixed"
        return next((label for label in TLP if label.value == value), "unreadable")
    if definition.get("definition_type") == "tlp":
        body = definition.get("definition")
        value = body.get("tlp") if isinstance(body, Mapping) else None
        colours = {"white": TLP.CLEAR, "green": TLP.GREEN, "amber": TLP.AMBER, "red": TLP.RED}
        if str(definition.get("id")) not in TLP1_MARKING_IDS:
            return "misplaced"
        return colours.get(str(value), "unreadable")
    return None
