"""Programs of the device: what is encoded is decoded, and nothing else."""

from __future__ import annotations

import doctest
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lego.diag import InternalError, LegoError
from lego.ir import command_program, command_text, commands
from lego.ir.command_program import PAGE_WORDS, decode, encode, words_of
from lego.ir.command_text import command_text as text_of
from lego.ir.command_text import disassemble
from lego.ir.commands import (
    Command,
    Engine,
    Mode,
    Opcode,
    When,
    barrier,
    end,
    following,
    interrupt,
    loop,
    start,
    write,
)

CHIP = 0xDEADBEEF
MASKS = st.sets(st.integers(0, 15), max_size=3)
ENGINES, WHENS = st.sampled_from(Engine), st.sampled_from(When)
SIMPLE = st.one_of(
    st.builds(
        write, ENGINES, st.integers(0, 255), st.integers(0, 2**32), st.sampled_from(Mode), WHENS
    ),
    st.builds(
        lambda e, w, s, when: start(e, wait=w, signal=s, when=when), ENGINES, MASKS, MASKS, WHENS
    ),
    st.builds(barrier, st.sets(ENGINES)),
    st.just(interrupt()),
)


def nested(body: st.SearchStrategy[list[Command]]) -> st.SearchStrategy[list[Command]]:
    return st.builds(
        lambda before, trips, inner, after: [*before, loop(trips), *inner, following(), *after],
        st.lists(SIMPLE, max_size=4),
        st.integers(1, (1 << 24) - 1),
        body,
        st.lists(SIMPLE, max_size=4),
    )


BODIES = st.recursive(st.lists(SIMPLE, max_size=8), nested, max_leaves=4)


def test_examples_in_docstrings() -> None:
    for module in (commands, command_program, command_text):
        assert doctest.testmod(module).failed == 0


@given(BODIES, st.integers(0, 2**32 - 1))
def test_decoding_undoes_encoding(body: list[Command], chip: int) -> None:
    data = encode([*body, end()], chip)
    assert len(data) % (8 * PAGE_WORDS) == 0
    program = decode(data, chip=chip)
    assert program.commands == (*body, end())
    assert decode(data) == program
    assert program.chip == chip


def refused(data: bytes, bit: int) -> None:
    spoiled = bytearray(data)
    spoiled[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LegoError, match=rf"word {bit // 64} of the program") as caught:
        decode(bytes(spoiled), chip=CHIP)
    assert caught.value.code == "E506"


@given(BODIES, st.data())
def test_a_flip_of_a_bit_is_refused(body: list[Command], data: st.DataObject) -> None:
    encoded = encode([*body, end()], CHIP)
    refused(encoded, data.draw(st.integers(0, len(encoded) * 8 - 1)))


def test_every_flip_of_a_bit_is_refused() -> None:
    r = random.Random(3)
    body = [write(Engine.LOAD, k, r.getrandbits(32), r.choice(list(Mode))) for k in range(40)]
    body += [loop(3), start(Engine.ARRAY, wait=[1], signal=[4, 5]), following(), barrier(), end()]
    encoded = encode(body, CHIP)
    for bit in range(len(encoded) * 8):
        refused(encoded, bit)


def test_exchanged_words_are_refused() -> None:
    """The check byte knows the word's place."""
    data = encode([write(Engine.LOAD, 1, 2), write(Engine.LOAD, 2, 3), end()], CHIP)
    spoiled = data[:32] + data[40:48] + data[32:40] + data[48:]
    with pytest.raises(LegoError, match="word 4 of the program: check byte"):
        decode(spoiled)


def reword(index: int, word: int) -> bytes:
    """A program with another word, its check byte right."""
    words = words_of(encode([loop(2), start(Engine.ARRAY), following(), end()], CHIP))
    body = word & (1 << 56) - 1
    words[index] = body | commands.check_of(body, index) << 56
    return b"".join(each.to_bytes(8, "little") for each in words)


