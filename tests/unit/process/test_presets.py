"""The presets hold exactly the stages and behaviours that they are known for."""

from __future__ import annotations

import pytest

from instep.errors import ConfigError
from instep.mapping.lint import lint_process
from instep.mapping.load import read_preset, read_process_file
from instep.mapping.preset import preset_names, preset_text
from instep.model.process import Actor, Half, Process, Role

NINE = [
    "visits-website",
    "downloads-document",
    "requests-call",
    "describes-project",
    "attends-webinar",
    "schedules-meeting",
    "provides-specification-and-budget",
    "participates-in-demo",
    "requests-proposal",
]


def preset(name: str) -> Process:
    reading = read_preset(name)
    assert {mistake.code for mistake in reading.mistakes} <= {"SELLER_ENTRY"}
    return reading.read.process


def test_five_presets_ship() -> None:
    assert preset_names() == ("b2b-11", "buyer-behaviours", "hourglass-8", "pipeline-7", "seller-actions")


def test_b2b_11_has_eleven_stages_in_order_with_half_and_role() -> None:
    won, kept = Half.ACQUISITION, Half.RETENTION

    assert [(stage.key, stage.label, stage.half, stage.role) for stage in preset("b2b-11").stages] == [
        ("sidelines", "Sidelines", won, Role.MARKETING),
        ("awareness", "Awareness", won, Role.MARKETING),
        ("interest", "Interest", won, Role.MARKETING),
        ("research", "Research", won, Role.MARKETING),
        ("consideration", "Consideration", won, Role.SALES),
        ("decision", "Decision", won, Role.SALES),
        ("purchase", "Purchase", won, Role.SALES),
        ("implementing", "Implementing", kept, Role.SERVICES),
        ("implemented", "Implemented", kept, Role.SERVICE),
        ("achievement", "Achievement", kept, Role.SERVICE),
        ("loyal-customer", "Loyal Customer", kept, Role.SALES),
    ]


def test_only_the_sidelines_are_latent() -> None:
    assert [stage.key for stage in preset("b2b-11").stages if stage.latent] == ["sidelines"]


def test_every_stage_of_b2b_11_but_the_sidelines_says_how_long_it_lasts() -> None:
    stages = preset("b2b-11").stages

    assert [stage.key for stage in stages if not stage.expected_days] == ["sidelines"]


def test_winning_grows_likelier_with_every_stage_up_to_the_purchase() -> None:
    odds = [stage.win_probability for stage in preset("b2b-11").stages if stage.win_probability is not None]

    assert odds == sorted(set(odds))
    assert len(odds) == 6


def test_b2b_11_has_the_nine_behaviours_and_those_of_customers() -> None:
    behaviours = preset("b2b-11").behaviours

    assert [behaviour.key for behaviour in behaviours] == [
        *NINE,
        "places-order",
        "starts-implementation",
        "goes-live",
        "reports-benefit",
        "repeat-purchase",
        "refers-buyer",
    ]
    assert {behaviour.actor for behaviour in behaviours} == {Actor.BUYER}


def test_loyalty_is_entered_by_buying_again_or_referring_others() -> None:
    process = preset("b2b-11")

    assert process.stage("loyal-customer").enter.any == {"repeat-purchase", "refers-buyer"}
    assert process.stage("achievement").enter.any == {"reports-benefit"}


def test_buyer_behaviours_are_the_nine_in_order_each_a_stage() -> None:
    process = preset("buyer-behaviours")

    assert [behaviour.key for behaviour in process.behaviours] == NINE
    assert [set(stage.enter.any) for stage in process.stages] == [{key} for key in NINE]


def test_pipeline_7_has_the_seven_steps_in_order() -> None:
    assert [(stage.label, stage.half, stage.role) for stage in preset("pipeline-7").stages] == [
        ("Understand buyer behaviour", Half.ACQUISITION, Role.MARKETING),
        ("Be found", Half.ACQUISITION, Role.MARKETING),
        ("Convert interest to action", Half.ACQUISITION, Role.MARKETING),
        ("Create a community of interest", Half.ACQUISITION, Role.MARKETING),
        ("Nurture to create sales opportunities", Half.ACQUISITION, Role.MARKETING),
        ("Support the sales process", Half.ACQUISITION, Role.SALES),
        ("Retain and develop customers", Half.RETENTION, Role.SERVICE),
    ]


def test_hourglass_8_narrows_to_the_purchase_and_widens_after_it() -> None:
    stages = preset("hourglass-8").stages

    assert [stage.key for stage in stages] == [
        "proposal",
        "shortlist",
        "negotiation",
        "purchase",
        "initial-value",
        "upsell-one",
        "upsell-two",
        "renewal",
    ]
    assert [stage.half for stage in stages] == [Half.ACQUISITION] * 4 + [Half.RETENTION] * 4


USABLE = ("b2b-11", "buyer-behaviours", "hourglass-8", "pipeline-7")


@pytest.mark.parametrize("name", USABLE)
def test_nothing_is_weak_about_a_preset_that_workspaces_may_use(name: str) -> None:
    assert lint_process(preset(name)) == ()


@pytest.mark.parametrize("name", USABLE)
def test_every_stage_has_words_of_its_own_to_be_recognised_by(name: str) -> None:
    stages = preset(name).stages
    words = [word.casefold() for stage in stages for word in {*stage.aliases, stage.key, stage.label.casefold()}]

    assert [stage.key for stage in stages if not stage.aliases] == []
    assert {word for word in words if words.count(word) > 1} == set()


@pytest.mark.parametrize("name", ["hourglass-8", "pipeline-7"])
def test_winning_grows_likelier_in_the_others_too(name: str) -> None:
    odds = [stage.win_probability for stage in preset(name).stages if stage.win_probability is not None]

    assert odds == sorted(set(odds))
    assert len(odds) >= 4


def test_an_entry_of_ones_own_keeps_the_words_of_the_preset_unless_it_brings_others(tmp_path) -> None:
    file = tmp_path / "process.toml"
    own = '[[stages]]\nkey = "decision"\nrole = "partner"\n[[stages]]\nkey = "purchase"\naliases = ["Vertrag"]\n'
    file.write_text(f'preset = "b2b-11"\n{own}', encoding="utf-8")
    process = read_process_file(file, "process.toml").read.process

    assert process.stage("decision").aliases == preset("b2b-11").stage("decision").aliases
    assert process.stage("purchase").aliases == ("Vertrag",)


def test_seller_actions_are_the_eight_with_what_buyers_do_instead() -> None:
    behaviours = preset("seller-actions").behaviours

    assert [(behaviour.key, behaviour.buyer_counterpart) for behaviour in behaviours] == [
        ("identifies-buyer", None),
        ("sends-email", "downloads-document"),
        ("calls-to-meet", "schedules-meeting"),
        ("assesses-need", "describes-project"),
        ("determines-budget", "provides-specification-and-budget"),
        ("submits-quote", "requests-quote"),
        ("delivers-presentation", "participates-in-demo"),
        ("submits-proposal", "requests-proposal"),
    ]
    assert {behaviour.actor for behaviour in behaviours} == {Actor.SELLER}


def test_an_unknown_preset_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r'no preset "b2b-12"[.] Did you mean "b2b-11"'):
        preset_text("b2b-12")
