"""What an entry covers: is it here, is it what was signed, may it stand in this channel?

Source: protocol, 5 (*Late joiners*), 6 and 7, rows 6, 8 and 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from federation.identity.descriptor import Descriptor
from federation.judging.bundles import Item, SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import Facts
from federation.judging.judged import Covered
from federation.judging.reader import Reader
from federation.judging.state import ChannelState, Place, signing_keys
from policies.acts import LATER_MEMBERS, Act
from policies.audience import (
    Audience,
    Purpose,
    is_always_served,
    may_share,
    shown_to_later_members,
)
from policies.marking import Labels, MarkingError, own_label
from policies.tlp import TLP, TLP_BY_MARKING_ID
from sharing.objects import SIGNED_BUNDLE, StixObject

Chains = Mapping[str, "tuple[Descriptor, ...]"]
FindDefinition = Callable[[str], Mapping[str, Any] | None]


def gather(
    state: ChannelState,
    entry: SignedBundle,
    contribution: SignedBundle | None,
    facts: Facts,
    reader: Reader,
    described: Chains,
) -> tuple[Covered, ...]:
    """Find everything that an entry covers.

    Args:
        described: descriptors by organisation that the entry brings along.

    Raises:
        DoubtError: `missing_object` or `hash_mismatch`, with what to ask for; `malformed` where
            the list names another object than the hash, or an entry of this very channel.
    """
    chains = {**state.chains, **described}
    covered: list[Covered] = []
    named: dict[tuple[str, int], Covered] = {}
    joins = reader.organisation in _joining(contribution or entry)
    for bundle in filter(None, (contribution, entry)):
        claims = _Claims.of(bundle, entry.channel)
        for item in bundle.contents:
            if contribution is not None and item == contribution.item:
                continue
            stix = _find(item, state, facts, chains)
            key = (item.ref, item.version_ns)
            first, before = facts.first_content(*key), named.get(key)
            if item.sha256 == (first or (before and before.item.sha256)):
                # It says again what the ledger holds: what was stated first stands.
                label = before.claimed if before is not None else facts.first_label(*key)
                covered.append(Covered(item, bundle.author, label, stix, is_first=False))
                continue
            is_first = first is None and before is None
            one = Covered(item, bundle.author, claims.label(item), stix, is_first, claims.later)
            if stix is None and not (
                reader.lenient
                or reader.gone
                or item.sha256 in reader.recalled_ahead
                or facts.is_recalled(item.sha256)
                or (
                    not joins
                    and is_withheld(state, reader.organisation, entry.place, one.withheld_by)
                )
            ):
                raise _absent(item, first, facts)
            covered.append(one)
            named.setdefault(key, one)
    return tuple(covered)


def _joining(acting: SignedBundle) -> frozenset[str]:
    """Give who is in the audience from this entry on: what comes with it is due to them."""
    body = acting.body
    match acting.act:
        case Act.CHANNEL_OPENED:
            return frozenset(member["organisation"] for member in body["members"])
        case Act.MEMBER_JOINED:
            return frozenset((acting.author,))
        case Act.MEMBER_RESUMED:
            return frozenset((body["organisation"],))
        case _:
            return frozenset()


def is_withheld(
    state: ChannelState, organisation: str | None, place: Place, claimed: TLP | None
) -> bool:
    """Tell whether an object first covered at a place is withheld from an organisation.

    Source: protocol, 5 (*Late joiners*).
    """
    if claimed is None or organisation is None:
        return False
    if shown_to_later_members(claimed, released=False):
        return False
    member = state.members.get(organisation)
    if member is None or not member.stays:
        # Its joining stands later in the chain: what is verified ahead of it is older matter.
        return True
    return not member.reads_all_at(place)


def released_refs(bundle: SignedBundle) -> tuple[str, ...]:
    """Give the ids of what a bundle makes due without covering it, as it claims."""
    named = bundle.body.get("objects") if bundle.act == Act.OBJECT_RELEASED else None
    return tuple(str(ref) for ref in named) if isinstance(named, list) else ()


def check_contents(
    state: ChannelState,
    bundles: Sequence[SignedBundle],
    covered: tuple[Covered, ...],
    facts: Facts,
    described: Chains,
) -> None:
    """Check what is covered against the ledger and the channel's rules.

    Args:
        state: the ledger before the entry.
        bundles: the contribution, if there is one, and the entry.
        described: descriptors by organisation, those that the entry brings along included.

    Raises:
        DoubtError: `conflicting_object`, `impersonation`, `tlp_violation`, `recalled`.
    """
    chains = {**state.chains, **described}
    named: dict[tuple[str, int], str] = {}
    for one in covered:
        key = (one.item.ref, one.item.version_ns)
        first = facts.first_content(*key) or named.setdefault(key, one.item.sha256)
        if first != one.item.sha256:
            raise DoubtError(
                Doubt.CONFLICTING_OBJECT, f"another content of this version of {key[0]} stands"
            )
    vouched = _Vouched(covered, chains)
    # What the ledger holds already is not asked again who made it and how it is marked: not
    # everybody has its bytes, and all have to come to the same end.
    new = tuple(one for one in covered if one.is_first)
    for one in new:
        _check_author(state, one, facts, chains, vouched)
    _check_labels(state, bundles, new, facts, chains)
    for one in covered:
        if facts.is_recalled(one.item.sha256):
            raise DoubtError(Doubt.RECALLED, f"{one.item.ref} has been recalled")


def _find(item: Item, state: ChannelState, facts: Facts, chains: Chains) -> StixObject | None:
    if item.ref.startswith(f"{SIGNED_BUNDLE}--"):
        return _find_bundle(item, state, facts, chains)
    stix = facts.find_object(item.sha256)
    if stix is not None and (stix.stix_id, stix.version_ns) != (item.ref, item.version_ns):
        raise DoubtError(Doubt.MALFORMED, f"{item.ref} is not the object that its hash names")
    return stix


def _find_bundle(
    item: Item, state: ChannelState, facts: Facts, chains: Chains
) -> StixObject | None:
    """Find a bundle that is carried along: of several copies the first that its author signed."""
    copies = [SignedBundle.read(stix) for stix in facts.find_bundles(item.ref, item.sha256)]
    if not copies:
        return None
    if copies[0].is_entry and copies[0].channel == state.channel:
        # Whoever pulls must be able to tell the ledger from what it covers.
        raise DoubtError(
            Doubt.MALFORMED, f"{item.ref} is an entry of this channel: nothing covers it"
        )
    return next((one for one in copies if is_proven(one, chains)), copies[0]).stix


def is_proven(bundle: SignedBundle, chains: Chains) -> bool:
    """Tell whether a key of its author's, by this ledger, signed a bundle that is carried along."""
    chain = chains.get(bundle.author, ())
    try:
        keys = signing_keys(chain) if chain else ()
        key = next((one for one in keys if one.key.thumbprint == bundle.kid), None)
        if key is None or key.revoked_at is not None:
            return False
        bundle.prove(key.key)
    except DoubtError:
        return False
    return True


