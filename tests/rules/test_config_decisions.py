"""What counts as weaker, held to the gates themselves: a gate that opens by a change of settings shows that it is."""

from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from bot.rules.config_model import EnvironmentConfig
from bot.rules.config_strength import stricter, weaker_in
from bot.rules.gate_facts import GateFacts, Override
from bot.rules.gate_results import OPEN, Gate
from bot.rules.gate_settings import FIELDS, GateSettings
from bot.rules.gates import decide
from tests.rules.test_gates_properties import FACTS, NOW, SETTINGS

TIERS = st.sampled_from(["production", "staging", "development"])


def environment(tier: str, gates: GateSettings, **changes: Any) -> EnvironmentConfig:
    values = {name: getattr(gates, name) for name in gates.model_fields_set} | changes
    dumped = GateSettings.model_validate(values).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return EnvironmentConfig.model_validate({"tier": tier, **dumped})


@st.composite
def changed_settings(draw: st.DrawFn) -> tuple[EnvironmentConfig, EnvironmentConfig]:
    """Settings before and after a change: some of them new ones."""
    old, other = draw(SETTINGS), draw(SETTINGS)
    names = draw(st.sets(st.sampled_from(FIELDS)))
    mixed = {name: getattr(other if name in names else old, name) for name in FIELDS}
    if not mixed["after"]:
        mixed.pop("soak")
    tier = draw(TIERS)
    return environment(tier, old), environment(draw(st.just(tier) | TIERS), GateSettings.model_validate(mixed))


def open_gates(facts: GateFacts, config: EnvironmentConfig, override: Override | None) -> set[Gate]:
    """The gates that let the candidate through."""
    decision = decide(replace(facts, tier=config.tier, settings=config.gates()), override=override)
    return {result.gate for result in decision.gates if result.verdict in (*OPEN, "off", "overridden")}


@settings(max_examples=150, deadline=None)
@given(FACTS, changed_settings(), st.none() | st.just(Override("root", "an outage")))
def test_a_change_that_opens_a_gate_is_weaker_and_does_not_open_it_before_it_is_approved(
    facts: GateFacts, change: tuple[EnvironmentConfig, EnvironmentConfig], override: Override | None
) -> None:
    old, new = change
    facts = replace(facts, now=NOW)
    before, after = open_gates(facts, old, override), open_gates(facts, new, override)
    if after - before:
        event("a gate opens")
        assert weaker_in(old, new)
    assert open_gates(facts, stricter(old, new), override) <= before


@given(st.lists(st.builds(environment, TIERS, SETTINGS), min_size=2, max_size=6))
def test_no_sequence_of_changes_makes_what_holds_weaker_than_it_was_first(versions: list[EnvironmentConfig]) -> None:
    first = held = versions[0]
    for version in versions[1:]:
        held = stricter(held, version)
        assert not weaker_in(first, held)
