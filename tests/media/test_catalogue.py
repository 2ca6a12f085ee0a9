"""Every line has its greeting, and every key can be a file name and an Asterisk argument."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from hotline.errors import InvalidInput
from hotline.settings import project_root
from media.catalogue import Catalogue, default_catalogue
from media.errors import CatalogueInvalid, UnknownPrompt

LINES = list(
    csv.DictReader((project_root() / "directory/data/hotlines-sanmenxia.csv").read_text(encoding="utf-8").splitlines())
)
DIALPLAN_KEYS = ("bye.thanks", "bye.callback_promised", "wait.reconnecting")


def text(key: str) -> str:
    return default_catalogue()[key].text


def test_the_list_of_lines_is_the_whole_annex() -> None:
    assert len(LINES) == 32


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["number"])
def test_a_line_is_greeted_under_its_own_name(line: dict[str, str]) -> None:
    greeting = text(f"greeting.{line['number']}")
    assert line["number"] in greeting
    match line["mode"], line["platform"]:
        case "emergency", _:
            assert greeting == f"正在为您接通{line['number']}。"
            return
        case "merged", _:
            expected = "已并入12345政务服务便民热线，正在为您转接人工服务。"
        case "excluded", _:
            expected = "由省级及以上部门受理，正在为您转接人工服务。"
        case "dual", "ours":
            expected = "正在为您转接人工服务。"
        case _:
            expected = "请稍候。"
            assert greeting.startswith(f"您好，正在为您转接{line['number']}")
    assert line["name_spoken"] in greeting
    assert greeting.endswith(expected)


def test_the_main_line_and_the_dialplan_have_their_sentences() -> None:
    assert "12345政务服务便民热线" in text("greeting.12345")
    assert all(key in default_catalogue() for key in DIALPLAN_KEYS)


def test_no_two_lines_are_greeted_alike() -> None:
    greetings = [prompt.text for prompt in default_catalogue() if prompt.key.startswith("greeting.")]
    assert len(set(greetings)) == len(greetings)


def test_a_line_with_a_greeting_gets_it_and_any_other_is_named_from_parts() -> None:
    catalogue = default_catalogue()
    assert catalogue.greeting("12333") == ("greeting.12333",)
    assert catalogue.greeting("12306") == (
        "greeting.generic.before",
        *("digit.yao", "digit.2", "digit.3", "digit.0", "digit.6"),
        "greeting.generic.after",
    )
    assert catalogue.agent_number("81") == (
        "talk.agent_number.before",
        "digit.8",
        "digit.yao",
        "talk.agent_number.after",
    )
    for wrong in ("generic.before", "12333&x", ""):
        with pytest.raises(InvalidInput):
            catalogue.greeting(wrong)


def test_all_parts_exist() -> None:
    catalogue = default_catalogue()
    for key in (*catalogue.greeting("9876543210"), *catalogue.agent_number("0123456789")):
        assert key in catalogue


def test_keys_are_safe_as_file_names_and_arguments() -> None:
    assert all(re.fullmatch(r"[a-z0-9_.]+", prompt.key) and ".." not in prompt.key for prompt in default_catalogue())


def test_every_sentence_can_be_spoken_by_a_mandarin_voice() -> None:
    for prompt in default_catalogue():
        assert re.fullmatch(r"[\u4e00-\u9fff0-9，。、！？；：]+", prompt.text), prompt.key


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(UnknownPrompt) as refused:
        default_catalogue()["greeting.99999"]
    assert refused.value.code == "media.unknown_prompt"


@pytest.mark.parametrize(
    "content",
    ['[bye]\nthanks = ""', '[Bye]\nthanks = "谢"', '["../x"]\na = "谢"', "[bye]\nthanks = 1", "[bye", '"a&b".c = "谢"'],
)
def test_a_catalogue_that_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "prompts.toml").write_text(content, encoding="utf-8")
    with pytest.raises(CatalogueInvalid):
        Catalogue.read(tmp_path / "prompts.toml")
