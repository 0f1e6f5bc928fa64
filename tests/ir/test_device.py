"""What a device is to its host: written as JSON it reads back equal, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lego.ir.clients import Client, Use, When
from lego.ir.device import (
    SCHEMA,
    Device,
    DeviceDataflow,
    DevicePort,
    HostPort,
    HostRegion,
    Macro,
    Memory,
    Part,
    Register,
    devices_from_json,
    devices_to_json,
)
from lego.ir.formulas import Formulas
from lego.ir.layout import Layout
from lego.ir.program import Program

LAYOUT = Layout("X", "A", 8, (4, 3), (2, 1), (1, 1), ((0, 1), (0, 0)), (3, 1), 0, None)
PROGRAM = Program(0, 0, {"m": 4}, {"trip0": 1}, 17, 12, {"A": LAYOUT}, {"A": 5})
FORMULAS = Formulas("m + 13", {"A": "m + 1"}, {"trip0": "ceiling(m/2) - 1"})
ARRAY = Use(Client.ARRAY, When.ALWAYS, When.NEVER)
HOST = Use(Client.HOST, When.IDLE, When.IDLE)
MEMORY = Memory("X", "in", "memory_X", (ARRAY, HOST), 32, 8, 1, 16, 1, 3, ((2, 6), (1, 4)), 8)
DEVICE = Device(
    top="t",
    verilog="t.v",
    sram_verilog="lego_sram.v",
    array=(2, 2),
    fus=4,
    host=HostPort(7, 32, 0, 2),
    ports=(DevicePort("start", "in", 1),),
    regions=(HostRegion("registers", 0, 9), HostRegion("X", 32, 24)),
    registers=(Register("trip0", 0, 3, "trips of m, less one", settles=True),),
    memories=(MEMORY, replace(MEMORY, name="Y", instance="memory_Y", direction="out")),
    stages=("events",),
    macros=(Macro("lego_sram_6x8_1r1w", "X", 8, 6, 2),),
    parts=(Part("t_array", "interconnect"),),
    dataflows=(DeviceDataflow(0, "mm", "os", "spatial m:2", 1, 5, PROGRAM, FORMULAS),),
)
DEVICES = (DEVICE, replace(DEVICE, top="u", verilog="u.v", stages=()))


def test_devices_read_back_equal() -> None:
    text = devices_to_json(DEVICES)
    assert devices_from_json(text) == devices_from_json(text.encode()) == DEVICES
    assert devices_to_json(devices_from_json(text)) == text
    assert devices_from_json(devices_to_json(())) == ()


def test_a_shift_is_written_where_there_is_one() -> None:
    layout = replace(LAYOUT, bank_counts=(2, 2), skews=((0, 0), (0, 0)), wide=2, along=0, shift=1)
    program = replace(PROGRAM, layouts={"A": layout})
    shifted = replace(DEVICE, dataflows=(replace(DEVICE.dataflows[0], program=program),))
    text = devices_to_json([shifted])
    assert devices_from_json(text) == (shifted,)
    assert '"shift": 1' in text
    assert '"shift"' not in devices_to_json(DEVICES)


def test_the_text_names_its_schema() -> None:
    assert json.loads(devices_to_json(DEVICES))["schema"] == SCHEMA == "lego/device/3"


def changed(*path: str | int, to: object) -> str:
    """The text with another value at a place."""
    tree: Any = json.loads(devices_to_json(DEVICES))
    at = tree
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = to
    return json.dumps(tree)


FIRST = ("devices", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("schema", to="lego/device/0"), "schema: 'lego/device/0' isn't lego/device/3"),
        ("{}", "Field required"),
        ("[]", "should be an object"),
        ("{", "Invalid JSON"),
        (changed("devices", to={}), "devices"),
        (changed(*FIRST, "fus", to=0), "0 is too small"),
        (changed(*FIRST, "fus", to="4"), "fus"),  # a number is no text
        (changed(*FIRST, "fus", to=4.0), "fus"),
        (changed(*FIRST, "dataflows", to=[]), "0 is too small"),
        (changed(*FIRST, "dataflows", 0, "tail", to=0), "0 is too small"),
        (changed(*FIRST, "dataflows", 0, "program", "cycles", to=0), "too small"),
        (changed(*FIRST, "dataflows", 0, "program", "bounds", to={"m": 0}), "too small"),
        (changed(*FIRST, "host", "address_bits", to=0), "0 is too small"),
        (changed(*FIRST, "host", "mask_bits", to=-1), "0 is too small"),
        (changed(*FIRST, "registers", 0, "bits", to=0), "0 is too small"),
        (changed(*FIRST, "registers", 0, "address", to=-1), "0 is too small"),
        (changed(*FIRST, "memories", 0, "direction", to="both"), "no direction 'both'"),
        (changed(*FIRST, "memories", 0, "clients", to=["host"]), "clients"),
        (changed(*FIRST, "memories", 0, "clients", 0, "reads", to="often"), "reads"),
        (changed(*FIRST, "memories", 0, "clients", 0, "client", to="nobody"), "client"),
        (changed(*FIRST, "memories", 0, "depths", to=[[2, 0]]), "0 is too small"),
        (changed(*FIRST, "memories", 0, "lanes", to=0), "0 is too small"),
        (changed(*FIRST, "macros", 0, "depth", to=0), "0 is too small"),
    ],
)
def test_what_is_no_device_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        devices_from_json(text)


@pytest.mark.parametrize("field", ["fus", "host", "memories", "dataflows", "top"])
def test_nothing_may_be_missing(field: str) -> None:
    tree = json.loads(devices_to_json(DEVICES))
    del tree["devices"][0][field]
    with pytest.raises(ValueError, match=field):
        devices_from_json(json.dumps(tree))


def test_memories_by_name() -> None:
    assert DEVICE.memory("Y").direction == "out"
    with pytest.raises(KeyError, match="Z"):
        DEVICE.memory("Z")
    assert DEVICE.instances() == {"memory_X": "X", "memory_Y": "Y"}
    assert MEMORY.bank_depths() == [6, 6, 4]


def test_halves_of_any_memory() -> None:
    assert not DEVICE.double
    assert replace(DEVICE, memories=(MEMORY, replace(MEMORY, halves=2))).double


def test_parts_of_memories_that_the_host_uses_beside_the_array() -> None:
    free = replace(MEMORY, clients=(ARRAY, replace(HOST, writes=When.ALWAYS)))
    assert (MEMORY.middle, free.middle, replace(MEMORY, clients=()).middle) == (0, 3, 0)
    assert MEMORY.host == HOST
    assert replace(MEMORY, clients=()).host == Use(Client.HOST, When.NEVER, When.NEVER)
    assert replace(DEVICE, memories=(MEMORY, free)).split
    assert not DEVICE.split


def test_all_names_are_told() -> None:
    """What a file may name is checked before it is used: no name is left out."""
    assert sorted(DEVICE.names()) == sorted(
        [
            "t",
            "trip0",
            "X",
            "memory_X",
            "Y",
            "memory_Y",
            "lego_sram_6x8_1r1w",
            "X",
            "t_array",
            "mm",
            "os",
        ]
    )
    assert DEVICE.categories() == {"t_array": "interconnect", "lego_sram_6x8_1r1w": "memory"}
    assert DEVICE.dataflows[0].full_name == "mm.os"
