"""The short forms of `make accept TOPIC=talk`, on one private line of real parts."""

from __future__ import annotations

from tests.accept.short_forms import MARKS, SHORT, short_forms, short_line
from tests.accept.talk import ITEMS, line_of

pytestmark = MARKS
line = short_line(**line_of(SHORT))
test_item = short_forms("talk", ITEMS)
