"""An opening is the first entry of its epoch, by its owner; it is never a contribution."""

from __future__ import annotations

from federation.judging.doubt import Doubt
from policies.acts import Act
from tests.kit.ledger_kit import LedgerKit, doubt_of, grid, vendor


def test_an_opening_in_the_middle_of_an_epoch_is_malformed() -> None:
    kit = LedgerKit.opened(grid(), vendor())
    body = kit.reopening(kit.owner, "re-opening")
    entry = kit.draft(Act.CHANNEL_OPENED, body)
    assert entry.seq == 1
    assert doubt_of(kit, entry) is Doubt.MALFORMED


def test_an_opening_that_a_member_contributes_is_malformed() -> None:
    member = grid()
    kit = LedgerKit.opened(member, vendor())
    for act in (Act.CHANNEL_OPENED, Act.ADMITTED):
        body = kit.reopening(member, "succession") if act is Act.CHANNEL_OPENED else {}
        contribution = kit.contribution(member, act, body)
        kit.arrive(contribution.stix)
        entry = kit.draft(Act.ADMITTED, admits=contribution)
        assert doubt_of(kit, entry) is Doubt.MALFORMED