@pytest.mark.parametrize(
    ("index", "word", "says"),
    [
        (0, 0x1_4F47454D, r"word 0 .* starts with 0x4f47454d.*isn't that of a program"),
        (0, 0x2_4F47454C, r"word 0 .* version is 2, 1 expected.*another version"),
        (0, 0x801_4F47454C, "word 0 .* not a word of a header"),
        (1, 4, "word 1 .* length is 4, 5 to"),
        (1, 1 << 24, "word 1 .* length is 16777216"),
        (1, 65, "word 7 .* an end before the last word"),
        (1, 7, "word 6 .* the last word isn't an end"),
        (2, 1, "word 2 .* chip is 0x00000001, 0xdeadbeef expected.*another chip"),
        (3, 1, "word 3 .* fourth word holds 0x1"),
        (5, 0, "word 5 .* there is no command 0"),
        (5, 8 << 43, "word 5 .* there is no command 8"),
        (5, 2 << 43 | 1 << 32, "word 5 .* register of start is 0x1, 0 expected"),
        (5, 1 << 43 | 3 << 47, "word 5 .* mode 3 or when 0 of write"),
        (5, 1 << 43 | 5 << 49, "word 5 .* mode 0 or when 5 of write"),
        (5, 1 << 43 | 1 << 52, "word 5 .* zero of write is 0x1"),
        (5, 1 << 43 | 4 << 40, "word 5 .* there is no engine 4"),
        (5, 1 << 43 | 2 << 40 | 32 << 32, "word 5 .* engine load has no register 32, only 32"),
        (5, 3 << 43, "word 5 .* loop has 0 trips"),
        (5, 3 << 43 | 1 << 24, "word 5 .* loop has 16777216 trips"),
        (5, 3 << 43 | 1, "word 7 .* ends with 1 loops open"),
        (5, 4 << 43, "word 6 .* next without a loop"),
        (5, 5 << 43 | 16, "word 5 .* barrier waits for engines 0x10"),
        (5, 7 << 43, "word 5 .* an end before the last word"),
        (20, 1, "word 20 .* padding is"),
    ],
)
def test_words_that_no_program_has(index: int, word: int, says: str) -> None:
    with pytest.raises(LegoError, match=rf"(?s)^error\[E506\]: {says}"):
        decode(reword(index, word), chip=CHIP, registers=(9, 9, 32, 22))


def test_sizes_of_files() -> None:
    data = encode([end()], CHIP)
    for spoiled in (b"", data[:-1], data[:-8], data + bytes(8), data + bytes(512)):
        with pytest.raises(LegoError, match=r"bytes|with padding"):
            decode(spoiled)
    long = encode([interrupt()] * 90 + [end()], CHIP)
    with pytest.raises(LegoError, match="95 words announced, 64 there"):
        decode(long[:512])


@pytest.mark.parametrize(
    "body",
    [
        [],
        [interrupt()],
        [end(), end()],
        [loop(2), end()],
        [following(), end()],
        [loop(1)] * 9 + [following()] * 9 + [end()],
    ],
)
def test_what_makes_no_program(body: list[Command]) -> None:
    with pytest.raises(InternalError, match="no program"):
        encode(body, CHIP)


def test_commands_that_mean_nothing() -> None:
    for opcode, more in (
        (Opcode.LOOP, {}),
        (Opcode.LOOP, {"value": 1 << 24}),
        (Opcode.WRITE, {"value": -1}),
        (Opcode.WRITE, {"register": 256}),
        (Opcode.START, {"register": 1}),
        (Opcode.END, {"value": 1}),
        (Opcode.BARRIER, {"value": 16}),
    ):
        with pytest.raises(InternalError, match="can't"):
            Command(opcode, **more)
    with pytest.raises(InternalError, match="isn't one of 16"):
        start(Engine.LOAD, wait=[16])
    with pytest.raises(InternalError, match="there twice"):
        start(Engine.LOAD, signal=[3, 3])


def test_check_bytes_are_those_of_a_known_algorithm() -> None:
    """CRC-8 with polynomial 0x07 of "123456789" is 0xF4; a word holds seven of these bytes."""
    first = int.from_bytes(b"1234567", "little")
    rest = int.from_bytes(b"89\0\0\0\0\0", "little")
    after = commands.check_of(rest, commands.check_of(first, 0))
    whole = 0xF4
    for _ in range(5 * 8):
        whole = (whole << 1 ^ (0x07 if whole & 0x80 else 0)) & 0xFF
    assert after == whole


def test_text_of_commands() -> None:
    names = {Engine.LOAD: ["mode", "memory"]}
    for command, text in (
        (write(Engine.LOAD, 1, 5, Mode.XOR, When.NOT_LAST), "write load.memory ^= 5 if not last"),
        (write(Engine.STORE, 1, -1), "write store.r1 = 4294967295"),
        (start(Engine.ARRAY, wait=[0, 15], signal=[3]), "start array wait 0,15 signal 3"),
        (barrier([Engine.ARRAY, Engine.STORE]), "barrier array,store"),
        (interrupt(), "interrupt"),
    ):
        assert text_of(command, names) == text


def test_long_programs_are_numbered_in_columns() -> None:
    r = random.Random(1)
    body = [write(Engine.ARRAY, 0, r.getrandbits(32)) for _ in range(10_000)]
    lines = disassemble(decode(encode([*body, end()], CHIP))).splitlines()
    assert len(lines) == 10_005
    assert {line.index("  ", 5) for line in lines[-10:]} == {5}


def test_tables_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "device.md").read_text()
    for table in (command_text.field_table, command_text.opcode_table, command_text.error_table):
        assert f"\n\n{table()}\n" in page
