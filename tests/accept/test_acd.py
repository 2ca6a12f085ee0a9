"""The short forms of `make accept TOPIC=acd`, on one private line of real parts."""

from __future__ import annotations

from tests.accept.acd import ITEMS, line_of
from tests.accept.short_forms import MARKS, SHORT, short_forms, short_line

pytestmark = MARKS
line = short_line(**line_of(SHORT))
test_item = short_forms("acd", ITEMS)
