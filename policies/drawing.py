"""The docs that are drawn from the tables, so that they can't say anything else.

`docs/draw.py` writes them; a test tells when they are out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from policies.acts import ACTS, LATER_MEMBERS, Act, ChannelKind, read_schema
from policies.lifecycles.guards import GUARDS
from policies.lifecycles.judge import TABLES
from policies.lifecycles.mechanism import NONE, SAME, Row, Table, Who

_LETTERS: Final[Mapping[Who, str]] = {
    Who.COORDINATOR: "C",
    Who.MEMBER: "M",
    Who.JOINED: "X",
    Who.SELF: "self",
    Who.SOURCE: "source",
    Who.SUCCESSOR: "successor",
    Who.ADDRESSEE: "addressee",
}
_EVERYWHERE: Final = frozenset({"on_behalf_of", LATER_MEMBERS})
"""Properties of bodies that are told of once, above the table."""

_MORE_COLUMNS: Final = ("relayed", "later members", "tables")

_DRAWN: Final = (
    "<!-- Drawn from the tables in `policies/` by `python docs/draw.py`; edit those instead. -->"
)


def acts_page() -> str:
    """Give `docs/acts.md`: every act, what it says, who may write it where, and its body."""
    lines = [
        "# Acts",
        "",
        _DRAWN,
        "",
        "An act is what a signed bundle does. The body holds ids, numbers, times and words of",
        "fixed lists; names, reasons and everything else that people write stand in the STIX",
        "objects that the bundle covers. A property that is not listed is refused. Which of them",
        "is open in which state: [life cycles](lifecycles.md).",
        "",
        "In a direct channel only its owner writes (the other side writes `node.described` there,",
        "because receipts are judged by that); the other side answers in its own, and names",
        "in `answers` the bundle that it answers. What is marked *relayed* a coordinator may write",
        "`on_behalf_of` an organisation that can't; it is shown as the coordinator's own word.",
        "By `later_members` an author opens what the bundle covers to those who join later; *yes*:",
        "our node writes it where nobody says otherwise and nothing covered is TLP:RED.",
        "",
        _row("act", "what it says", "who", "channels", "needs the right to", *_MORE_COLUMNS),
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_act_line(act) for act in Act]
    lines += ["", "## Bodies", ""]
    for act in Act:
        lines += [f"### `{act}`", "", *_body_lines(act), ""]
    lines += ["## Words used in bodies", "", "| name | what it is |", "|---|---|"]
    common = read_schema("common")["$defs"]
    lines += [f"| {name} | {_common_words(common[name])} |" for name in sorted(common)]
    return "\n".join(lines) + "\n"


def lifecycles_page() -> str:
    """Give `docs/lifecycles.md`: a diagram and the rows of each table, by version."""
    lines = [
        "# Life cycles",
        "",
        _DRAWN,
        "",
        "What may happen stands in tables, and nowhere else: pages and commands ask them what to",
        "offer, every node judges every entry by them. No row, no change. A guard looks at the",
        "ledger alone, never at a clock: a late answer counts. `channel.opened` names the version",
        "of the tables by which its epoch is judged.",
        "",
        "| who | |",
        "|---|---|",
        *(f"| {letter} | {who} |" for who, letter in _LETTERS.items()),
        "",
    ]
    for tables in TABLES.values():
        lines += [f"## Version {tables.version}", ""]
        for table in tables.tables.values():
            lines += [*_table_lines(table), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _act_line(act: Act) -> str:
    line = ACTS[act]
    versions = [version for version, tables in TABLES.items() if act in tables.acts]
    tables = (TABLES[version].find_table(act) for version in versions)
    rows = [row for table in tables if table is not None for row in table.rows]
    who = {letter for row in rows if row.act is act for letter in _letters(row)}
    cells = (
        f"`{act}`",
        line.says,
        ", ".join(sorted(who)),
        _kinds(line.kinds),
        line.right.value,
        "yes" if line.relayed else "",
        ("yes" if line.later_members else "no") if line.objects else "",
        ", ".join(versions),
    )
    return _row(*cells)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _body_lines(act: Act) -> Iterable[str]:
    schema = read_schema(act)
    properties = {
        name: value for name, value in schema["properties"].items() if name not in _EVERYWHERE
    }
    objects = ", ".join(ACTS[act].objects)
    if objects:
        yield f"Its bundle carries: {objects}."
        yield ""
    if not properties:
        yield "The body is empty."
        return
    required = schema.get("required", ())
    yield "| property | | what it is |"
    yield "|---|---|---|"
    for name, value in properties.items():
        need = "required" if name in required else ""
        yield f"| `{name}` | {need} | {_words(value)} |"


def _words(schema: Mapping[str, Any]) -> str:
    """Say in a few words what a property holds."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    title = schema.get("title")
    if "enum" in schema:
        choices = " · ".join(f"`{choice}`" for choice in schema["enum"])
        return f"{title}: {choices}" if title else choices
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    if schema.get("type") == "array":
        count = f"list of {schema.get('minItems', 0)} to {schema.get('maxItems')}"
        items = f"{count}: {_words(schema['items'])}"
        return f"{title} ({items})" if title else items
    if "properties" in schema and not title:
        return ", ".join(
            f"`{name}`: {_words(value)}" for name, value in schema["properties"].items()
        )
    return str(title or schema.get("type"))


