"""The short forms of `make accept TOPIC=ticketing`, on one private line without Asterisk."""

from __future__ import annotations

from tests.accept.short_forms import MARKS, SHORT, short_forms, short_line
from tests.accept.ticketing import ITEMS, line_of

pytestmark = MARKS
line = short_line(**line_of(SHORT))
# The short form of item 3 needs no line: tests/web/test_schema.py.
test_item = short_forms("ticketing", [item for item in ITEMS if item.number != 3])
