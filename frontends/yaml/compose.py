"""The one door for workload text: YAML composed into positioned nodes, within bounds.

Only plain mappings, sequences and scalars are accepted: no aliases, anchors, tags, merge keys or
duplicate keys. Scalars stay text until the schema says what they are, so `no`, `010` and dates
mean nothing by themselves.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import yaml

from frontends.yaml.nodes import Item, MapNode, ScalarNode, SeqNode, YamlNode
from lego.diag import LegoError, Loc

__all__ = ["compose_file", "compose_text", "read_file"]

MAX_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 32
START = "start with `name:` and `operations:`"


def compose_file(path: Path, start: str = START) -> tuple[MapNode, bytes]:
    """Read and compose a file; returns the root and the bytes read. `start` tells how one begins.

    Raises E001 (can't be read), E002 (too large), E003 (not text), E004 (YAML syntax), E005
    (a feature of YAML that isn't accepted), E006 (duplicate key).
    """
    data = read_file(path)
    return compose_text(data, str(path), start), data


def read_file(path: Path) -> bytes:
    """The bytes of a regular file of up to `MAX_BYTES`. Raises E001 and E002."""
    here = Loc(str(path), 1, 1)
    try:
        _check_kind(path.stat().st_mode, here)
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with io.FileIO(handle) as file:
            _check_kind(os.fstat(handle).st_mode, here)
            data = _read_bounded(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"can't read the file: {reason.lower()}"
        raise LegoError("E001", message, loc=here, hint="check the path") from error
    if len(data) > MAX_BYTES:
        message, hint = (
            f"the file is larger than {MAX_BYTES} bytes",
            "a workload is a short text; split it",
        )
        raise LegoError("E002", message, loc=here, hint=hint)
    return data


def _check_kind(mode: int, here: Loc) -> None:
    if stat.S_ISDIR(mode):
        raise LegoError(
            "E001",
            "this is a directory, not a workload file",
            loc=here,
            hint="name a .yaml file, such as workloads/gemm.yaml",
        )
    if not stat.S_ISREG(mode):
        raise LegoError("E001", "this is not a regular file", loc=here, hint="name a .yaml file")


def _read_bounded(file: io.FileIO) -> bytes:
    """At most one byte more than is allowed; stops where a read would block."""
    parts, total = [], 0
    while total <= MAX_BYTES and (part := file.read(MAX_BYTES + 1 - total)):
        parts.append(part)
        total += len(part)
    return b"".join(parts)


def compose_text(data: bytes, name: str, start: str = START) -> MapNode:
    """Compose the bytes of a workload, or of another file that begins as `start` tells."""
    here = Loc(name, 1, 1)
    text = _decoded(data, name)
    _check_characters(text, name)
    try:
        root = _Composer(name, text).compose(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise LegoError(
            "E004",
            f"not valid YAML: {_problem(error)}",
            loc=_where(error, name, text),
            hint="check indentation, quotes and brackets near here",
        ) from error
    except (RecursionError, ValueError) as error:
        raise LegoError("E004", "not valid YAML", loc=here, hint="check brackets") from error
    if isinstance(root, MapNode):
        return root
    if root is None:
        raise LegoError("E007", "the file is empty", loc=here, hint=start)
    message = "the file is a mapping"
    if start == START:
        message = "a workload is a mapping with `name` and `operations`"
    raise LegoError("E102", message, loc=root.loc, hint=start)


def _decoded(data: bytes, name: str) -> str:
    """The text of a file. Raises E003 where it isn't UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise LegoError(
            "E003",
            "the file is not UTF-8 text",
            loc=Loc(name, line, column),
            hint="a workload is a YAML text file",
        ) from error


def _check_characters(text: str, name: str) -> None:
    """Refuse control and bidirectional characters, which show something else than they are."""
    for number, line in enumerate(text.split("\n"), 1):
        for column, char in enumerate(line, 1):
            code = ord(char)
            end_of_line = char == "\r" and column == len(line)
            if (code < 32 and char != "\t" and not end_of_line) or code in _UNSEEN:
                raise LegoError(
                    "E003",
                    f"character U+{code:04X} is not allowed",
                    loc=Loc(name, number, column),
                    hint="save the file as UTF-8 without a byte order mark"
                    if code == 0xFEFF
                    else "retype this line in plain text",
                )


# Control, line-separating, bidirectional and zero-width characters.
_UNSEEN = frozenset(
    code
    for first, last in (
        (0x7F, 0x9F),
        (0xAD, 0xAD),
        (0x61C, 0x61C),
        (0x200B, 0x200F),
        (0x2028, 0x202E),
        (0x2060, 0x206F),
        (0xFEFF, 0xFEFF),
    )
    for code in range(first, last + 1)
)


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"character U+{error.character:04X} is not allowed"
    return str(getattr(error, "problem", None) or "syntax error").lower()


def _where(error: yaml.YAMLError, name: str, text: str) -> Loc:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position].split("\n")
        return Loc(name, len(before), len(before[-1]) + 1)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return Loc(name, mark.line + 1, mark.column + 1) if mark else Loc(name, 1, 1)


