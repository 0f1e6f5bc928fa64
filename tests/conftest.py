"""Whatever a test compiles is checked after every stage, in its processes too."""

from __future__ import annotations

import os

from lego.ir.checks.check import SWITCH

os.environ[SWITCH] = "1"