def _absent(item: Item, first: str | None, facts: Facts) -> DoubtError:
    if first is None and facts.has_version(item.ref, item.version_ns):
        return DoubtError(
            Doubt.HASH_MISMATCH, f"{item.ref} is not what was signed", refs=(item.ref,)
        )
    return DoubtError(Doubt.MISSING_OBJECT, f"{item.ref} has not arrived", refs=(item.ref,))


def _carrier(bundle: SignedBundle) -> TLP | None:
    """Give the bundle's own label; definitions beyond TLP do not decide it."""
    value = bundle.stix.value
    match value.get("object_marking_refs"), "granular_markings" in value:
        case [str() as ref], False if ref in TLP_BY_MARKING_ID:  # as nearly all are marked
            return TLP_BY_MARKING_ID[ref]
    try:
        return own_label(value, lambda _ref: None)
    except MarkingError as error:
        raise DoubtError(Doubt.TLP_VIOLATION, f"the bundle: {error.message}") from None


def _fallback(bundle: SignedBundle) -> TLP | None:
    """Give the label that its objects claim where it states none; unreadable: the strictest.

    A bundle whose own markings can't be read is voided, when its turn comes, by `check_contents`.
    """
    try:
        return _carrier(bundle)
    except DoubtError:
        return TLP.RED


@dataclass(frozen=True, slots=True)
class _Claims:
    """What one bundle says of how its objects are withheld.

    The channel's own identity is withheld from no member: notes refer to it, and whoever was
    invited has read its name.
    """

    fallback: TLP | None
    later: bool
    identity: str

    @classmethod
    def of(cls, bundle: SignedBundle, channel: str) -> _Claims:
        """Read them. Source: protocol, 5 (*Late joiners*)."""
        later = bundle.body.get(LATER_MEMBERS) is True
        return cls(_fallback(bundle), later, f"identity--{channel}")

    def label(self, item: Item) -> TLP | None:
        """Give the label of an object: what the bundle states, else the bundle's own."""
        named = {"type": item.ref.partition("--")[0], "id": item.ref}
        if is_always_served(named, self.identity):
            return None
        return item.tlp or self.fallback


