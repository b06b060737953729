"""`/api/v1/keys`: the keys of this node over time, and what somebody else may have signed.

Revoking and recovering take the recovery key, which never travels: they are commands alone.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from federation.identity.descriptor import KeyUse
from federation.identity.node import get_node
from hub import own_keys
from hub.api.channel_documents import entry_document
from hub.api.channel_models import ChannelId, DoneOut, EntryOut, Sha256
from hub.api.frame import Call, Resource
from hub.api.models import Document, Form
from hub.api.node import NodeOut, node_document
from hub.office import current_office

MAX_DISOWNED: Final = 1000

resource = Resource("keys")


class RotationIn(Form):
    """Which keys are to be replaced."""

    uses: Annotated[list[KeyUse], Field(min_length=1, max_length=2)] = Field(
        default_factory=lambda: list(KeyUse)
    )


class ToldOut(Document):
    """Where a change was written: channel ids."""

    history: Annotated[list[str], Field(description="Channels of ours: they say it already.")]
    pending: Annotated[list[str], Field(description="It is on the way to their owners.")]
    later: Annotated[list[str], Field(description="It could not be written yet; it will be.")]


class ChangedOut(Document):
    """The node after a change of its keys."""

    node: NodeOut
    told: ToldOut


class DoubtfulOut(Document):
    """One entry that somebody else may have signed with a key of ours."""

    place: Annotated[str, Field(description="The channel's name.")]
    why: str
    admission: Annotated[
        bool,
        Field(
            description="The act is another's own: in doubt is that, when and in which order we"
            " admitted it. It can be affirmed, not disowned."
        ),
    ]
    entry: EntryOut


class DoubtfulsOut(Document):
    """What is in doubt in our name, newest first."""

    items: list[DoubtfulOut]


class DisownIn(Form):
    """Doubtful entries of one channel."""

    channel: ChannelId
    bundles: Annotated[list[Sha256], Field(min_length=1, max_length=MAX_DISOWNED)]


class DisownedOut(Document):
    """What became of it."""

    channel: str
    history: Annotated[bool, Field(description="Whether the ledger says so already.")]


@resource.writes("POST", "/rotation", takes=RotationIn, gives=ChangedOut, action="keys.rotated")
def post_key_rotation(call: Call, body: RotationIn) -> ChangedOut:
    """Take new keys into use and retire the old ones; every channel is told."""
    changed = own_keys.rotate(call.session, current_office(), call.actor, body.uses, now=call.now)
    told = ToldOut.model_validate(changed.told, from_attributes=True)
    return ChangedOut(node=node_document(get_node(call.session)), told=told)


@resource.reads("/doubtful", gives=DoubtfulsOut)
def get_doubtful(call: Call) -> DoubtfulsOut:
    """Give what was signed or admitted in channels with a key that we revoked."""
    rows = own_keys.visible_doubtful(call.session, current_office(), call.actor)
    return DoubtfulsOut(
        items=[
            DoubtfulOut(
                place=row.place,
                why=row.why,
                admission=row.admission,
                entry=entry_document(row.entry),
            )
            for row in rows
        ]
    )


@resource.writes("POST", "/disowning", takes=DisownIn, gives=DisownedOut, action="entry.disowned")
def post_disowning(call: Call, body: DisownIn) -> DisownedOut:
    """Say in a channel that bundles in our name are not ours."""
    written = own_keys.disown(
        call.session, current_office(), call.actor, body.channel, body.bundles, now=call.now
    )
    return DisownedOut(channel=body.channel, history=written.entry is not None)


@resource.writes("POST", "/affirming", takes=DisownIn, gives=DoneOut, action="entry.affirmed")
def post_affirming(call: Call, body: DisownIn) -> DoneOut:
    """Say that doubtful entries are ours, or stand rightly: nobody is asked about them again."""
    own_keys.affirm(
        call.session, current_office(), call.actor, body.channel, body.bundles, now=call.now
    )
    return DoneOut()
