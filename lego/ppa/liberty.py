"""The syntax of Liberty files: groups, attributes, and the line that something stands on.

A Liberty file is a tree of groups ``kind (arguments) { ... }`` that hold attributes ``name : value ;`` and
``name (arguments) ;`` (Liberty Reference Manual, chapter 1). What the groups mean is in `lego.ppa.library`.
The packages for this on PyPI need 35 s for a library of 7 MB; this takes a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lego.diag import LegoError

__all__ = ["Group", "numbers", "parse_liberty", "unquoted"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a Liberty file.

    Attributes
    ----------
    kind, names : as in ``kind (name, name)``, without quotes.
    attributes : text of each simple attribute, without quotes, the last where one is repeated; and
        what is in the parentheses of each other one, joined by commas where one is repeated.
    groups : groups inside, in the file's order.
    """

    kind: str
    names: tuple[str, ...]
    attributes: dict[str, str]
    groups: tuple[Group, ...]

    @property
    def name(self) -> str:
        """The first name, or nothing."""
        return self.names[0] if self.names else ""

    def all(self, *kinds: str) -> Iterator[Group]:
        """The groups inside of these kinds."""
        return (group for group in self.groups if group.kind in kinds)

    def text(self, attribute: str, default: str = "") -> str:
        """An attribute's text."""
        return self.attributes.get(attribute, default)

    def number(self, attribute: str, default: float = 0.0) -> float:
        """An attribute's value. Raises E801 where it isn't a number."""
        text = self.attributes.get(attribute)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError as error:
            where = f"{attribute} of {self.kind} ({', '.join(self.names)})"
            raise LegoError("E801", f"{where} is {text!r}, not a number") from error

    def true(self, attribute: str) -> bool:
        """Whether an attribute is true."""
        return self.attributes.get(attribute, "").lower() == "true"


_HIDDEN = re.compile(r'"[^"]*+"|/\*.*?\*/|//[^\n]*', re.DOTALL)
_SPACE = re.compile(r"[\s\\;]*+")
_STATEMENT = re.compile(
    r"(?:([A-Za-z_]\w*+)\s*+"
    r'(?:\(((?:"[^"]*+"|[^")]++)*+)\)\s*+(\{?)'  # a group or an attribute with parentheses
    r'|:\s*+("[^"]*+"|[^;\n}]*+))'  # a simple attribute
    r"|(\}))[\s\\;]*+"
)
_PUNCTUATION = str.maketrans('",\\\n', "    ")


def parse_liberty(text: str, name: str) -> Group:
    """The outermost group of a file called `name`. Raises E801, with the line, if it isn't one."""
    text = _HIDDEN.sub(_without_comment, text.replace("\r\n", "\n"))
    stack: list[tuple[str, tuple[str, ...], dict[str, str], list[Group]]] = [("", (), {}, [])]
    space = _SPACE.match(text)
    at = space.end() if space else 0
    while at < len(text):
        found = _STATEMENT.match(text, at)
        if found is None or (found[5] and len(stack) == 1):
            raise _unexpected(text, at, name)
        if found[5]:
            kind, names, attributes, groups = stack.pop()
            stack[-1][3].append(Group(kind, names, attributes, tuple(groups)))
        elif found[3]:
            stack.append((found[1], _names(found[2]), {}, []))
        elif found[2] is not None:
            attributes = stack[-1][2]
            before = attributes.get(found[1])
            attributes[found[1]] = found[2] if before is None else f"{before}, {found[2]}"
        else:
            stack[-1][2][found[1]] = unquoted(found[4])
        at = found.end()
    if len(stack) > 1:
        raise LegoError("E801", f"{name}: the file ends inside {stack[-1][0]} {stack[-1][1]}")
    if len(stack[0][3]) != 1:
        raise LegoError("E801", f"{name} is not a Liberty file: it is not one group")
    return stack[0][3][0]


def _unexpected(text: str, at: int, name: str) -> LegoError:
    line = text.count("\n", 0, at) + 1
    near = text[at : at + 20].partition("\n")[0]
    return LegoError(
        "E801",
        f"{name}:{line}: expected an attribute or a group of a Liberty file, found {near!r}",
    )


def _without_comment(found: re.Match[str]) -> str:
    text = found.group()
    return text if text[0] == '"' else "\n" * text.count("\n")


def unquoted(text: str) -> str:
    """Text without the spaces and quotes around it."""
    return text.strip().strip('"').strip()


def _names(text: str) -> tuple[str, ...]:
    return tuple(unquoted(name) for name in text.split(",")) if text.strip() else ()


def numbers(text: str) -> tuple[float, ...]:
    """The numbers of one or more strings, such as ``"1, 2", "3, 4"``. Raises E801."""
    try:
        return tuple(map(float, text.translate(_PUNCTUATION).split()))
    except ValueError as error:
        raise LegoError("E801", f"not numbers in a Liberty file: {text[:40]!r}") from error
