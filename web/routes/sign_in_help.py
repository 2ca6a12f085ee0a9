"""What an administrator does for somebody who cannot sign in: lift a lock, take a lost second step back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from directory import account_repository, second_steps, users
from directory.models import Role
from web.access import roles
from web.administration import Administration
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/users", tags=["session"], responses=DOCUMENTED, dependencies=[roles(Role.ADMIN)])

Login = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class SignInHelp(BaseModel):
    """Whether there was anything to take away."""

    changed: bool


@router.delete("/{login}/lock")
async def unlock(login: Login, change: Administration) -> SignInHelp:
    """Lift the lock that wrong passwords or codes left on a login."""
    changed = await users.unlock(change.session, await users.get(change.session, login))
    await change.record("login.unlocked", f"user:{login}")
    return SignInHelp(changed=changed)


@router.delete("/{login}/second-step")
async def take_second_step_back(login: Login, change: Administration) -> SignInHelp:
    """For a lost phone. The person's sessions end, and the second step is set up anew at the next sign-in."""
    user = await users.get(change.session, login)
    changed = await second_steps.reset(change.session, user.id)
    await account_repository.revoke(change.session, now=change.services.clock.now(), user_id=user.id)
    await change.record("second_step.reset", f"user:{login}")
    return SignInHelp(changed=changed)
