"""What one reader asks twice is looked up once; who writes is told anew."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sharing import collections
from sharing.db import once, reading, transaction
from sharing.records import Collection

pytestmark = pytest.mark.usefixtures("app_context")


def counted(session: Session, asked: list[str], name: str = "collections") -> int:
    def ask() -> int:
        asked.append(name)
        return session.scalar(select(func.count()).select_from(Collection)) or 0

    return once(session, name, ask)


def test_one_reader_asks_once_for_each_key_and_the_next_reader_anew() -> None:
    asked: list[str] = []
    with reading() as session:
        before = counted(session, asked)
        assert counted(session, asked) == before
        counted(session, asked, "other")
    assert asked == ["collections", "other"]
    with transaction() as session:
        collections.create(session, "4c0ffee0-0000-4000-8000-000000000001", title="One more")
    with reading() as session:
        assert counted(session, asked) == before + 1


def test_who_writes_is_told_what_it_has_written() -> None:
    asked: list[str] = []
    with transaction() as session:
        before = counted(session, asked)
        collections.create(session, "4c0ffee0-0000-4000-8000-000000000002", title="One more")
        session.flush()
        assert counted(session, asked) == before + 1
        with reading() as inner:
            assert counted(inner, asked) == before + 1
    assert len(asked) == 3


def test_an_answer_of_nothing_is_an_answer() -> None:
    asked: list[None] = []
    with reading() as session:
        for _ in range(2):
            assert once(session, "nothing", lambda: asked.append(None)) is None
    assert asked == [None]
