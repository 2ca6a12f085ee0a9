"""The short forms of `make accept TOPIC=first_call`, on one private line of real parts."""

from __future__ import annotations

from tests.accept.first_call import ITEMS
from tests.accept.short_forms import MARKS, short_forms, short_line

pytestmark = MARKS
line = short_line()
test_item = short_forms("first_call", ITEMS)
