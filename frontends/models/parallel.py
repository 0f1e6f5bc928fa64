"""Sequence parallelism of LongVILA (arXiv 2408.10188): who holds which tokens, and who sends what to whom.

Ranks form a ring of groups. The sequence is cut into twice as many chunks as there are groups;
group g holds chunks g and 2 R - 1 - g (zig-zag), so that causal attention is the same work for all.
Inside a group the tokens are split evenly, and all-to-all exchanges trade tokens for heads around
attention (Ulysses). Pure data, needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lego.diag import InternalError
from lego.ir.messages import Message, Pattern, message
from lego.ir.network import Network

__all__ = ["PLANS", "Plan", "RankSlot", "exchanged", "messages_of"]


@dataclass(frozen=True, slots=True)
class RankSlot:
    """A tensor that is exchanged: its tag, the collective and the rank at the other end."""

    tag: str
    pattern: Pattern
    peer: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of one rank.

    Attributes
    ----------
    ring : groups in the ring, 1 or more.
    ulysses : ranks in a group, a divisor of the query heads.
    rank : group * ulysses + place in the group.
    tokens : of the whole sequence, a multiple of 2 * ring * ulysses.
    layers : of the language model that the trace holds.
    """

    ring: int
    ulysses: int
    rank: int
    tokens: int
    layers: int = 1

    def __post_init__(self) -> None:
        if self.tokens % (2 * self.ranks) or not 0 <= self.rank < self.ranks:
            raise InternalError(f"no plan: {self}")

    @property
    def ranks(self) -> int:
        """How many there are."""
        return self.ring * self.ulysses

    @property
    def group(self) -> int:
        """Place of the rank's group in the ring."""
        return self.rank // self.ulysses

    @property
    def place(self) -> int:
        """Place of the rank in its group."""
        return self.rank % self.ulysses

    @property
    def own(self) -> int:
        """Tokens that the rank holds outside attention."""
        return self.tokens // self.ranks

    def group_tokens(self) -> list[int]:
        """Positions in the sequence of the group's tokens, in the order in which it holds them."""
        chunk = self.tokens // (2 * self.ring)
        starts = (self.group * chunk, (2 * self.ring - 1 - self.group) * chunk)
        return [token for start in starts for token in range(start, start + chunk)]

    def own_tokens(self) -> list[int]:
        """Positions of the rank's tokens."""
        return self.group_tokens()[self.place * self.own : (self.place + 1) * self.own]

    def neighbours(self) -> list[int]:
        """The other ranks of the group, ascending."""
        first = self.group * self.ulysses
        return [r for r in range(first, first + self.ulysses) if r != self.rank]

    def beside(self, steps: int) -> int:
        """The rank of the same place, that many groups further in the ring."""
        return (self.group + steps) % self.ring * self.ulysses + self.place

    def received(self) -> Iterator[RankSlot]:
        """What the rank receives, in the order of the network's inputs."""
        for layer in range(self.layers):
            yield from self._traded(f"layer{layer}", ("queries", "keys", "values"))
            for step in range(1, self.ring):
                yield from self._passed(f"layer{layer}.step{step}", self.beside(-1))
            yield from self._traded(f"layer{layer}", ("outputs",))

    def results(self) -> Iterator[RankSlot]:
        """What the rank computes and sends, in the order of the network's outputs."""
        for layer in range(self.layers):
            yield from self._traded(f"layer{layer}", ("queries", "keys", "values"))
            if self.ring > 1:
                yield from self._passed(f"layer{layer}.step1", self.beside(1))
            yield from self._traded(f"layer{layer}", ("outputs",))

    def forwarded(self) -> Iterator[tuple[str, RankSlot]]:
        """What the rank passes on: the tag that it was received by, and the slot of sending it."""
        for layer in range(self.layers):
            for step in range(2, self.ring):
                for slot in self._passed(f"layer{layer}.step{step}", self.beside(1)):
                    tensor = slot.tag.rsplit(".", 1)[1]
                    yield f"layer{layer}.step{step - 1}.{tensor}", slot

    def _traded(self, prefix: str, tensors: tuple[str, ...]) -> Iterator[RankSlot]:
        for peer in self.neighbours():
            for tensor in tensors:
                yield RankSlot(f"{prefix}.{tensor}", Pattern.ALL_TO_ALL, peer)

    def _passed(self, prefix: str, peer: int) -> Iterator[RankSlot]:
        for tensor in ("keys", "values"):
            yield RankSlot(f"{prefix}.{tensor}", Pattern.RING, peer)


def exchanged(plan: Plan, network: Network) -> tuple[Message, ...]:
    """The messages of a rank's network, in program order of what they wait for."""
    received, results = list(plan.received()), list(plan.results())
    inputs = network.inputs[len(network.inputs) - len(received) :]
    outputs = network.outputs[len(network.outputs) - len(results) :]
    come = [
        _message(network, slot, buffer, sends=False)
        for slot, buffer in zip(received, inputs, strict=True)
    ]
    placed = [(m.operation, m) for m in come]
    for slot, buffer in zip(results, outputs, strict=True):
        own = _message(network, slot, buffer, sends=True)
        placed.append((own.operation, own))
    by_tag = {m.tag: m for m in come if m.pattern is Pattern.RING}
    for tag, slot in plan.forwarded():
        passed = _message(network, slot, by_tag[tag].buffer, sends=True)
        placed.append((by_tag[tag].operation, passed))
    return tuple(m for _, m in sorted(placed, key=lambda pair: pair[0]))


def _message(network: Network, slot: RankSlot, buffer: str, *, sends: bool) -> Message:
    return message(network, slot.tag, slot.pattern, sends=sends, peer=slot.peer, buffer=buffer)


def _padded(frames: int, ranks: int) -> int:
    """256 tokens a frame, and as many of text as make the shards even."""
    return -(-frames * 256 // (2 * ranks)) * 2 * ranks


PLANS: dict[str, Plan] = {
    **{f"longvila_7b_256frames_ring4_rank{r}": Plan(4, 1, r, _padded(256, 4)) for r in range(4)},
    "longvila_7b_256frames_ulysses14_rank0": Plan(1, 14, 0, _padded(256, 14)),
    "longvila_7b_512frames_ring2x7_rank13": Plan(2, 7, 13, _padded(512, 14)),
    "longvila_7b_1024frames_ring28_rank9": Plan(28, 1, 9, _padded(1024, 28)),
    "longvila_7b_2048frames_ring7x4_rank0": Plan(7, 4, 0, _padded(2048, 28)),
    "longvila_7b_2048frames_ring7x4_rank27": Plan(7, 4, 27, _padded(2048, 28)),
    "longvila_ring4_rank1_tiny": Plan(4, 1, 1, 32, 2),
    "longvila_ulysses4_rank2_tiny": Plan(1, 4, 2, 32, 2),
    "longvila_ring2x2_rank3_tiny": Plan(2, 2, 3, 32, 2),
}
"""The ranks that the catalogue has."""


def messages_of(name: str, network: Network) -> tuple[Message, ...]:
    """The messages of a network of the catalogue; none if it runs on one chip."""
    return exchanged(PLANS[name], network) if name in PLANS else ()
