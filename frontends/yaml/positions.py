"""Where the values of a workload file stand in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from frontends.yaml.nodes import MapNode, ScalarNode, SeqNode, YamlNode, spot
from lego.diag import Loc

__all__ = ["Path", "Positions"]

Path = tuple[str | int, ...]
"""Keys and indices from the root to a value."""


class Positions:
    """Finds the position of a value by its path of keys and indices."""

    def __init__(self, root: YamlNode) -> None:
        self.root = root

    def node(self, *path: str | int) -> YamlNode:
        """The deepest node on the path."""
        node = self.root
        for step in path:
            below = _step(node, step)
            if below is None:
                break
            node = below
        return node

    def __call__(self, *path: str | int) -> Loc:
        """Position of the value."""
        return self.node(*path).loc

    def key(self, *path: str | int) -> Loc:
        """Position of the key that ends the path."""
        node = self.node(*path[:-1])
        if isinstance(node, MapNode):
            for item in node.items:
                if item.key.text == path[-1]:
                    return item.key.loc
        return node.loc

    def spot(self, *path: str | int) -> Callable[[int], Loc]:
        """Positions of the characters of a scalar's text."""
        node = self.node(*path)
        if isinstance(node, ScalarNode):
            return partial(spot, node)
        return lambda _: node.loc


def _step(node: YamlNode, step: str | int) -> YamlNode | None:
    if isinstance(node, MapNode):
        return next((item.value for item in node.items if item.key.text == step), None)
    if isinstance(node, SeqNode) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None
