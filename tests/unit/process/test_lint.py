"""Lint finds what is weak about a process, and nothing in one that is sound."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.mapping.lint import Finding, lint_process, seller_share
from instep.mapping.load import read_preset
from instep.model.process import Actor, Behaviour, Entry, Half, Process, Role, Segment, Stage
from instep.model.rules import Always, Equals
from instep.model.team import Owner, Team

B2B = read_preset("b2b-11").read.process
ROLES = (Role.MARKETING, Role.SALES, Role.SERVICE, Role.SERVICES)


def codes(process: Process, team: Team | None = None) -> list[tuple[str, str]]:
    return [(finding.code, finding.place) for finding in lint_process(process, team)]


def with_stage(key: str, **changes: object) -> Process:
    """`b2b-11` with one stage changed."""
    stages = tuple(replace(stage, **changes) if stage.key == key else stage for stage in B2B.stages)
    return replace(B2B, stages=stages)


@pytest.mark.parametrize("name", ["b2b-11", "buyer-behaviours"])
def test_a_process_of_buyers_is_clean(name: str) -> None:
    assert lint_process(read_preset(name).read.process) == ()


def test_all_eight_seller_actions_are_inside_out_and_nothing_else_is_said() -> None:
    process = read_preset("seller-actions").read.process

    assert codes(process) == [("INSIDE_OUT", f"stages.{stage.key}") for stage in process.stages]
    assert seller_share(process) == (8, 8)


def test_a_list_of_seller_actions_without_stages_is_inside_out_too() -> None:
    acts = (Behaviour("calls", "Calls", Actor.SELLER), Behaviour("syncs", "Syncs", Actor.SYSTEM))
    process = Process("p", (), acts)

    assert codes(process) == [("INSIDE_OUT", "behaviours.calls"), ("INSIDE_OUT", "behaviours.syncs")]
    assert seller_share(process) == (2, 2)


def test_inside_out_names_what_the_buyer_does_instead() -> None:
    first, second, *_ = lint_process(read_preset("seller-actions").read.process)

    assert first.remedy == "Nothing that a buyer does stands for it: drop it."
    assert second == Finding(
        "INSIDE_OUT",
        "stages.e-mail-sent",
        'poses as a step, but "sends-email" is what the seller does',
        'Use what the buyer does: "downloads-document".',
    )


def test_a_stage_that_no_buyer_behaviour_enters_is_found() -> None:
    process = with_stage("purchase", enter=Entry())

    assert codes(process) == [("NO_ENTRY", "stages.purchase"), ("NO_STAGE", "behaviours.places-order")]


def test_a_behaviour_in_no_stage_is_found() -> None:
    process = replace(B2B, behaviours=(*B2B.behaviours, Behaviour("waves", "Waves")))

    assert lint_process(process) == (
        Finding(
            "NO_STAGE",
            "behaviours.waves",
            "belongs to no stage",
            "Name it in the enter of the stage that it proves, or remove it.",
        ),
    )


def test_what_sellers_do_needs_no_stage() -> None:
    process = replace(B2B, behaviours=(*B2B.behaviours, Behaviour("calls", "Calls", Actor.SELLER)))

    assert codes(process) == []


def test_a_stage_where_a_role_stops_and_nobody_takes_over_is_found() -> None:
    assert lint_process(with_stage("decision", role=None)) == (
        Finding(
            "NO_TAKEOVER",
            "stages.decision",
            'is owned by nobody: sales stops at "consideration" and no role takes over',
            "Give the stage a role.",
        ),
    )


def test_decision_and_purchase_are_found_in_a_process_without_owners() -> None:
    ownerless = replace(B2B, stages=tuple(replace(stage, role=None) for stage in B2B.stages))

    found = codes(ownerless)

    assert {("NO_TAKEOVER", "stages.decision"), ("NO_TAKEOVER", "stages.purchase")} <= set(found)
    assert ("NO_TAKEOVER", "stages.sidelines") not in found


@pytest.mark.parametrize(
    ("leg", "roles"),
    [
        ("marketing", {Role.MARKETING}),
        ("sales", {Role.SALES}),
        ("service", {Role.SERVICE, Role.SERVICES, Role.SUPPORT}),
    ],
)
def test_a_leg_that_owns_nothing_is_found(leg: str, roles: set[Role]) -> None:
    stages = tuple(replace(stage, role=Role.PARTNER) if stage.role in roles else stage for stage in B2B.stages)
    [finding] = lint_process(replace(B2B, stages=stages))

    assert (finding.code, finding.problem) == ("MISSING_LEG", f"leave {leg} out: it owns none of them")


def test_support_alone_makes_the_service_leg() -> None:
    stages = tuple(
        replace(stage, role=Role.SUPPORT) if stage.half is Half.RETENTION else stage for stage in B2B.stages
    )

    assert codes(replace(B2B, stages=stages)) == []


def test_a_role_without_anyone_active_is_found_for_each_stage() -> None:
    team = Team((Owner("a", "A", roles=frozenset(ROLES[:3])), Owner("b", "B", roles=frozenset(ROLES), active=False)))

    assert codes(B2B, team) == [("NO_OWNER", "stages.implementing")]


def test_a_segment_that_nobody_serves_is_found() -> None:
    process = replace(B2B, segments=(Segment("tea", "Tea", Equals("city", "Ulm")), Segment("rest", "Rest", Always())))
    team = Team((Owner("a", "A", roles=frozenset(ROLES), segments=frozenset({"rest"})),))

    found = lint_process(process, team)

    assert len(found) == 11
    assert found[0].problem == 'has nobody active in marketing for buyers of segment "tea"'


def test_buyers_outside_every_segment_need_an_owner_too() -> None:
    process = replace(B2B, segments=(Segment("tea", "Tea", Equals("city", "Ulm")),))
    team = Team((Owner("a", "A", roles=frozenset(ROLES), segments=frozenset({"tea"})),))

    assert {finding.problem.split(" for ")[1] for finding in lint_process(process, team)} == {
        "buyers outside every segment"
    }


def test_without_a_team_nobody_is_missed() -> None:
    assert codes(B2B, Team()) == []


def test_a_segments_own_stage_is_judged_and_a_shared_one_is_not_judged_twice() -> None:
    own = Stage("pilot", "Pilot", role=Role.SALES)
    process = replace(
        with_stage("purchase", enter=Entry(any=frozenset({"requests-call", "places-order"})), role=None)
    )
    process = replace(process, segments=(Segment("tea", "Tea", Always(), (process.stages[5], own)),))

    assert codes(process) == [
        ("NO_ENTRY", "segments.tea.stages.pilot"),
        ("NO_TAKEOVER", "stages.purchase"),
    ]
