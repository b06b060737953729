"""Why a story ends early."""

from __future__ import annotations


class StoryError(Exception):
    """A step of the story did not hold; the sentence says which and why."""