Started = tuple[Loc, list[YamlNode], bool]
"""Where a collection begins, what it has so far, and whether it is a mapping."""


def _is_nothing(node: YamlNode) -> bool:
    """Whether it is what a document without text holds."""
    return isinstance(node, ScalarNode) and not node.text and not node.quoted


class _Composer:
    """Folds parser events into nodes without recursion on untrusted depth."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.count = 0

    def compose(self, events: Iterator[yaml.Event]) -> YamlNode | None:
        root: YamlNode | None = None
        stack: list[Started] = []
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "more than one YAML document in the file")
            node = self._node(event, stack)
            if node is not None and stack:
                stack[-1][1].append(node)
            elif node is not None and not _is_nothing(node):
                root = node
        return root

    def _node(self, event: yaml.Event, stack: list[Started]) -> YamlNode | None:
        """The node that ends with this event, if one does."""
        if isinstance(event, yaml.NodeEvent):
            self._admit(event, len(stack))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append((self._loc(event), [], isinstance(event, yaml.MappingStartEvent)))
        if not isinstance(event, yaml.CollectionEndEvent):
            return None
        loc, parts, mapping = stack.pop()
        return self._mapping(loc, parts) if mapping else SeqNode(tuple(parts), loc)

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        start, end = event.start_mark, event.end_mark
        source = self.text[start.index : end.index] if start and end else ""
        return ScalarNode(event.value, bool(event.style), self._loc(event), source)

    def _admit(self, event: yaml.NodeEvent, depth: int) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            raise LegoError(
                "E002",
                f"the file has more than {MAX_NODES} nodes",
                loc=self._loc(event),
                hint="split the workload",
            )
        if depth >= MAX_DEPTH:
            raise LegoError(
                "E002",
                f"the file is nested deeper than {MAX_DEPTH}",
                loc=self._loc(event),
                hint="a workload needs five levels",
            )
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refuse(event, "anchors and aliases (& and *) are not accepted")
        if getattr(event, "tag", None) is not None:
            raise self._refuse(event, "tags (!...) are not accepted")

    def _mapping(self, loc: Loc, parts: list[YamlNode]) -> MapNode:
        seen: dict[str, Loc] = {}
        items = []
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                message, hint = "a key must be a plain word", "write `key: value`"
                raise LegoError("E005", message, loc=key.loc, hint=hint)
            if key.text in seen:
                message = f"key {key.text[:40]!r} is given twice"
                hint = f"the first one is at line {seen[key.text].line}; keep one"
                raise LegoError("E006", message, loc=key.loc, hint=hint)
            if key.text == "<<":
                message, hint = "merge keys (<<) are not accepted", "write the entries out"
                raise LegoError("E005", message, loc=key.loc, hint=hint)
            seen[key.text] = key.loc
            items.append(Item(key, value))
        return MapNode(tuple(items), loc)

    def _refuse(self, event: yaml.Event, what: str) -> LegoError:
        return LegoError(
            "E005", what, loc=self._loc(event), hint="write the value out in plain YAML"
        )

    def _loc(self, event: yaml.Event) -> Loc:
        mark = event.start_mark
        return Loc(self.name, mark.line + 1, mark.column + 1) if mark else Loc(self.name, 1, 1)
