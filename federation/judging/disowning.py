"""Doubtful and disowned: what was signed with a key that its author has revoked since.

It stays where it stands and has effect, unless its author disowns it: then what it alone brought
is shown to nobody any more, as if it were recalled. What it changed of membership and coordination
stays until a later act mends it.

Source: protocol, 2 (*Keys are state of the ledger*); decision 10.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from federation.identity.descriptor import Descriptor, KeyUse
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import Facts
from federation.judging.judged import NOTHING, Disowned
from policies.acts import Act
from sharing.canonical import read_instant


def doubt_about(chain: Sequence[Descriptor], kid: str, created_ns: int) -> str | None:
    """Say why an act is doubtful, by what its author says of its keys by now; `None` if it is not.

    Args:
        chain: its author's descriptors, by the whole ledger.
        kid: the key that signed it.
        created_ns: ledger time of its entry.
    """
    return _doubt_about_key(chain, kid, created_ns, "its key", "its author’s")


def doubt_about_admission(chain: Sequence[Descriptor], kid: str, created_ns: int) -> str | None:
    """Say why it is doubtful that an act was admitted, when, and in which order.

    The act itself is its author's, whoever admitted it.

    Args:
        chain: descriptors of who admitted it, by the whole ledger.
        kid: the key that signed the entry.
        created_ns: ledger time.

    Source: decision 17.
    """
    return _doubt_about_key(
        chain, kid, created_ns, "the key that admitted it", "that coordinator’s"
    )


def _doubt_about_key(
    chain: Sequence[Descriptor], kid: str, created_ns: int, key_name: str, whose: str
) -> str | None:
    if not chain:
        return None
    key = chain[-1].find_key(kid, KeyUse.SIGN)
    if key is None:
        return f"{key_name} is none of {whose}: the recovery key has overruled it"
    if key.revoked_at is None or created_ns < read_instant(key.revoked_at):
        return None
    return f"{key_name} is revoked since {key.revoked_at}"


def check_disowned(acting: SignedBundle, chain: Sequence[Descriptor], facts: Facts) -> Disowned:
    """Give what a `node.described` disowns.

    Args:
        chain: the author's descriptors, those that it brings along included.

    Raises:
        DoubtError: `not_permitted`: only an author disowns, and only what is doubtful.
    """
    wanted = acting.body.get("disowned", ()) if acting.act == Act.NODE_DESCRIBED else ()
    if not wanted:
        return NOTHING
    bundles, dropped = [], Counter[str]()
    for sha256 in wanted:
        past = facts.find_past(sha256)
        if past is None or past.author != acting.author or past.act == Act.CHANNEL_OPENED:
            raise DoubtError(
                Doubt.NOT_PERMITTED, f"{sha256[:12]}… is no act of its author’s in this ledger"
            )
        if doubt_about(chain, past.kid, past.created_ns) is None:
            raise DoubtError(
                Doubt.NOT_PERMITTED, f"{sha256[:12]}… was signed with a key that is not revoked"
            )
        if not past.disowned:
            bundles.append(sha256)
            dropped.update(past.contents)
    hidden = [sha256 for sha256, count in dropped.items() if facts.coverings(sha256) <= count]
    return Disowned(tuple(bundles), tuple(sorted(hidden)), tuple(sorted(dropped.elements())))