def _common_words(schema: Mapping[str, Any]) -> str:
    words = str(schema["title"])
    if "enum" in schema:
        words += ": " + " · ".join(f"`{choice}`" for choice in schema["enum"])
    if "properties" in schema:
        words += ": " + ", ".join(f"`{name}`" for name in schema["properties"])
    return words


def _table_lines(table: Table) -> Iterable[str]:
    yield f"### {table.thing.capitalize()}"
    yield ""
    yield table.says
    yield ""
    yield f"The state belongs to {table.of}; kept in the ledger of: {_kinds(table.kinds)}."
    yield f"Source: {table.source}."
    yield ""
    yield "```mermaid"
    yield from diagram(table)
    yield "```"
    yield ""
    yield "| state | act | who | next | guard |"
    yield "|---|---|---|---|---|"
    for row in table.rows:
        states = ", ".join(state for state in table.states if state in row.states)
        act = f"`{row.act}`"
        if row.when is not None and row.when.value is not None:
            act += f" with `{row.when.field}`: `{row.when.value}`"
        guards = "; ".join(GUARDS[name].says for name in row.guards)
        yield f"| {states} | {act} | {', '.join(sorted(_letters(row)))} | {row.next} | {guards} |"
    for one in table.besides:
        states = ", ".join(state for state in table.states if state in one.states)
        yield f"| {states} | `{one.act}` of another | | {one.next} | |"


def diagram(table: Table) -> Iterable[str]:
    """Draw a table as a Mermaid state diagram, one arrow per pair of states."""
    yield "stateDiagram-v2"
    for state in table.states:
        if " " in state:
            yield f'    state "{state}" as {_node(state)}'
    if table.initial != NONE:
        yield f"    [*] --> {_node(table.initial)}"
    arrows = [
        (table.states.index(state), table.states.index(after), _arrow_words(row))
        for row in table.rows
        for state in row.states
        for after in [state if row.next == SAME else row.next]
    ]
    arrows += [
        (table.states.index(state), table.states.index(one.next), f"{one.act} of another")
        for one in table.besides
        for state in one.states
    ]
    for (before, after), group in groupby(sorted(set(arrows)), key=lambda arrow: arrow[:2]):
        words = "<br/>".join(arrow[2] for arrow in group)
        yield f"    {_node(table.states[before])} --> {_node(table.states[after])}: {words}"


def _arrow_words(row: Row) -> str:
    how = f" ({row.when.value})" if row.when is not None and row.when.value is not None else ""
    return f"{row.act}{how}, {' or '.join(sorted(_letters(row)))}"


def _node(state: str) -> str:
    return "[*]" if state == NONE else state.replace(" ", "_")


def _letters(row: Row) -> Iterable[str]:
    return (_LETTERS[who] for who in row.who)


def _kinds(kinds: Iterable[ChannelKind]) -> str:
    held = frozenset(kinds)
    return ", ".join(kind.value for kind in ChannelKind if kind in held)
