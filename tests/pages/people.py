"""People of every role, as they sign in: by the real doors, with a second step where their role asks for one."""

from __future__ import annotations

from typing import Any, Final

import pyotp
from playwright.async_api import BrowserContext

from tests.web.people import PASSWORD

MARK: Final = "localStorage.setItem('hotline.signed-in', '1')"
"""What the login page leaves behind beside the cookie (`web/ui/src/session/store.ts`)."""


async def sign_in(context: BrowserContext, origin: str, login: str, password: str = PASSWORD) -> dict[str, Any]:
    """Open a session in this context, as the login page does; returns the line's answer."""
    headers = {"Origin": origin}
    answered = await context.request.post(
        f"{origin}/api/session", data={"user": login, "password": password}, headers=headers
    )
    assert answered.ok, await answered.text()
    session: dict[str, Any] = await answered.json()
    if session["state"] == "enrol":
        headers["X-CSRF-Token"] = session["csrf"]
        enrolment = await context.request.post(f"{origin}/api/session/totp/enrol", data={}, headers=headers)
        assert enrolment.ok, await enrolment.text()
        code = pyotp.TOTP((await enrolment.json())["secret"]).now()
        answered = await context.request.post(f"{origin}/api/session/totp", data={"code": code}, headers=headers)
        assert answered.ok, await answered.text()
        session = await answered.json()
    assert session["state"] == "open", session
    await context.add_init_script(MARK)
    return session
