"""What is to be done so that a list is as the files say, in an order in which nothing is ever in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instep.contract import (
    AddPipeline,
    AddStage,
    ChangeStage,
    OfferStages,
    OrderStages,
    RelabelPipeline,
    RetireStage,
    SystemStage,
)
from instep.model.configuration import ListIds, Path, WantedList
from instep.model.process import Outcome
from instep.provision.express import nearest
from instep.provision.steps import MoveRecords

from .pure import (
    OPTIONS,
    OWN,
    SHARED,
    after_apply,
    ending,
    found,
    ids,
    pipeline,
    process,
    stage,
    steps_of,
    system_plan,
    there,
    wanted,
    wanted_list,
)

ABC = process("a", "b", "c")


def test_a_rename_is_one_change_of_a_label() -> None:
    now = found(OWN, [pipeline([there("1", "Old word"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a", "New word"), stage("b", "Second")]), ABC, ids("p1", a="1", b="2"))
    (step,) = system_plan(of, now).steps
    assert isinstance(step.doing, ChangeStage)
    assert (step.doing.before.id, step.doing.after.label) == ("1", "New word")
    assert [(d.what, d.before, d.after) for d in step.differences] == [("label", "Old word", "New word")]


def test_labels_are_swapped_by_one_stage_stepping_aside() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a", "Second"), stage("b", "First")]), ABC, ids("p1", a="1", b="2"))
    labels = {"1": "First", "2": "Second"}
    for step in system_plan(of, now).steps:
        assert isinstance(step.doing, ChangeStage)
        labels[step.doing.before.id] = step.doing.after.label
        assert len(set(labels.values())) == 2, labels
    assert labels == {"1": "Second", "2": "First"}


def test_a_new_stage_may_have_the_name_that_another_gives_up() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    stages = [stage("a", "Renamed"), stage("b", "Second"), stage("c", "First")]
    plan = system_plan(wanted(wanted_list(stages), ABC, ids("p1", a="1", b="2")), now)
    kinds = [type(step.doing) for step in plan.steps]
    assert kinds == [ChangeStage, AddStage]


def test_a_stage_that_is_to_be_retired_gives_up_its_name_first() -> None:
    now = replace(
        found(OWN, [pipeline([there("1", "First"), there("2", "Second")])]),
        holders={("deals", "p1", "2"): ("r1", "r2")},
    )
    of = wanted(wanted_list([stage("a", "Second")], retire={"b": "a"}), ABC, ids("p1", a="1", b="2"))
    plan = system_plan(of, now)
    assert steps_of(plan) == [
        ("change-stage", 'stage "Second (old)" of pipeline "Line"'),
        ("change-stage", 'stage "Second" (a) of pipeline "Line"'),
        ("move-records", '2 records at stage "Second (old)" of pipeline "Line"'),
        ("retire-stage", 'stage "Second (old)" (b) of pipeline "Line"'),
    ]
    move = plan.steps[2].doing
    assert isinstance(move, MoveRecords)
    assert (move.stage, move.to, move.records) == ("2", "1", ("r1", "r2"))


def test_records_go_to_a_stage_that_is_only_to_be_made() -> None:
    now = replace(found(OWN, [pipeline([there("1", "First")])]), holders={("deals", "p1", "1"): ("r1",)})
    of = wanted(wanted_list([stage("b", "Second")], retire={"a": "b"}), ABC, ids("p1", a="1"))
    plan = system_plan(of, now)
    assert [action for action, _ in steps_of(plan)] == ["add-stage", "move-records", "retire-stage"]


def test_a_stage_whose_records_have_nowhere_to_go_is_not_retired() -> None:
    now = found(OWN, [pipeline([there("1", "First"), there("2", "Second")])])
    of = wanted(wanted_list([stage("a", "First")]), ABC, ids("p1", a="1", b="2"))
    assert steps_of(system_plan(of, replace(now, holders={("deals", "p1", "2"): ("r1",)}))) == []
    (step,) = system_plan(of, now).steps
    assert step.doing == RetireStage("deals", "p1", "2")


def test_the_order_of_stages_leaves_those_of_others_in_their_places() -> None:
    stages = [there("3"), there("x", "Somebody's"), there("1"), there("y", "Another's"), there("2")]
    of = wanted(wanted_list([stage("a", "1"), stage("b", "2"), stage("c", "3")]), ABC, ids("p1", a="1", b="2", c="3"))
    (step,) = system_plan(of, found(OWN, [pipeline(stages)])).steps
    assert step.doing == OrderStages("deals", "p1", ("1", "x", "2", "y", "3"))
    assert [(d.before, d.after) for d in step.differences] == [(("3", "1", "2"), ("1", "2", "3"))]


def test_a_stage_for_buyers_who_are_not_looking_may_stand_anywhere() -> None:
    latent = replace(stage("c", "3"), is_latent=True)
    of = wanted(wanted_list([stage("a", "1"), stage("b", "2"), latent]), ABC, ids("p1", a="1", b="2", c="3"))
    stages = [there("3"), there("1"), there("2")]
    assert system_plan(of, found(OWN, [pipeline(stages)])).steps == ()
    assert len(system_plan(of, found(OWN, [pipeline(reversed(stages))])).steps) == 1


def test_a_pipeline_that_vanished_is_made_whole_and_its_ids_are_those_of_the_new_one() -> None:
    lines = [stage("a", "First", 0.2), ending(Outcome.WON, "Won"), ending(Outcome.LOST, "Lost")]
    of = wanted(wanted_list(lines), ABC, ids("gone", a="1"))
    now = found(OWN)
    (step,) = system_plan(of, now).steps
    assert isinstance(step.doing, AddPipeline)
    assert [(one.label, one.probability, one.closed, one.won) for one in step.doing.stages] == [
        ("First", 0.2, False, False),
        ("Won", 1.0, True, True),
        ("Lost", 0.0, True, False),
    ]
    of, now, _ = after_apply(of, now)
    (known,) = of.configuration.ids.values()
    assert known.pipeline == now.pipelines[0].id
    assert system_plan(of, now).steps == ()


def test_a_pipeline_that_people_renamed_gets_its_label_back() -> None:
    now = found(OWN, [pipeline([there("1", "First")], label="Somebody's word")])
    (step,) = system_plan(wanted(wanted_list([stage("a", "First")]), ABC, ids("p1", a="1")), now).steps
    assert step.doing == RelabelPipeline("deals", "p1", "Line")


def test_what_the_files_do_not_say_is_left_as_it_is() -> None:
    stages = [there("1", "First", 0.37), there("2", "Second", None)]
    of = wanted(wanted_list([stage("a", "First"), stage("b", "Second")]), ABC, ids("p1", a="1", b="2"))
    (step,) = system_plan(of, found(OWN, [pipeline(stages)])).steps
    assert isinstance(step.doing, ChangeStage)
    assert (step.doing.before.id, step.doing.after.probability) == ("2", 0.37)
    plain = system_plan(of, found(replace(OWN, has_outcomes=False), [pipeline(stages)]))
    assert plain.steps == ()


@pytest.mark.parametrize(
    ("share", "held"), [(0.0, 0.1), (0.1, 0.1), (0.14, 0.1), (0.15, 0.2), (0.25, 0.3), (0.88, 0.9), (1.0, 0.9)]
)
def test_a_probability_is_the_nearest_that_the_system_can_hold(share: float, held: float) -> None:
    tenths = replace(OWN, probability_step=0.1, lowest_open=0.1, highest_open=0.9)
    assert nearest(share, tenths) == held
    of = wanted(wanted_list([stage("a", "First", share)]), ABC, ids("p1", a="1"))
    plan = system_plan(of, found(tenths, [pipeline([there("1", "First", held)])]))
    assert plan.steps == ()
    assert bool(plan.losses) == (share != held)


def test_details_that_no_file_names_are_kept_and_named_ones_are_set() -> None:
    now = SystemStage("1", "First", 0, probability=0.3, details={"mine": "kept", "ours": "old"})
    one = replace(stage("a", "First"), details={"ours": "new"})
    (step,) = system_plan(wanted(wanted_list([one]), ABC, ids("p1", a="1")), found(OWN, [pipeline([now])])).steps
    assert isinstance(step.doing, ChangeStage)
    assert step.doing.after.details == {"mine": "kept", "ours": "new"}


# --- options of a field, and lists that pipelines share ------------------------------------------------------------


def test_a_new_option_whose_name_another_had_once_gets_an_id_of_its_own() -> None:
    now = found(OPTIONS, [pipeline([there("Word", "Another word")], id="stage")])
    stages = [stage("a", "Another word"), stage("b", "Word")]
    (step,) = system_plan(wanted(wanted_list(stages, None), ABC, ids(None, a="Word")), now).steps
    assert isinstance(step.doing, AddStage)
    assert (step.doing.stage.id, step.doing.stage.label) == ("Word 2", "Word")


def test_what_was_retired_and_is_wanted_again_comes_back_as_itself() -> None:
    everything = pipeline([there("First"), there("Second", active=False)], id="stage", label="Stage")
    offers = pipeline([there("First")], offers="stage")
    of = wanted(wanted_list([stage("a", "First"), stage("b", "Second")]), ABC, ids("p1", a="First"))
    first, second = system_plan(of, found(SHARED, [everything, offers])).steps
    assert isinstance(first.doing, AddStage)
    assert (first.doing.stage.id, first.because) == ("Second", "it was retired, and is wanted again")
    assert second.doing == OfferStages("deals", "p1", offered=("Second",))


def two_lines(**left: list[str]) -> tuple[WantedList, ...]:
    """Wanted lists of two pipelines that offer stages of one list, by their keys."""
    words = {"a": "First", "b": "Second", "c": "Third"}
    return tuple(
        wanted_list([stage(key, words[key]) for key in keys], name.title(), name=name) for name, keys in left.items()
    )


EVERYTHING = pipeline([there("First"), there("Second"), there("Third")], id="stage", label="Stage")
ONE = pipeline([there("First"), there("Second")], "p1", "One", "stage")
TWO = pipeline([there("Second"), there("Third")], "p2", "Two", "stage")
KNOWN: dict[Path, ListIds] = {
    ("opportunity", "pipelines", "one"): ids("p1", a="First", b="Second"),
    ("opportunity", "pipelines", "two"): ids("p2", b="Second", c="Third"),
}


def test_two_pipelines_that_offer_what_they_shall_offer_need_nothing() -> None:
    of = wanted(two_lines(one=["a", "b"], two=["b", "c"]), ABC, KNOWN)
    assert system_plan(of, found(SHARED, [EVERYTHING, ONE, TWO])).steps == ()


def test_a_stage_that_one_pipeline_offers_no_more_stays_for_the_other() -> None:
    of = wanted(two_lines(one=["a"], two=["b", "c"]), ABC, KNOWN)
    (step,) = system_plan(of, found(SHARED, [EVERYTHING, ONE, TWO])).steps
    assert step.doing == OfferStages("deals", "p1", withdrawn=("Second",))


def test_a_stage_that_no_pipeline_offers_is_withdrawn_everywhere_and_then_retired() -> None:
    of = wanted(two_lines(one=["a"], two=["c"]), ABC, KNOWN)
    plan = system_plan(of, found(SHARED, [EVERYTHING, ONE, TWO]))
    assert [step.doing for step in plan.steps] == [
        OfferStages("deals", "p1", withdrawn=("Second",)),
        OfferStages("deals", "p2", withdrawn=("Second",)),
        RetireStage("deals", "stage", "Second"),
    ]


def test_records_of_no_pipeline_keep_a_shared_stage_alive() -> None:
    now = replace(found(SHARED, [EVERYTHING, ONE, TWO]), holders={("deals", None, "Second"): ("r1",)})
    of = wanted(two_lines(one=["a"], two=["c"]), ABC, KNOWN)
    kinds = [type(step.doing) for step in system_plan(of, now).steps]
    assert kinds == [OfferStages, OfferStages]


def test_a_new_stage_of_two_pipelines_is_added_once_and_offered_by_both() -> None:
    everything = pipeline([there("First"), there("Third")], id="stage", label="Stage")
    one, two = pipeline([there("First")], "p1", "One", "stage"), pipeline([there("Third")], "p2", "Two", "stage")
    of = wanted(two_lines(one=["a", "b"], two=["b", "c"]), ABC)
    plan = system_plan(of, found(SHARED, [everything, one, two]))
    assert steps_of(plan) == [
        ("add-stage", 'stage "Second" (b) of stage'),
        ("order-stages", "stage"),
        ("offer-stages", 'pipeline "One"'),
        ("offer-stages", 'pipeline "Two"'),
    ]
    assert plan.steps[1].doing == OrderStages("deals", "stage", ("First", "Second", "Third"))


def test_a_stage_that_two_pipelines_call_alike_is_one_whatever_keys_they_have_for_it() -> None:
    lists = [
        wanted_list([stage("a b", "Both")], "One", name="one"),
        wanted_list([stage("b", "Both"), stage("c", "Third")], "Two", name="two"),
    ]
    of = wanted(lists, ABC, {lists[0].path: ids("p1", a="First", b="First"), lists[1].path: ids("p2", c="Third")})
    plan = system_plan(of, found(SHARED, [EVERYTHING, ONE, TWO]))
    assert steps_of(plan)[0] == ("change-stage", 'stage "Both" (a / b) of stage')
    assert OfferStages("deals", "p2", offered=("First",)) in [step.doing for step in plan.steps]
    _, now, done = after_apply(of, found(SHARED, [EVERYTHING, ONE, TWO]))
    assert [step.identity for step in done] == [step.identity for step in plan.steps]
    assert {one.label for one in now.lists("deals")[2].stages} == {"Both", "Second", "Third"}


def test_a_stage_of_two_keys_that_is_retired_goes_to_one_place_from_the_first_plan_on() -> None:
    now = replace(
        found(OWN, [pipeline([there("1", "First"), there("2", "Second"), there("9", "Both")])]),
        holders={("deals", "p1", "9"): ("r1",)},
    )
    known = ids("p1", a="1", d="2", b="9", c="9")
    of = wanted(wanted_list([stage("a", "First"), stage("c d", "Second")], retire={"b": "a"}), ABC, known)
    plan = system_plan(of, now)
    _, _, done = after_apply(of, now)
    assert [step.identity for step in done] == [step.identity for step in plan.steps]
    assert plan.steps[0].differences[0].after == "First"


def test_what_a_person_has_to_do_is_said_and_not_done() -> None:
    limits = replace(OPTIONS, by_hand="Do it there.")
    of = wanted(wanted_list([stage("a", "First"), stage("b", "Second")], None), ABC, ids(None, a="First"))
    plan = system_plan(of, found(limits, [pipeline([there("First")], id="stage")]))
    assert plan.steps == ()
    assert [(step.action, step.by_hand) for step in plan.by_hand] == [("add-stage", "Do it there.")]
