"""What nobody can guess who reads an id and a hash without the object, as a late joiner does.

STIX makes the id of an observable from what it says: every address and file name could be tried
against it. The hash of a short object can be tried out likewise: what it says is an address, or one
of a few words, and the rest of it stands in the ledger.

Source: coordination protocol, 5 (*Late joiners*) and 6 (*One meaning per version*); STIX 2.1, 2.9.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from policies.tlp import TLP, TLP_BY_MARKING_ID
from sharing.objects import StixObject
from sharing.stix import NONCE_EXTENSION, nonce_extension

NONCE_BYTES: Final = 16
_RANDOM: Final = 4
_NEVER: Final = frozenset(
    {"marking-definition", "extension-definition", "language-content", "signed-bundle"}
)


def is_observable(stix: StixObject) -> bool:
    """Tell whether this is a cyber-observable object: it has no version."""
    return stix.stix_type not in _NEVER and stix.version is None


def is_guessable(stix: StixObject) -> bool:
    """Tell whether an id was made from what the object says."""
    return is_observable(stix) and UUID(stix.stix_id.partition("--")[2]).version != _RANDOM


def reissued(stix: StixObject, new_id: str, nonce: str) -> StixObject:
    """Give an observable under another id, with something random in it."""
    value = dict(stix.value)
    extensions = dict(value.get("extensions", {}))
    extensions[NONCE_EXTENSION] = nonce_extension(nonce)
    return StixObject.of(value | {"id": new_id, "extensions": extensions})


def hard_to_guess(stix: StixObject) -> StixObject:
    """Give an object of ours with something random in it, unless its label is for everybody."""
    labels = [TLP_BY_MARKING_ID.get(ref) for ref in stix.value.get("object_marking_refs", ())]
    if any(label is not None and TLP.GREEN.allows(label) for label in labels):
        return stix
    extensions = dict(stix.value.get("extensions", {}))
    extensions.setdefault(NONCE_EXTENSION, nonce_extension(secrets.token_hex(NONCE_BYTES)))
    return StixObject.of({**stix.value, "extensions": extensions})


def refers_to(stix: StixObject, moved: Mapping[str, str]) -> bool:
    """Tell whether an object names one of the ids that have another now."""
    return bool(_moved(stix.value, moved) != stix.value)


def with_moved_refs(stix: StixObject, moved: Mapping[str, str]) -> StixObject:
    """Give an object that names the new ids where it named the old ones.

    Args:
        moved: old id → new id.
    """
    value = _moved(stix.value, moved)
    return stix if value == stix.value else StixObject.of(value)


def _moved(value: Any, moved: Mapping[str, str], *, named: bool = False) -> Any:
    """Walk an object; what stands in a property of references is put in place."""
    if isinstance(value, Mapping):
        return {
            name: _moved(item, moved, named=name.endswith(("_ref", "_refs")))
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_moved(item, moved, named=named) for item in value]
    return moved.get(value, value) if named and isinstance(value, str) else value
