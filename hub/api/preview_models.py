"""Who will see this: what programs ask, and what they are told."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from hub.api.models import Form
from hub.channels import preview_words
from hub.channels.incoming import MAX_OBJECTS
from hub.channels.preview import Sight
from policies.acts import Act
from policies.preview import Inside, Reads
from policies.tlp import TLP


class PreviewIn(Form):
    """What somebody is about to write: objects, or words under a label."""

    act: Act
    tlp: Annotated[
        TLP | None, Field(description="Of the words; what a form begins with, if nothing is given.")
    ] = None
    later_members: Annotated[
        bool | None,
        Field(description="Whether later members get it, whatever its label; as the act has it."),
    ] = None
    objects: Annotated[
        list[dict[str, Any]], Field(max_length=MAX_OBJECTS, description="STIX objects.")
    ] = Field(default_factory=list)


class ReaderOut(BaseModel):
    """One organisation, whether it would read it, and why."""

    organisation: str
    name: str
    is_us: bool
    reads: Reads
    reason: str
    later: Annotated[
        Reads | None, Field(description="What it reads once it takes part, or does so again.")
    ]


class ContentOut(BaseModel):
    """What would be covered, by type and label."""

    type: str
    tlp: TLP
    count: int


class PreviewOut(BaseModel):
    """Who would read it, were it written now. Nothing was written."""

    channel: str | None
    act: Act
    sentence: str
    refusal: Annotated[str | None, Field(description="Why it may not be written there.")]
    readers: list[ReaderOut]
    later_members: Annotated[
        Reads | None, Field(description="What an organisation reads that joins afterwards.")
    ]
    later_sentence: str
    inside: Annotated[Inside, Field(description="Which persons of an organisation read it.")]
    inside_sentence: str
    contents: list[ContentOut]


def preview_document(sight: Sight) -> PreviewOut:
    """Tell who would read something."""
    return PreviewOut(
        channel=sight.channel,
        act=sight.act,
        sentence=preview_words.summary(sight),
        refusal=sight.refusal,
        readers=[
            ReaderOut(
                organisation=one.organisation,
                name=one.name,
                is_us=one.is_us,
                reads=one.reads,
                reason=one.reason,
                later=one.later,
            )
            for one in sight.readers
        ],
        later_members=sight.later,
        later_sentence=preview_words.later_words(sight),
        inside=sight.inside,
        inside_sentence=preview_words.inside_words(sight),
        contents=[
            ContentOut(type=kind, tlp=label, count=count)
            for (kind, label), count in sight.contents.items()
        ],
    )
