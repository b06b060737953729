import os
import subprocess
import sys

import pytest

from federation.work import holders
from federation.work.holders import Holder


def test_a_holder_is_read_as_it_was_written() -> None:
    holder = Holder.of_this_process("claim")
    assert Holder.read(str(holder)) == holder


def test_this_process_is_not_dead() -> None:
    assert not Holder.of_this_process("claim").is_dead()


def test_an_ended_process_is_dead_whether_buried_or_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    holder = Holder(Holder.of_this_process("").machine, child.pid, "claim")
    assert holder.is_dead()
    child.wait()
    assert holder.is_dead()


def test_a_process_of_another_machine_is_never_called_dead() -> None:
    assert not Holder("0123456789abcdef", 2**22 - 1, "claim").is_dead()


def test_where_the_system_has_no_name_every_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Missing:
        def __init__(self, *_: object) -> None:
            raise OSError

    monkeypatch.setattr(holders, "Path", Missing)
    uncached = holders._machine.__wrapped__
    assert uncached() != uncached()
