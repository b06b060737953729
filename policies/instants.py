"""Instants as bodies write them."""

from __future__ import annotations

from datetime import datetime


def read_instant(text: str) -> datetime:
    """Read a time in UTC that `read_body` has let through, as in 2026-11-20T10:05:00.000Z."""
    return datetime.fromisoformat(text)
