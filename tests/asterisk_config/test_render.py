"""Kind: unit. What is rendered, and what is refused before Asterisk sees it."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from ami.events import SUBSCRIBED
from directory.models.lines import RING_SECONDS, TARGET_USER
from hotline.errors import InvalidInput, SettingsError
from hotline.settings import Settings
from server.asterisk.dialplan import lint
from server.asterisk.layout import Layout
from server.asterisk.render import EmergencyRoute, NativeQueue, render, templates_folder
from server.asterisk.secrets import FILE, Secrets, load

SECRETS = Secrets(ami="ami-secret", phone_base="base")
POLICE = EmergencyRoute("110", "police", "110", 15)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    root = tmp_path / "root"
    (root / "usr/lib/x86_64-linux-gnu/asterisk/modules").mkdir(parents=True)
    (root / "usr/share/asterisk").mkdir(parents=True)
    return Layout("ast1", root / "hl/ast1", root)


def _settings(**asterisk: object) -> Settings:
    trunks = [
        {"name": "carrier", "contact": "203.0.113.1:5060", "identify": ["203.0.113.1"], "inbound": True},
        {"name": "police", "contact": "127.0.0.1:5099"},
    ]
    return Settings(asterisk={"trunks": trunks, **asterisk}, web_calls={"enabled": True})  # type: ignore[arg-type]


def test_the_same_input_gives_the_same_files(layout: Layout) -> None:
    assert render(_settings(), SECRETS, layout, [POLICE]) == render(_settings(), SECRETS, layout, [POLICE])


def test_every_template_becomes_a_file_and_every_line_has_its_reason_near(layout: Layout) -> None:
    files = render(_settings(), SECRETS, layout, [POLICE])

    assert {f"{name}.j2" for name in files} == {path.name for path in templates_folder().glob("*.j2")}
    for name, text in files.items():
        assert text.startswith("; "), f"{name} does not begin by saying what it is for"


def test_a_misspelt_variable_is_an_error_not_an_empty_value(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "x.conf.j2").write_text("; x\nport = {{ asterisk.ami_prot }}\n")

    with pytest.raises(jinja2.UndefinedError):
        render(_settings(), SECRETS, layout, templates=tmp_path)


@pytest.mark.parametrize("bind", ["127.0.0.1\n[general]", "127.0.0.1;x", "127.0.0.1\r"])
def test_a_setting_that_would_leave_its_line_is_refused(layout: Layout, bind: str) -> None:
    with pytest.raises(SettingsError):
        render(_settings(bind=bind), SECRETS, layout)


def test_two_trunks_of_one_name_are_refused(layout: Layout) -> None:
    twice = [{"name": "carrier", "contact": "h:1"}, {"name": "carrier", "contact": "h:2"}]

    with pytest.raises(SettingsError):
        render(_settings(trunks=twice), SECRETS, layout)


def test_desk_and_browser_extensions_may_not_overlap(layout: Layout) -> None:
    with pytest.raises(SettingsError):
        render(_settings(extensions_from=9000, extensions_count=2), SECRETS, layout)


def test_an_emergency_number_without_its_trunk_is_refused(layout: Layout) -> None:
    with pytest.raises(SettingsError):
        render(_settings(), SECRETS, layout, [EmergencyRoute("119", "fire", "119")])


@pytest.mark.parametrize("ring_seconds", [RING_SECONDS[0] - 1, *RING_SECONDS[::39], RING_SECONDS[-1], 121])
@pytest.mark.parametrize("user", ["1", "110", "+8639812345", "9" * 15, "9" * 16, "+", "1" + "+"])
def test_whatever_the_directory_takes_as_a_target_can_be_rendered_and_nothing_else(
    layout: Layout, user: str, ring_seconds: int
) -> None:
    if re.fullmatch(TARGET_USER, user) and ring_seconds in RING_SECONDS:
        text = render(_settings(), SECRETS, layout, [EmergencyRoute("110", "police", user, ring_seconds)])
        assert f"Dial(PJSIP/{user}@police,{ring_seconds}," in text["extensions.conf"]
        assert lint(text["extensions.conf"]) == []
    else:
        with pytest.raises(InvalidInput):
            EmergencyRoute("110", "police", user, ring_seconds)


@pytest.mark.parametrize("user", ["110,30", "110&PJSIP/x", "${EXTEN}", "", "11o"])
def test_an_emergency_target_is_digits(user: str) -> None:
    with pytest.raises(InvalidInput):
        EmergencyRoute("110", "police", user)


def test_an_emergency_number_is_known_in_every_spelling(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout, [POLICE])["extensions.conf"]

    for spelling in ("110", "0398110", "+86398110", "0086398110"):
        assert f"exten => {spelling},1,Set(HL_DID=110)" in text
    assert "Dial(PJSIP/110@police,15,gm(hl-110)U(hl-answered))" in text


def test_each_native_figure_reaches_the_dialplan(layout: Layout) -> None:
    native = NativeQueue(tries=7, stay_seconds=11, slice_seconds=13, slices=17)

    text = render(_settings(), SECRETS, layout, native=native)["extensions.conf"]

    for expected in ("HL_LEAST=7)", "< 11]?lost", "Queue(hl-native,c,,,13,,hl-answered)", ">= 17]?callback"):
        assert expected in text


def test_ami_gives_the_least(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout)["manager.conf"]

    write = re.search(r"^write = (.*)$", text, re.MULTILINE)
    assert write is not None
    assert set(write[1].split(",")) == {"call", "agent", "originate", "reporting"}
    assert "bindaddr = 127.0.0.1" in text
    assert "webenabled = no" in text


def test_the_event_filter_lets_through_what_is_read_and_nothing_else(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout)["manager.conf"]
    found = re.search(r"^eventfilter = (.*)$", text, re.MULTILINE)
    assert found is not None
    pattern = re.compile(found[1].replace("[[:cntrl:]]", "[\\x00-\\x1f]"))

    for name in SUBSCRIBED:
        assert pattern.search(f"Event: {name}\r\nPrivilege: call,all\r\n")
    for name in ("Newexten", "VarSet", "AGIExecStart", "HangupRequest", "DialState", "TestEvent"):
        assert not pattern.search(f"Event: {name}\r\nChannel: Event: Hangup\r\n")


def test_modules_that_run_commands_or_transfer_are_not_loaded(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout)["modules.conf"]

    loaded = set(re.findall(r"^load = (\S+)$", text, re.MULTILINE))
    assert "autoload = no" in text
    assert not loaded & {
        "app_system.so", "func_shell.so", "res_pjsip_refer.so", "pbx_spool.so", "app_exec.so", "app_disa.so",
        "res_clioriginate.so", "app_originate.so", "res_pjsip_endpoint_identifier_anonymous.so", "func_curl.so",
    }  # fmt: skip


def test_a_trunk_is_known_by_its_address_before_any_name_is_believed(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout)["pjsip.conf"]

    assert "endpoint_identifier_order = auth_username,ip,username\n" in text
    assert "anonymous" not in re.sub(r"^;.*$", "", text, flags=re.MULTILINE)


def test_a_trunk_on_our_own_host_does_not_swallow_the_phones(layout: Layout) -> None:
    local = [{"name": "carrier", "contact": "127.0.0.1:5061", "identify": ["127.0.0.1"], "inbound": True}]

    text = render(_settings(trunks=local), SECRETS, layout)["pjsip.conf"]

    assert "endpoint_identifier_order = auth_username,username,ip\n" in text


def test_only_trunks_that_carry_citizens_reach_the_line(layout: Layout) -> None:
    text = render(_settings(), SECRETS, layout)["pjsip.conf"]

    contexts = dict(re.findall(r"^\[([a-z]+)\]\(trunk\)\n;.*\ncontext = (\S+)$", text, re.MULTILINE))
    assert contexts == {"carrier": "hl-inbound", "police": "hl-seat"}


def test_each_phone_has_a_password_of_its_own() -> None:
    passwords = {SECRETS.phone(str(extension)) for extension in range(8001, 8101)}

    assert len(passwords) == 100
    assert SECRETS.phone("8001") == SECRETS.phone("8001")


def test_secrets_are_made_once_for_their_owner_alone_and_not_printed(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)

    first, second = load(settings), load(settings)

    assert first == second
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert first.ami not in repr(first)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert load(Settings(var_dir=tmp_path, asterisk={"ami_secret": "set"})).ami == "set"  # type: ignore[arg-type]


def test_paths_are_named_as_asterisk_sees_them(layout: Layout, tmp_path: Path) -> None:
    text = render(_settings(), SECRETS, layout)["asterisk.conf"]

    assert "astetcdir => /hl/ast1/etc\n" in text
    assert str(tmp_path) not in text
    outside = Layout("ast1", tmp_path / "ast1", None)
    assert outside.inside(outside.etc) == str(tmp_path / "ast1/etc")


def test_the_citizens_page_reaches_the_main_line_alone_and_nobody_reaches_it(layout: Layout) -> None:
    files = render(_settings(), SECRETS, layout)

    context = files["extensions.conf"].split("[hl-web]", 1)[1].split("\n[", 1)[0]
    assert re.findall(r"^exten => ([^,]+),", context, re.MULTILINE) == ["12345"]
    assert "Set(CALLERID(all)=)" in context
    sections = re.findall(r"^\[web-call\]\n((?:(?!\[).*\n)*)", files["pjsip.conf"], re.MULTILINE)
    assert ["type = endpoint" in one or "type = auth" in one for one in sections] == [True, True], "no aor, no identify"
    assert "context = hl-web" in sections[0]
    assert "trust_id_inbound = no" in sections[0]
    assert SECRETS.phone("web-call") in sections[1]


def test_where_the_page_does_not_call_asterisk_knows_nothing_of_it(layout: Layout) -> None:
    settings = _settings()
    off = settings.model_copy(update={"web_calls": settings.web_calls.model_copy(update={"enabled": False})})

    assert not any("web-call" in text or "hl-web]" in text for text in render(off, SECRETS, layout).values())


def test_a_trunk_may_not_be_called_as_the_page_is(layout: Layout) -> None:
    with pytest.raises(SettingsError):
        render(_settings(trunks=[{"name": "web-call", "contact": "h:1"}]), SECRETS, layout)


def test_browsers_outside_are_told_the_address_that_is_translated(layout: Layout) -> None:
    settings = _settings()
    outside = settings.web_calls.model_copy(update={"media_address": "203.0.113.9"})
    text = render(settings.model_copy(update={"web_calls": outside}), SECRETS, layout)["rtp.conf"]

    assert "[ice_host_candidates]\n127.0.0.1 => 203.0.113.9,include_local_address" in text
    assert "ice_host_candidates" not in render(settings, SECRETS, layout)["rtp.conf"]