@dataclass
class _Vouched:
    """What bundles carried along prove, and own identities: looked up where it is asked for."""

    covered: tuple[Covered, ...]
    chains: Chains

    def __contains__(self, said: tuple[str, str]) -> bool:
        """Tell whether an organisation (first) vouches for a hash (second)."""
        organisation, sha256 = said
        if any(one.organisation_sha256 == sha256 for one in self.chains.get(organisation, ())):
            return True
        return any(
            bundle.author == organisation
            and any(item.sha256 == sha256 for item in bundle.contents)
            and is_proven(bundle, self.chains)
            for bundle in self._carried()
        )

    def _carried(self) -> Iterator[SignedBundle]:
        for one in self.covered:
            if one.stix is not None and one.stix.stix_type == SIGNED_BUNDLE:
                yield SignedBundle.read(one.stix)


def _check_author(
    state: ChannelState,
    one: Covered,
    facts: Facts,
    chains: Chains,
    vouched: _Vouched,
) -> None:
    """Check that nobody speaks for another. Source: protocol, 6."""
    if one.stix is None or one.stix.stix_type == SIGNED_BUNDLE:
        return
    creator = one.stix.value.get("created_by_ref")
    if creator == state.identity and one.author != state.owner:
        raise DoubtError(
            Doubt.IMPERSONATION, "only the owner signs what the channel's identity creates"
        )
    if creator == one.author:
        return
    member = state.members.get(str(creator))
    if member is not None and member.without_node:
        raise DoubtError(
            Doubt.IMPERSONATION,
            f"{one.item.ref} is made out to be by {creator}, which has no node to sign with",
        )
    if creator not in chains:
        return
    if (str(creator), one.item.sha256) in vouched or facts.is_covered_by(
        one.item.sha256, str(creator)
    ):
        return
    raise DoubtError(
        Doubt.IMPERSONATION, f"{one.item.ref} speaks for {creator}, which has not signed it"
    )


def _check_labels(
    state: ChannelState,
    bundles: Sequence[SignedBundle],
    covered: tuple[Covered, ...],
    facts: Facts,
    chains: Chains,
) -> None:
    """Check that every label allows this audience. Source: protocol, 6 (*Effective label*)."""
    own = {
        one.item.ref: one.stix.value
        for one in covered
        if one.stix is not None and one.stix.stix_type == "marking-definition"
    }

    def find_definition(ref: str) -> Mapping[str, Any] | None:
        return own.get(ref) or facts.find_marking(ref)

    labels = Labels(find_definition)
    audience = Audience(
        kind=state.kind,
        owner=state.owner,
        organisations=frozenset(state.joined) or frozenset(chains),
        ceiling=state.ceiling,
        breakout=state.is_breakout,
        identity=state.identity,
    )
    carriers: dict[str, TLP | None] = {}
    for bundle in bundles:
        carrier = carriers[bundle.author] = _carrier(bundle)
        if carrier is None:
            raise DoubtError(Doubt.TLP_VIOLATION, "the bundle itself has no TLP label")
        if not state.ceiling.allows(carrier):
            raise DoubtError(
                Doubt.TLP_VIOLATION,
                f"the bundle is {carrier.label}; the channel goes up to {state.ceiling.label}",
            )
    for one in covered:
        if one.stix is None:
            if one.claimed is not None and not state.ceiling.allows(one.claimed):
                raise DoubtError(Doubt.TLP_VIOLATION, f"{one.item.ref} is {one.claimed.label}")
            continue
        if one.stix.stix_type == SIGNED_BUNDLE:
            continue
        carrier = carriers[one.author]
        decision = may_share(
            one.stix.value,
            audience,
            Purpose.ADDRESSED,
            carrier=carrier,
            author=one.author,
            labels=labels,
        )
        if not decision:
            raise DoubtError(Doubt.TLP_VIOLATION, f"{one.item.ref}: {decision.reason}")
        if one.claimed is not None:
            _check_claim(one, labels.effective(one.stix.value, carrier))


def _check_claim(one: Covered, label: TLP) -> None:
    stated = one.item.tlp
    both_open = TLP.GREEN.allows(label) and TLP.GREEN.allows(stated or label)
    if stated is not None and stated is not label and not both_open:
        raise DoubtError(
            Doubt.TLP_VIOLATION, f"{one.item.ref} is {label.label}, not {stated.label} as stated"
        )
    if not (one.claimed or TLP.GREEN).allows(label) and not TLP.GREEN.allows(label):
        raise DoubtError(
            Doubt.TLP_VIOLATION, f"{one.item.ref} is {label.label}, which its bundle must state"
        )
