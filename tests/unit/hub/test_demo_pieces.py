"""The parts of the demo that need no node."""

from __future__ import annotations

import io
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from hub.demo import __main__ as demo
from hub.demo import incident, proving
from hub.demo.cast import Cast, gather, slug
from hub.demo.errors import StoryError
from hub.demo.people import cut_objects
from hub.demo.processes import free_ports, plain_environment, require_free, wait_until
from hub.demo.proving import Copy
from hub.demo.telling import Telling
from sharing.canonical import sha256_hex


def telling_into(stream: io.StringIO) -> Telling:
    return Telling(Console(file=stream, width=100))


def copy_of(*objects: bytes, **changes: Any) -> Copy:
    whole: dict[str, Any] = {
        "head": "a" * 64,
        "ledger": (b"1", b"2"),
        "objects": tuple(sorted(objects)),
        "withheld": frozenset[str](),
    }
    return Copy(**(whole | changes))


def test_a_step_ends_with_a_tick_or_with_a_cross() -> None:
    stream = io.StringIO()
    telling = telling_into(stream)
    with telling.step("This holds."):
        telling.say("Very well.")
    with pytest.raises(StoryError), telling.step("This does not."):
        raise StoryError("a reason")
    good, bad = stream.getvalue().split(" 2  ")
    assert " 1  This holds." in good
    assert "✓" in good
    assert "✗" in bad


def test_what_people_wrote_is_no_markup() -> None:
    stream = io.StringIO()
    telling_into(stream).quote("[red]alarm[/red]")
    assert "[red]alarm[/red]" in stream.getvalue()


def test_waiting_ends_with_what_is_seen() -> None:
    seen = iter([None, 0, "", "here"])
    assert wait_until(lambda: next(seen), "it is here", seconds=5, every=0) == "here"


def test_waiting_in_vain_is_refused_and_says_for_what() -> None:
    with pytest.raises(StoryError, match="in vain until the moon is blue"):
        wait_until(lambda: False, "the moon is blue", seconds=0)


def test_no_setting_of_a_node_reaches_another_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOCSIN_DATA", "/somewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = plain_environment(tmp_path)
    assert "TOCSIN_DATA" not in environment
    assert "HTTPS_PROXY" not in environment
    assert environment["LANG"] == "C.UTF-8"


def test_three_people_have_ports_folders_and_passwords_of_their_own(tmp_path: Path) -> None:
    assert len(set(free_ports(3))) == 3
    cast = gather(tmp_path, port_base=None)
    assert len({person.node.port for person in cast.all}) == 3
    assert len({person.password for person in cast.all}) == 3
    assert cast.others(cast.grid) == [cast.cert, cast.vendor]
    assert cast.cert.node.folder == tmp_path / slug(cast.cert.name)


def test_ports_follow_the_first_and_one_in_use_is_refused(tmp_path: Path) -> None:
    base = next(
        port for port in range(20_100, 30_000, 10) if all(map(is_free, range(port, port + 3)))
    )
    cast = gather(tmp_path, port_base=base)
    assert [person.node.port for person in cast.all] == [base, base + 1, base + 2]
    with socket.create_server(("127.0.0.1", base + 2)), pytest.raises(StoryError, match="in use"):
        gather(tmp_path, port_base=base)


@pytest.mark.parametrize(
    ("envelope", "objects"),
    [
        ("{}", []),
        ('{"more":false,"objects":[]}', []),
        ('{"objects":[{"a":"]"},{"b": [1,{}]}],"more":false}', [b'{"a":"]"}', b'{"b": [1,{}]}']),
    ],
)
def test_objects_are_cut_out_of_an_envelope_as_they_stand(
    envelope: str, objects: list[bytes]
) -> None:
    assert list(cut_objects(envelope)) == objects


def test_equal_copies_have_no_difference() -> None:
    assert proving.first_difference({"A": copy_of(b"x", b"y"), "B": copy_of(b"y", b"x")}) is None


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (copy_of(b"x", head="b" * 64), "heads"),
        (copy_of(b"x", ledger=(b"2", b"1")), "ledgers"),
        (copy_of(b"z"), "objects"),
        (copy_of(), "objects"),
    ],
)
def test_any_difference_between_copies_is_named(other: Copy, what: str) -> None:
    difference = proving.first_difference({"A": copy_of(b"x"), "B": other})
    assert difference == f"the {what} of A and B differ"


def test_what_is_withheld_from_a_later_member_is_no_difference_and_nothing_else_is() -> None:
    withheld = frozenset({sha256_hex(b"secret")})
    late = copy_of(b"x", withheld=withheld)
    assert proving.first_difference({"A": copy_of(b"x", b"secret"), "B": late}) is None
    assert proving.first_difference({"A": copy_of(b"x", b"other"), "B": late}) is not None


def test_a_forged_copy_differs_in_one_byte(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b'{"object":{"content":"Our servers are clean."}}\n')
    before, after = proving.forge(source, target, "Our servers")
    assert (before, after) == ("Our", "Nur")
    pairs = zip(source.read_bytes(), target.read_bytes(), strict=True)
    assert sum(one != other for one, other in pairs) == 1


def test_what_is_not_there_can_not_be_forged(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"nothing\n")
    with pytest.raises(StoryError, match="does not hold the note"):
        proving.forge(source, tmp_path / "target", incident.VENDOR_NOTE)


def is_free(port: int) -> bool:
    try:
        require_free(port)
    except StoryError:
        return False
    return True


def tell_as(monkeypatch: pytest.MonkeyPatch, code: int) -> list[str]:
    done: list[str] = []

    def told(_telling: Telling, _cast: Cast, folder: Path) -> int:
        done.append("told")
        (folder / "kept.jsonl").write_text("{}")
        return code

    monkeypatch.setattr(demo, "_tell", told)
    monkeypatch.setattr(demo, "_stay", lambda _telling: done.append("stayed"))
    return done


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["--exit"], 0, ["told"]),
        (["--exit"], 1, ["told"]),
        ([], 0, ["told", "stayed"]),
        ([], 1, ["told"]),
    ],
)
def test_nodes_stay_up_after_a_good_story_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    wanted: list[str],
) -> None:
    done = tell_as(monkeypatch, code)
    result = CliRunner().invoke(demo.main, [*arguments, "--folder", str(tmp_path / "demo")])
    assert result.exit_code == code
    assert done == wanted


def test_the_folder_is_emptied_for_the_next_story_but_keeps_compiled_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tell_as(monkeypatch, 0)
    folder = tmp_path / "demo"
    arguments = ["--exit", "--folder", str(folder)]
    assert CliRunner().invoke(demo.main, arguments).exit_code == 0
    (folder / "compiled").mkdir()
    (folder / "old" / "data").mkdir(parents=True)
    (folder / "old.jsonl").write_text("{}")
    assert CliRunner().invoke(demo.main, arguments).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {".tocsin-demo", "compiled", "kept.jsonl"}


def test_a_folder_with_something_else_in_it_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = tell_as(monkeypatch, 0)
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    result = CliRunner().invoke(demo.main, ["--exit", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "holds something that is not the demo's" in " ".join(result.output.split())
    assert precious.read_text() == "years of work"
    assert done == []
