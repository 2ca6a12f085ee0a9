"""The second step of signing in (动态口令): time-based codes (RFC 6238) and recovery codes for a lost phone.

A code of 30 seconds is taken in its own step and in the ones beside it, and only once: of two requests with the same
code, even at the same moment, one is let in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import User, UserRecoveryCode, UserTotp
from hotline.errors import Conflict, InvalidInput

STEP_SECONDS: Final = 30
_STEPS_BESIDE: Final = 1
_RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_SECRET_LETTERS: Final = 32
"""Of base32: 160 bits, as RFC 4226 asks for."""


class SecondStepEnrolled(Conflict):
    """This person has a second step already; an administrator takes it back (`hotline directory users totp-reset`)."""

    code = "second_step.enrolled"


class SecondStepNotBegun(Conflict):
    """There is no second step to confirm."""

    code = "second_step.not_begun"


class CodeWrong(InvalidInput):
    """The code that was to confirm a new second step is not the one of this moment."""

    code = "second_step.code_wrong"


async def enrolled(session: AsyncSession, user_id: int) -> bool:
    """Whether codes are asked of this user."""
    row = await session.get(UserTotp, user_id)
    return row is not None and row.confirmed_at is not None


async def begin(session: AsyncSession, user: User, *, issuer: str, now: datetime) -> tuple[str, str]:
    """A new secret, in base32, and its otpauth address for an authenticator. Both are shown this once.

    Raises SecondStepEnrolled. A secret that was never confirmed is replaced.
    """
    row = await session.get(UserTotp, user.id)
    if row is not None and row.confirmed_at is not None:
        raise SecondStepEnrolled("there is a second step already", remedy="ask an administrator to take it back")
    secret = pyotp.random_base32(_SECRET_LETTERS)
    if row is None:
        session.add(UserTotp(user_id=user.id, secret=secret, made_at=now))
    else:
        row.secret, row.made_at, row.last_step = secret, now, 0
    await session.flush()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.login, issuer_name=issuer)


async def confirm(session: AsyncSession, user_id: int, code: str, *, now: datetime) -> list[str]:
    """Ask for codes from now on; recovery codes, shown this once. Raises SecondStepNotBegun, CodeWrong."""
    row = await session.get(UserTotp, user_id)
    if row is None or row.confirmed_at is not None:
        raise SecondStepNotBegun("no second step waits for its first code", remedy="POST /api/session/totp/enrol")
    if not await _taken(session, row, code, now):
        raise CodeWrong("the code is not the one of this moment", remedy="look at the authenticator's clock")
    row.confirmed_at = now
    codes = [_readable(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(_RECOVERY_CODES)]
    await session.execute(delete(UserRecoveryCode).where(UserRecoveryCode.user_id == user_id))
    session.add_all(UserRecoveryCode(user_id=user_id, code_hash=_hash(_plain(code))) for code in codes)
    await session.flush()
    return codes


async def passes(session: AsyncSession, user_id: int, code: str, *, now: datetime) -> bool:
    """Whether this is a code of the moment that was not used before, or an unused recovery code. It is used now."""
    row = await session.get(UserTotp, user_id)
    if row is None or row.confirmed_at is None:
        return False
    return await _taken(session, row, code, now) or await _recovered(session, user_id, code)


def is_recovery(code: str) -> bool:
    """Whether somebody gave a recovery code and not an authenticator's."""
    return not _digits(code)


async def reset(session: AsyncSession, user_id: int) -> bool:
    """Take a second step back, say for a lost phone; False if there was none."""
    await session.execute(delete(UserRecoveryCode).where(UserRecoveryCode.user_id == user_id))
    gone = await session.execute(delete(UserTotp).where(UserTotp.user_id == user_id).returning(UserTotp.user_id))
    return gone.one_or_none() is not None


async def _taken(session: AsyncSession, row: UserTotp, code: str, now: datetime) -> bool:
    digits = _digits(code)
    if not digits:
        return False
    totp = pyotp.TOTP(row.secret)
    here = int(now.timestamp()) // STEP_SECONDS
    beside = range(here - _STEPS_BESIDE, here + _STEPS_BESIDE + 1)
    step = next((one for one in beside if hmac.compare_digest(totp.generate_otp(one), digits)), None)
    if step is None:
        return False
    first = await session.execute(
        update(UserTotp)
        .where(UserTotp.user_id == row.user_id, UserTotp.last_step < step)
        .values(last_step=step)
        .returning(UserTotp.user_id)
        .execution_options(synchronize_session=False)
    )
    return first.one_or_none() is not None


async def _recovered(session: AsyncSession, user_id: int, code: str) -> bool:
    used = await session.execute(
        delete(UserRecoveryCode)
        .where(UserRecoveryCode.user_id == user_id, UserRecoveryCode.code_hash == _hash(_plain(code)))
        .returning(UserRecoveryCode.user_id)
    )
    return used.one_or_none() is not None


async def recovery_codes_left(session: AsyncSession, user_id: int) -> int:
    """How many recovery codes are unused."""
    rows = await session.scalars(select(UserRecoveryCode.code_hash).where(UserRecoveryCode.user_id == user_id))
    return len(rows.all())


def _digits(code: str) -> str:
    """An authenticator's code as it is compared; empty for anything else."""
    digits = code.strip().replace(" ", "")
    return digits if digits.isascii() and digits.isdigit() else ""


def _readable(code: bytes) -> str:
    letters = base64.b32encode(code).decode()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _plain(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())[:64]


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
