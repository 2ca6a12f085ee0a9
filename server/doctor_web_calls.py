"""What is seen of the calls from citizens' page (网页通话), as far as this host can tell: settings, built page."""

from __future__ import annotations

from ipaddress import ip_address

from hotline.settings import Settings, settings_file
from server.doctor_findings import Finding, ok, warn
from web.citizen.call import SCRIPT
from web.pages import BUILD, script_of

_PART = "web calls"


def web_calls(settings: Settings) -> Finding:
    """Whether browsers can load the page's script, are given a microphone, and find the way of the sound."""
    keys, bind = settings.web_calls, ip_address(settings.asterisk.bind)
    if not keys.enabled:
        return ok(_PART, "off: the page says to dial")
    if not script_of(SCRIPT):
        return warn(_PART, "the page's script is not built: it says to dial", BUILD)
    if settings.web.origin.startswith("http://"):
        return warn(
            _PART,
            "browsers give no microphone to a page without https",
            f"https in front, web.origin in {settings_file()}",
        )
    if keys.media_address and bind.is_unspecified:
        return warn(
            _PART,
            "asterisk.bind names no address that web_calls.media_address could stand for",
            f"asterisk.bind: the host's own address, in {settings_file()}",
        )
    reach = keys.media_address or ("this machine only" if bind.is_loopback else str(bind))
    return ok(_PART, f"up to {keys.at_once} at a time; sound by {reach}")
