"""The running Asterisk for this package's tests."""

from __future__ import annotations

from tests.asterisk_fixtures import asterisk_ami, live_asterisk

__all__ = ["asterisk_ami", "live_asterisk"]
