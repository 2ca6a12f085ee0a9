"""The citizen is asked after a talk how it was (满意度评价, 好差评: SX 三(五), TH 20), by five keys.

A key counts while the question is still being read out. What is given is in the journal the moment the key is pressed,
so that nothing that dies afterwards loses it; and the channel's phase says that the citizen was asked, so that nobody
asks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agi.errors import AgiConnectionLost, AgiHangup
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.asking import Asking
from calls.facts import Kind
from calls.keys import Pressed
from calls.live import LiveCall
from calls.parting import Intent, LegEnd, TalkEnd, surveyed
from calls.survey_policy import LEVELS, asked_about, is_satisfied
from calls.survey_states import CLOSED, SurveyEvent, SurveyState, after
from calls.survey_tables import SurveySource
from calls.switchboard import Switchboard

THANKS: Final = "bye.thanks"
_LEG_SECONDS: Final = 1.0
"""Longest wait for AMI's word on how the agent's leg ended; it is there as soon as the citizen is."""
_SKIP: Final = "0"
"""No reason is to be named."""


async def after_talk(board: Switchboard, live: LiveCall, session: AgiSession, *, routed: bool = False) -> str:
    """The citizen's session goes on after the talk: ask how it was, if that is to be asked. Returns the prompt to say
    goodbye with. Raises AgiHangup, AgiConnectionLost before anything was asked only."""
    if routed:
        # Who took the call outside is no agent of ours: whoever of them hung up, the talk is over.
        end = TalkEnd(caller_here=not session.hung_up.is_set(), intent=Intent.HANG_UP)
    else:
        end = _judged(live, session, await board.leg_ends.of_leg(live.talk_leg, within=_LEG_SECONDS))
    return await _ask_if(board, live, session, end, routed=routed)


async def back_from_talk(board: Switchboard, live: LiveCall, session: AgiSession, *, routed: bool) -> str:
    """A citizen whose talk is over came in again: from a conference, or because the process that held the call is gone.
    Like `after_talk`."""
    return await _ask_if(board, live, session, _judged(live, session, board.leg_ends.last_of(live.call)), routed=routed)


def _judged(live: LiveCall, session: AgiSession, leg: LegEnd | None) -> TalkEnd:
    return TalkEnd.of(leg, caller_here=not session.hung_up.is_set(), intent=live.intent)


async def _ask_if(board: Switchboard, live: LiveCall, session: AgiSession, end: TalkEnd, *, routed: bool) -> str:
    wanted = asked_about(live.plan, live.queue, board.settings.survey, routed=routed)
    # Without AMI there are no keys, and who leaves has no time to ask.
    if live.surveyed or not wanted or not surveyed(end) or not board.ami.connected or board.leaving:
        return THANKS
    await session.set_variable(PHASE, Phase.SURVEY)
    return "survey.thanks" if await ask(board, live, session) is SurveyState.RATED else THANKS


async def ask(board: Switchboard, live: LiveCall, session: AgiSession) -> SurveyState:
    """The questions alone, whoever wants them asked; returns how they ended. The channel's phase stays as it is."""
    live.surveyed = True
    with board.keys.of(live.uniqueid) as pressed:
        survey = _Survey(board, live, session, pressed)
        try:
            return await survey.run()
        finally:
            await survey.close()


class _Survey:
    """One survey on one channel."""

    def __init__(self, board: Switchboard, live: LiveCall, session: AgiSession, pressed: Pressed) -> None:
        self._board = board
        self._live = live
        self._keys = board.settings.survey
        self._asking = Asking(board, live, session, pressed)
        self._state = SurveyState.ASKED
        self._level: int | None = None
        self._last_wrong = False
        offered = [name for name in self._keys.reasons if board.has_prompt(_reason(name))]
        self._reasons: Mapping[str, str] = {str(key): name for key, name in enumerate(offered, start=1)}

    async def run(self) -> SurveyState:
        """Ask until there is nothing more to ask."""
        try:
            while self._state not in CLOSED:
                await self._step()
        except (AgiHangup, AgiConnectionLost):
            self._move(SurveyEvent.HANG_UP)
        return self._state

    async def close(self) -> None:
        """Nothing is said any more."""
        await self._asking.close()

    async def _step(self) -> None:
        for_reason = self._state in (SurveyState.REASON, SurveyState.REASON_AGAIN)
        if for_reason and not self._reasons:
            self._move(SurveyEvent.SKIP)
            return
        prompts = self._reason_prompts() if for_reason else self._level_prompts()
        self._move(await self._asking.ask(prompts, self._meaning_of_reason if for_reason else self._meaning_of_level))

    def _meaning_of_level(self, key: str) -> SurveyEvent:
        level = int(key) if key.isdecimal() else 0
        self._last_wrong = level not in LEVELS
        if self._last_wrong:
            return SurveyEvent.WRONG
        self._level = level
        # Before anything else is asked: from now on it stands.
        self._tell(SurveyState.RATED)
        return SurveyEvent.SATISFIED if is_satisfied(level, self._keys) else SurveyEvent.DISSATISFIED

    def _meaning_of_reason(self, key: str) -> SurveyEvent:
        if key == _SKIP:
            return SurveyEvent.SKIP
        if key not in self._reasons:
            return SurveyEvent.WRONG
        self._live.scribe.write(Kind.SURVEY_REASON, agent=self._live.agent or None, reason=self._reasons[key])
        return SurveyEvent.REASON

    def _level_prompts(self) -> list[str]:
        if self._state is SurveyState.ASKED:
            return ["survey.ask", "survey.levels"]
        return ["survey.wrong" if self._last_wrong else "survey.silent", "survey.levels"]

    def _reason_prompts(self) -> list[str]:
        before = "survey.wrong" if self._state is SurveyState.REASON_AGAIN else "survey.why"
        choices = [part for key, name in self._reasons.items() for part in (_reason(name), f"survey.press.{key}")]
        return [before, *choices, "survey.skip"]

    def _move(self, event: SurveyEvent) -> None:
        self._state = after(self._state, event)
        if self._state in CLOSED and self._level is None:
            self._tell(self._state)

    def _tell(self, outcome: SurveyState) -> None:
        live = self._live
        live.scribe.write(
            Kind.SURVEY,
            agent=live.agent or None,
            outcome=outcome.value,
            level=self._level,
            source=SurveySource.IVR.value,
            queue=live.queue,
        )


def _reason(name: str) -> str:
    return f"survey.reason.{name}"
