"""Kind: unit. The dialplan lint: what is rendered is clean, and each planted fault is caught."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hotline.settings import Settings
from server.asterisk.dialplan import lint, steps
from server.asterisk.layout import Layout
from server.asterisk.render import EmergencyRoute, render
from server.asterisk.secrets import Secrets


@pytest.fixture(scope="module")
def dialplan(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("root")
    (root / "usr/lib/asterisk/modules").mkdir(parents=True)
    (root / "usr/share/asterisk").mkdir(parents=True)
    settings = Settings(asterisk={"trunks": [{"name": "police", "contact": "127.0.0.1:5099"}]})  # type: ignore[arg-type]
    emergency = [EmergencyRoute("110", "police", "110")]
    return render(settings, Secrets("a", "b"), Layout("ast1", root / "hl/ast1", root), emergency)["extensions.conf"]


def test_the_rendered_dialplan_is_clean(dialplan: str) -> None:
    assert lint(dialplan) == []


def test_every_line_of_it_is_read(dialplan: str) -> None:
    lines = [line for line in dialplan.splitlines() if re.match(r"\s*(exten|same)\s*=>", line)]

    assert len(list(steps(dialplan))) == len(lines) > 80


PLANTED = {
    "a caller's digits in an expression": 'exten => s,1,GotoIf($["${EXTEN}" = "1"]?x)',
    "a caller's name in an application": "exten => s,1,AGI(agi://127.0.0.1/x,${CALLERID(name)})",
    "a caller's number in an expression": 'exten => s,1,GotoIf($["${CALLERID(num):0:1}" = "0"]?x)',
    "a header in an application": "exten => s,1,Set(X=${PJSIP_HEADER(read,Diversion)})",
    "a caller's digits inside another function": "exten => s,1,Set(X=${CUT(HL_DID,${EXTEN},1)})",
    "a filter that lets more through": "exten => s,1,Set(HL_DID=${FILTER(0-9&,${EXTEN})})",
    "a caller's number beside its length": "exten => s,1,Set(HL_SENT=${LEN(${CALLERID(num)})}${CALLERID(num)})",
    "a filter over something else": "exten => s,1,Set(HL_DID=${FILTER(0-9,${CALLERID(num)})})",
    "a number of a caller's choosing": "exten => _X.,1,Dial(PJSIP/${EXTEN}@carrier)",
    "a cleaned number of a caller's choosing": "exten => s,1,Dial(PJSIP/${HL_DID}@carrier,30)",
    "dialling by pattern": "exten => _1X,1,Dial(PJSIP/110@police,30)",
    "a wildcard meant as a letter": "exten => _xagi-.,1,NoOp()",
    "n in a pattern": "exten => _nine!,1,NoOp()",
    "a pattern that takes h, i and t": "exten => _.,1,NoOp()",
    "a shell": "exten => s,1,System(date)",
    "text as code": "exten => s,1,Exec(NoOp())",
}


@pytest.mark.parametrize("line", PLANTED.values(), ids=PLANTED.keys())
def test_mutant_a_planted_fault_is_found_at_its_line(dialplan: str, line: str) -> None:
    planted = f"{dialplan}\n[hl-planted]\n{line}\n"

    found = lint(planted)

    assert found
    assert {finding.line for finding in found} == {planted.splitlines().index(line) + 1}


def test_letters_inside_a_class_are_letters(dialplan: str) -> None:
    assert lint("[a]\nexten => _[xzn]1!,1,NoOp()\n") == []


def test_a_line_that_is_no_dialplan_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(steps("[a]\nexten => 1\n"))


def test_no_path_is_written_into_the_dialplan_but_the_spool(dialplan: str, tmp_path: Path) -> None:
    code = re.sub(r"^;.*$", "", dialplan, flags=re.MULTILINE)

    assert re.findall(r"[ ,(](/\S+?)[,)\s]", code) == [
        "/hl/ast1/spool/callbacks",
        "/hl/ast1/spool/recordings/${HL_CALL}.${HL_TAPE}.raw",
    ]
