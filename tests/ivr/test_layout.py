"""Where nodes are drawn."""

from __future__ import annotations

from hypothesis import given, settings

from ivr.flow import Flow
from ivr.layout import Spot, layout
from tests.ivr.generated import Broken, broken_flows, valid, valid_flows
from tests.ivr.runs import flow_of


def _menu(**options: str) -> dict[str, object]:
    keys = {key.removeprefix("k"): {"label": "选项", "next": to} for key, to in options.items()}
    return {"type": "menu", "prompt": "请按键选择", "options": keys, "on_timeout": "human", "on_wrong": "human"}


_FLOW = flow_of(
    {
        "start": {"type": "entry", "next": "a"},
        "a": _menu(k2="c", k1="b", k9="a"),
        "b": {"type": "say", "prompt": "您好", "next": "human"},
        "c": {"type": "say", "prompt": "您好", "next": "a"},
        "human": {"type": "queue"},
        "stray": {"type": "hangup"},
    }
)


def test_columns_are_steps_from_the_entry_and_rows_the_order_of_keys() -> None:
    assert layout(_FLOW).spots == {
        "start": Spot(0, 0),
        "a": Spot(1, 0),
        "b": Spot(2, 0),
        "c": Spot(2, 1),
        "human": Spot(2, 2),
        "stray": Spot(3, 0),
    }


def test_ways_back_are_known() -> None:
    lines = {(one.node, one.field): one.back for one in layout(_FLOW).lines}
    assert lines[("a", "options.9.next")]
    assert lines[("c", "next")]
    assert lines[("b", "next")]  # beside it, not to the right
    assert not lines[("a", "options.1.next")]


def test_the_order_in_a_file_does_not_matter() -> None:
    for seed in range(40):
        flow = valid(seed)
        turned = flow.model_copy(update={"nodes": dict(reversed(flow.nodes.items()))})
        assert layout(turned) == layout(flow)


def test_a_node_more_moves_only_what_is_below_it() -> None:
    keys = {key: {"label": "选项", "next": to} for key, to in (("1", "b"), ("2", "c"), ("3", "d"), ("9", "a"))}
    more = {**_FLOW.model_dump()["nodes"], "d": {"type": "hangup"}}
    more["a"]["options"] = keys
    after = layout(Flow.model_validate({**_FLOW.model_dump(), "nodes": more})).spots
    moved = {node for node, spot in layout(_FLOW).spots.items() if after[node] != spot}
    assert moved == {"human"}


@given(valid_flows())
@settings(max_examples=40, deadline=None)
def test_no_two_nodes_stand_in_one_place(flow: Flow) -> None:
    spots = layout(flow).spots
    assert spots.keys() == flow.nodes.keys()
    assert len(set(spots.values())) == len(spots)
    assert spots[flow.entry] == Spot(0, 0)


@given(broken_flows())
@settings(max_examples=40, deadline=None)
def test_a_broken_flow_is_drawn_too(one: Broken) -> None:
    drawn = layout(one.flow)
    assert drawn.spots.keys() == one.flow.nodes.keys()
    assert all(line.to in drawn.spots for line in drawn.lines)
