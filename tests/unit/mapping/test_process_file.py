# ruff: noqa: E501 - messages stand here as they are printed
"""What is wrong in `mappings/process.toml` is said with its line and a remedy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from instep.model.process import Actor, Half, Process, Role

Said = Callable[..., list[str]]
P = "mappings/process.toml"

MISTAKES = {
    "a behaviour that nobody defined": (
        '\n\n[[stages]]\nkey = "decision"\nenter = { any = ["visits-website",\n  "reqests-call"] }\n',
        f'{P}:7: stages[0].enter.any names "reqests-call", which no behaviour has. Did you mean "requests-call"?',
    ),
    "a behaviour unlike any other": (
        '[[stages]]\nkey = "decision"\nenter = { all = ["zzz"] }\n',
        f'{P}:4: stages[0].enter.all names "zzz", which no behaviour has. Add [[behaviours]] with key = "zzz".',
    ),
    "a seller's act as an entry": (
        (
            '[[behaviours]]\nkey = "sends-quote"\nactor = "seller"\nbuyer_counterpart = "requests-quote"\n'
            '[[stages]]\nkey = "decision"\nenter.any = ["sends-quote"]\n'
        ),
        (
            f'{P}:8: stages[0].enter.any names "sends-quote", which the seller does: '
            'only a buyer\'s act may enter a stage. Use "requests-quote", which the buyer does.'
        ),
    ),
    "a number of acts without the acts": (
        '[[stages]]\nkey = "decision"\nenter = { all = ["requests-call"], times = 2 }\n',
        (
            f"{P}:4: stages[0].enter.times counts nothing: it says how often one of the acts under any is needed. "
            "Add any = [ … ], or remove it."
        ),
    ),
    "no act at all": (
        '[[stages]]\nkey = "decision"\nenter = { any = ["requests-call"], times = 0 }\n',
        f"{P}:4: stages[0].enter.times is 0. Write a whole number from 1 to 1000.",
    ),
    "a window that is no duration": (
        '[[stages]]\nkey = "decision"\nenter = { any = ["requests-call"], within = "a week" }\n',
        (
            f'{P}:4: stages[0].enter.within is "a week", which is not a whole number of seconds. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
    "a mistake in one of several ways in": (
        '[[stages]]\nkey = "decision"\nenter = [{ any = ["requests-call"] }, { all = ["reqests-call"] }]\n',
        f'{P}:4: stages[0].enter[1].all names "reqests-call", which no behaviour has. Did you mean "requests-call"?',
    ),
    "an unknown key of a way in": (
        '[[stages]]\nkey = "decision"\nenter = { any = ["requests-call"], witin = "7d" }\n',
        f'{P}:4: stages[0].enter.witin is not a known key. Did you mean "within"?',
    ),
    "a time in which two tellings are one that is no duration": (
        '[[behaviours]]\nkey = "goes-live"\nsame_within = "soon"\n',
        (
            f'{P}:4: behaviours[0].same_within is "soon", which is not a whole number of seconds. '
            'Write a number and s, m, h or d, such as "90s" or "7d".'
        ),
    ),
    "a detour without key": (
        '[[detours]]\nlabel = "Recycled"\n',
        f'{P}:2: detours[0] has no "key". Add key = "…".',
    ),
    "a detour defined twice": (
        '[[detours]]\nkey = "recycled"\n[[detours]]\nkey = "recycled"\n',
        f'{P}:5: detours[1].key defines "recycled" a second time. Give each detour a key of its own.',
    ),
    "a detour called like a stage": (
        '[[detours]]\nkey = "decision"\n',
        f'{P}:3: detours[0].key is "decision", like a stage. Give the detour a key of its own.',
    ),
    "an unknown end of a detour": (
        '[[detours]]\nkey = "recycled"\nends = "by-hnd"\n',
        f'{P}:4: detours[0].ends is "by-hnd", which is not among its values. Did you mean "by-hand"?',
    ),
    "a quiet that is no duration": (
        '[[detours]]\nkey = "dormant"\nafter = 90\n',
        f'{P}:4: detours[0].after is not a duration. Write one in quotes, such as "3600s".',
    ),
    "an unknown key of a detour": (
        '[[detours]]\nkey = "dormant"\naftr = "90d"\n',
        f'{P}:4: detours[0].aftr is not a known key. Did you mean "after"?',
    ),
    "an unknown key": (
        '[[stages]]\nkey = "decision"\nlable = "Deciding"\n',
        f'{P}:4: stages[0].lable is not a known key. Did you mean "label"?',
    ),
    "an unknown role": (
        '[[stages]]\nkey = "decision"\nrole = "sails"\n',
        f'{P}:4: stages[0].role is "sails", which is not among its values. Did you mean "sales"?',
    ),
    "an unknown half": (
        '[[stages]]\nkey = "decision"\nhalf = "upper"\n',
        f'{P}:4: stages[0].half is "upper", which is not among its values. Use "acquisition" or "retention".',
    ),
    "a stage without key": (
        '[[stages]]\nlabel = "Deciding"\n',
        f'{P}:2: stages[0] has no "key". Add key = "…".',
    ),
    "a stage defined twice": (
        '[[stages]]\nkey = "decision"\n[[stages]]\nkey = "decision"\n',
        f'{P}:5: stages[1].key defines "decision" a second time. Give each stage a key of its own.',
    ),
    "a behaviour defined twice": (
        '[[behaviours]]\nkey = "goes-live"\n[[behaviours]]\nkey = "goes-live"\n',
        f'{P}:5: behaviours[1].key defines "goes-live" a second time. Give each behaviour a key of its own.',
    ),
    "a segment defined twice": (
        '[[segments]]\nkey = "a"\nwhen = { field = "city", eq = "Bonn" }\n[[segments]]\nkey = "a"\n',
        f'{P}:6: segments[1].key defines "a" a second time. Give each segment a key of its own.',
    ),
    "a text where a number belongs": (
        '[[stages]]\nkey = "decision"\nexpected_days = "30"\n',
        f"{P}:4: stages[0].expected_days is not a whole number. Write a whole number.",
    ),
    "days below one": (
        '[[stages]]\nkey = "decision"\nexpected_days = 0\n',
        f"{P}:4: stages[0].expected_days is 0. Write a whole number of days from 1 to 36500.",
    ),
    "a probability above one": (
        '[[stages]]\nkey = "decision"\nwin_probability = 55\n',
        f"{P}:4: stages[0].win_probability is 55. Write a number from 0 to 1.",
    ),
    "a stage after one that is not there": (
        '[[stages]]\nkey = "trial"\nafter = "decison"\n',
        f'{P}:4: stages[0].after names "decison", which is no stage. Did you mean "decision"?',
    ),
    "an unknown preset": (
        None,
        f'{P}:1: preset is "b2b-12", which is not among its values. Did you mean "b2b-11"?',
    ),
    "a counterpart that sellers do": (
        (
            '[[behaviours]]\nkey = "sends-quote"\nactor = "seller"\nbuyer_counterpart = "calls"\n'
            '[[behaviours]]\nkey = "calls"\nactor = "seller"\n'
        ),
        f'{P}:5: behaviours[0].buyer_counterpart names "calls", which a seller does. Name what the buyer does instead.',
    ),
    "a segment's own stage without label": (
        '[[segments]]\nkey = "a"\n[[segments.stages]]\nkey = "pilot"\n',
        f'{P}:4: segments[0].stages[0] is a stage of its own ("pilot"), and has no label. Add label = "…".',
    ),
    "a segment that shadows the next": (
        '[[segments]]\nkey = "a"\n[[segments]]\nkey = "b"\n',
        (
            f'{P}:2: segments[0] has no "when", so the segments after it are never reached. '
            "Add a rule, or move it to the end."
        ),
    ),
    "a rule over a field that nobody has": (
        '[[segments]]\nkey = "a"\nwhen = { field = "company.industri", eq = "Tea" }\n',
        (
            f'{P}:4: segments[0].when.field names "company.industri", which is no field that this rule can see. '
            'Did you mean "company.industry"?'
        ),
    ),
    "a move from a stage that is still there": (
        '[[moved]]\nfrom = "interest"\nto = "research"\n',
        (
            f'{P}:3: moved[0].from says that "interest" was renamed, but a stage still has that key. '
            "Remove this entry, or the stage."
        ),
    ),
    "a move to a stage that is not there": (
        '[[moved]]\nfrom = "curiosity"\nto = "intrest"\n',
        f'{P}:4: moved[0].to names "intrest", which is no stage. Did you mean "interest"?',
    ),
    "moves in a circle": (
        '[[moved]]\nfrom = "a"\nto = "b"\n[[moved]]\nfrom = "b"\nto = "a"\n',
        f'{P}:2: moved sends "a" round in a circle. Let one of the entries lead to a stage.',
    ),
    "a move from something that is no text": (
        '[[moved]]\nfrom = []\nto = "decision"\n',
        f"{P}:3: moved[0].from is not text. Write it in quotes.",
    ),
    "two moves from one stage": (
        '[[moved]]\nfrom = "old"\nto = "interest"\n[[moved]]\nfrom = "old"\nto = "research"\n',
        f'{P}:6: moved[1].from says a second time where "old" went. Keep one of the two entries.',
    ),
    "a table where an array of tables belongs": (
        '[stages]\nkey = "decision"\n',
        P + ":2: stages is not a list of tables. Write [[stages]], or stages = [{ … }].",
    ),
    "a control character": (
        '[[stages]]\nkey = "decision"\nrole = "\\u001b[31m"\n',
        (
            f'{P}:4: stages[0].role is "\\x1b[31m", which is not among its values. '
            'Use "marketing", "sales", "service", "services", "support", "partner" or "facilitator".'
        ),
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_told_with_its_line_and_remedy(said: Said, case: str) -> None:
    text, expected = MISTAKES[case]
    file = 'preset = "b2b-12"\n[[stages]]\nkey = "a"\n' if text is None else f'preset = "b2b-11"\n{text}'

    assert expected in said(process=file)


@pytest.mark.parametrize("case", [case for case, (text, _) in MISTAKES.items() if text])
def test_one_mistake_is_told_once_and_brings_no_others(said: Said, case: str) -> None:
    expected = 2 if case == "moves in a circle" else 1

    assert len(said(process=f'preset = "b2b-11"\n{MISTAKES[case][0]}')) == expected


def test_a_file_without_stages_is_a_mistake(said: Said) -> None:
    assert said(process="") == [
        f'{P}: This file defines no stage. Write [[stages]], or start with preset = "b2b-11".'
    ]


def test_a_syntax_error_is_told_with_its_line(said: Said) -> None:
    [mistake] = said(process='preset = "b2b-11"\n[[stages]\nkey = "a"\n')

    assert mistake.startswith(f"{P}:2: This is not valid TOML: ")


def test_a_missing_process_file_is_a_mistake(folder) -> None:
    folder.without(P)

    assert folder.said() == [f'{P}: There is no such file. Write one; preset = "b2b-11" is enough to start with.']


def loaded(folder, text: str) -> Process:
    return folder.loaded(process=f'preset = "b2b-11"\n{text}').process


def test_own_stages_change_only_what_they_say(folder) -> None:
    stage = loaded(folder, '[[stages]]\nkey = "decision"\nrole = "partner"\n').stage("decision")

    assert (stage.role, stage.label, stage.expected_days) == (Role.PARTNER, "Decision", 30)


def test_a_new_stage_stands_where_it_says(folder) -> None:
    process = loaded(folder, '[[stages]]\nkey = "trial"\nafter = "consideration"\n')

    assert [stage.key for stage in process.stages][4:7] == ["consideration", "trial", "decision"]


def test_a_preset_stage_can_be_moved(folder) -> None:
    process = loaded(folder, '[[stages]]\nkey = "research"\nafter = "consideration"\n')

    assert [stage.key for stage in process.stages][2:5] == ["interest", "consideration", "research"]


def test_a_new_stage_without_a_place_is_last(folder) -> None:
    assert loaded(folder, '[[stages]]\nkey = "trial"\n').stages[-1].key == "trial"


def test_own_stages_can_replace_those_of_the_preset(folder) -> None:
    text = 'replace_stages = true\n[[stages]]\nkey = "purchase"\n[[stages]]\nkey = "interest"\nlabel = "Curious"\n'
    process = loaded(folder, text)

    assert [(stage.key, stage.label) for stage in process.stages] == [
        ("purchase", "Purchase"),
        ("interest", "Curious"),
    ]


def test_own_behaviours_change_only_what_they_say(folder) -> None:
    behaviour = loaded(folder, '[[behaviours]]\nkey = "goes-live"\nweight = 9\n').behaviour("goes-live")

    assert behaviour is not None
    assert (behaviour.label, behaviour.actor, behaviour.weight) == ("Goes live", Actor.BUYER, 9)


def test_a_segment_shares_stages_by_key(folder) -> None:
    text = '[[segments]]\nkey = "a"\n[[segments.stages]]\nkey = "purchase"\nexpected_days = 3\n'
    [stage] = loaded(folder, text).stages_of("a")

    assert (stage.label, stage.half, stage.expected_days) == ("Purchase", Half.ACQUISITION, 3)


def test_a_key_that_was_renamed_twice_leads_to_its_last_name(folder) -> None:
    text = '[[moved]]\nfrom = "old"\nto = "older"\n[[moved]]\nfrom = "older"\nto = "interest"\n'

    assert loaded(folder, text).moved == {"old": "interest", "older": "interest"}
