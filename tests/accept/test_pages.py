"""The short forms of `make accept TOPIC=pages`, on one private line of real parts."""

from __future__ import annotations

from tests.accept.pages import ITEMS, line_of
from tests.accept.short_forms import MARKS, SHORT, short_forms, short_line

pytestmark = MARKS
line = short_line(**line_of(SHORT))
test_item = short_forms("pages", ITEMS)
