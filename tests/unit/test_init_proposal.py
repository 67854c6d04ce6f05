"""What is proposed for a live system, by name, probability and order; what is unsure is asked."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.contract import ConnectionInfo, Option, Pipeline, SystemField, SystemOwner, SystemStage
from instep.mapping.load import load_workspace, read_preset, read_process_file
from instep.model.entities import Kind
from instep.model.process import Outcome, Process
from instep.model.team import Owner, Team
from instep.proposal.fields import guess_fields
from instep.proposal.live import LiveSystem
from instep.proposal.outcomes import closed_stages, guess_outcomes
from instep.proposal.proposal import Proposal, propose
from instep.proposal.stages import Prior, StageGuess, guess_stages
from instep.proposal.team import guess_team
from instep.proposal.words import THRESHOLD, best_match, said

from ..thorough import examples

PROCESS = read_preset("b2b-11").read.process
INFO = ConnectionInfo(org="1", currency="EUR")

STARTER = """\
[person]
objects = ["people"]
create_as = "people"
match = ["instep_id", "email"]
create = "always"
[person.stages]
field = "status"
# Above the values.
values = { interest = "lead", research = "lead" }
lands_on = { lead = "research" }
[person.fields]
email = "mail"            # where to write
phone = "phone"
[person.consent]
scope = "all"

# --- Opportunities ---
[opportunity]
objects = ["deals"]
create_as = "deals"
match = ["instep_id"]
create = "always"
[opportunity.fields]
name = "title"
amount = { field = "amount", currency = "USD" }
[opportunity.stages_in]
field = "stage"
pipeline_field = "pipeline"
[opportunity.pipelines.main]
pipeline = "main"
values = { decision = "talks" }
outcomes = { won = "won" }

# --- The end ---
"""


def stage(label: str, place: int = 0, probability: float | None = None, **more: Any) -> SystemStage:
    return SystemStage(more.pop("id", label), label, place, probability=probability, **more)


def pipeline(*stages: SystemStage, id: str = "main", label: str = "Main", object: str = "deals") -> Pipeline:
    return Pipeline(object, id, label, stages)


def guessed(*stages: SystemStage, prior: Prior = Prior(), process: Process = PROCESS) -> dict[str, str | None]:  # noqa: B008
    return {guess.value: guess.stage for guess in guess_stages(stages, process.stages, prior)}


def asked(*stages: SystemStage, prior: Prior = Prior()) -> StageGuess:  # noqa: B008
    """The one question."""
    [question] = [guess for guess in guess_stages(stages, PROCESS.stages, prior) if guess.stage is None]
    return question


# --- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1. Proposal/Price Quote (75%)", "proposal price quote"),
        ("Stage 3: NEGOTIATION", "stage negotiation"),
        ("closed_won", "closed won"),
        ("Prüfung", "prüfung"),
        ("42", "42"),
    ],
)
def test_a_name_is_said_in_small_letters_without_signs_and_numbering(name: str, words: str) -> None:
    assert said(name) == words


@pytest.mark.parametrize(
    ("label", "name", "low", "high"),
    [
        ("Closing", "closing", 90, 90),
        ("closedWon", "closed won", 90, 90),
        ("Sent the proposal", "proposal", 70, 80),
        ("Evaluating", "evaluation", 60, 80),
        ("Lead", "evaluation", 0, 0),
        ("", "evaluation", 0, 0),
        ("!!!", "evaluation", 0, 0),
    ],
)
def test_a_match_is_surer_the_nearer_the_names(label: str, name: str, low: int, high: int) -> None:
    assert low <= best_match(label, (name,), 90, "same").score <= high


@pytest.mark.parametrize("label", ["Unqualified", "Not qualified", "DISQUALIFIED", "Non-qualified lead"])
def test_a_name_that_denies_another_is_not_like_it(label: str) -> None:
    assert best_match(label, ("qualified",), 90, "").score == 0
    assert best_match("Qualified", (label,), 90, "").score == 0
    assert best_match(label, (label.lower(),), 90, "").score == 90


def test_a_name_of_a_few_letters_is_likened_to_nothing() -> None:
    assert best_match("4 - Go", ("go live",), 90, "").score == 0


# --- stages ------------------------------------------------------------------------------------------------------


def test_names_and_other_words_are_recognised() -> None:
    found = guessed(stage("New"), stage("DISCOVERY"), stage("2. Short list"), stage("Evaluating"), stage("Closing"))
    assert list(found.values()) == ["interest", "research", "consideration", "decision", "purchase"]


def test_the_order_is_respected_where_names_contradict_it() -> None:
    found = [stage("New"), stage("Evaluation"), stage("Qualified"), stage("Closing")]
    assert guessed(*found)["Evaluation"] is None or guessed(*found)["Qualified"] is None
    question = asked(*found)
    assert "stands elsewhere in the order" in question.reason
    assert question.choices[0][1] >= THRESHOLD


def test_a_value_for_those_who_are_not_looking_may_stand_anywhere() -> None:
    assert guessed(stage("Lead"), stage("Customer"), stage("Dormant"))["Dormant"] == "sidelines"


def test_a_probability_that_is_the_same_stands_for_a_name() -> None:
    [guess] = guess_stages([stage("Schritt B", probability=0.3)], PROCESS.stages, Prior())
    assert (guess.stage, guess.reason) == ("consideration", "its probability 0.3 is about 0.3")
    assert guessed(stage("Schritt B", probability=0.42)) == {"Schritt B": None}


def test_a_probability_makes_a_name_surer_or_less_sure() -> None:
    def confidence(probability: float | None) -> int:
        [guess] = guess_stages([stage("Our proposals", probability=probability)], PROCESS.stages, Prior())
        return guess.confidence

    assert confidence(0.55) > confidence(None) > confidence(0.01)


def test_what_stands_alone_between_two_known_ones_is_what_lies_between() -> None:
    found = guess_stages([stage("Discovery"), stage("Xyz"), stage("Evaluation")], PROCESS.stages, Prior())
    assert (found[1].stage, found[1].confidence) == ("consideration", THRESHOLD)
    assert found[1].reason == "it stands between research and decision"
    assert guessed(stage("Discovery"), stage("Xyz"), stage("Zyx"), stage("Evaluation"))["Xyz"] is None


def test_what_the_connector_knows_counts_until_it_is_renamed() -> None:
    prior = Prior({"decision": "talks"})
    assert guessed(stage("Talks", id="talks"), prior=prior) == {"talks": "decision"}
    question = asked(stage("Parked", id="talks"), prior=prior)
    assert question.choices == (("decision", 50),)


def test_a_value_that_names_two_stages_is_shared_and_lands_on_one() -> None:
    found = guess_stages([stage("Evaluation or contract")], PROCESS.stages, Prior())
    assert (found[0].stage, found[0].shares) == ("decision", ("purchase",))
    alone = guess_stages([stage("Evaluation or contract"), stage("Closing")], PROCESS.stages, Prior())
    assert (alone[0].stage, alone[0].shares) == ("decision", ())


def test_the_second_value_for_a_stage_is_a_question() -> None:
    question = asked(stage("Shortlist"), stage("Short list 2"))
    assert question.value == "Short list 2"
    assert question.reason == "it sounds like consideration, which another value already stands for"


# --- outcomes ----------------------------------------------------------------------------------------------------


def test_closed_stages_are_outcomes_as_the_system_counts_them() -> None:
    found = [
        stage("Signed", closed=True, won=True),
        stage("Rival", closed=True),
        stage("No decision", closed=True),
        stage("Twin", closed=True),
    ]
    guesses = {guess.value: guess.outcome for guess in guess_outcomes(found, {})}
    assert guesses["Signed"] is Outcome.WON
    assert guesses["No decision"] is Outcome.NO_DECISION
    assert sorted([str(guesses["Rival"]), str(guesses["Twin"])]) == ["None", "lost"]


def test_without_a_word_from_the_system_plain_names_end_a_purchase() -> None:
    found = [stage("Win plan"), stage("Closed Won"), stage("Lost"), stage("Evaluation")]
    assert [one.label for one in closed_stages(found)] == ["Closed Won", "Lost"]
    assert [one.label for one in closed_stages([*found, stage("Off", closed=True)])] == ["Off"]


# --- fields ------------------------------------------------------------------------------------------------------


def described(name: str, type: Any = "text", label: str = "", **more: Any) -> SystemField:
    return SystemField(more.pop("object", "people"), name, label or name, type, **more)


def fields(starter: dict[str, Any], *found: SystemField, kind: Kind = Kind.PERSON) -> dict[str, Any]:
    objects = list(dict.fromkeys(field.object for field in found)) or ["people"]
    live = LiveSystem(INFO, fields={o: tuple(f for f in found if f.object == o) for o in objects})
    return {guess.name: guess for guess in guess_fields(kind, objects, starter, live)}


def test_a_field_that_is_there_stays() -> None:
    guess = fields({"email": "mail"}, described("mail", label="E-mail"))["email"]
    assert (guess.field, guess.confidence, dict(guess.also)) == ("mail", 95, {})


def test_a_field_under_another_name_is_found_by_what_it_is_called() -> None:
    guess = fields({"title": "jobtitle"}, described("pos_7", label="Job Title"))["title"]
    assert (guess.field, guess.confidence) == ("pos_7", 85)


@pytest.mark.parametrize(
    "found",
    [
        (described("x", label="Mobile phone"),),
        (described("a", label="Phone"), described("b", label="phone")),
        (described("phone", "number"),),
    ],
)
def test_a_field_is_left_out_where_its_name_or_type_does_not_fit_or_two_do(found: tuple[SystemField, ...]) -> None:
    assert fields({"phone": "tel"}, *found)["phone"].field is None


def test_a_field_that_cannot_be_written_is_only_heard() -> None:
    assert dict(fields({"email": "mail"}, described("mail", read_only=True))["email"].also) == {"direction": "in"}


def test_money_is_in_the_systems_own_currency() -> None:
    guess = fields({"amount": {"field": "a", "currency": "USD"}}, described("a", "number"), kind=Kind.OPPORTUNITY)
    assert dict(guess["amount"].also) == {"currency": "EUR"}


def test_fields_of_ours_that_the_starter_leaves_out_are_added_if_they_are_there() -> None:
    found = fields(
        {"email": "mail"}, described("mail"), described("town", label="City"), described("owner_x", "owner")
    )
    assert found["city"].field == "town"
    assert found["city"].is_new
    assert set(found) == {"email", "city"}


def test_a_field_that_objects_spell_differently_is_named_for_each() -> None:
    found = fields(
        {"city": "City"},
        described("City", object="Lead"),
        described("MailingCity", label="Mailing City", object="Contact"),
    )
    assert found["city"].field == {"Lead": "City", "Contact": "MailingCity"}


# --- people --------------------------------------------------------------------------------------------------------


def test_active_users_are_people_matched_by_address_and_queues_are_not() -> None:
    users = [
        SystemOwner("1", "Ada Lovelace", "ADA@us.example", True),
        SystemOwner("2", "Bob", "bob@us.example", True),
        SystemOwner("3", "Old", "old@us.example", False),
        SystemOwner("4", "Round robin", None, True, queue=True),
        SystemOwner("5", "Bob", None, True),
    ]
    team = Team((Owner("ada", "Ada", "ada@us.example"), Owner("eve", "Eve", "eve@us.example")))
    before = (
        '[[people]]\nkey = "ada"\nemail = "ada@us.example"\n\n[[people]]\nkey = "eve"\nemail = "eve@us.example"\n'
    )
    found = guess_team(users, "crm", team, before)
    assert [(person.key, person.is_new) for person in found.people] == [
        ("ada", False),
        ("bob", True),
        ("bob-2", True),
    ]
    assert found.strangers == ("Eve",)
    assert found.left_out == 2
    assert found.text.startswith(before)
    assert 'email = "bob@us.example"' in found.text
    assert 'users = { crm = "5" }' in found.text


def test_two_users_with_one_address_are_told_apart_by_id() -> None:
    users = [SystemOwner(id, name, "desk@us.example", True) for id, name in (("1", "Ada"), ("2", "Bob"))]
    text = guess_team(users, "crm", Team(), None).text
    assert text.count("users = { crm = ") == 2


# --- the whole file ------------------------------------------------------------------------------------------------


def proposal(live: LiveSystem, process: Process = PROCESS, starter: str = STARTER) -> Proposal:
    return propose("crm", starter, process, live, Team(), None)


def live(*pipelines: Pipeline, **more: Any) -> LiveSystem:
    people = (described("mail", label="E-mail"), described("instep_id"))
    deals = (
        described("title", object="deals"),
        described("amount", "number", object="deals"),
        described("due", "date", "Due", object="deals", required=True),
    )
    return LiveSystem(INFO, pipelines, {"people": people, "deals": deals}, keeps_consents=True, **more)


def test_what_stood_in_the_starter_stays_but_for_what_the_system_says() -> None:
    text = proposal(live(pipeline(stage("Evaluation", id="talks")))).mapping
    assert "# Above the values." in text
    assert text.rstrip().endswith("# --- The end ---")
    assert "# --- Opportunities ---\n[opportunity]" in text
    assert '# phone = "phone"  # ? there is no phone' in text
    assert 'email = "mail"  # 95: there: "E-mail", text; where to write' in text
    assert 'decision = "talks"  # ' in text


def test_what_is_missing_is_asked() -> None:
    said = [str(question) for question in proposal(live(pipeline(stage("Zorp")))).questions]
    assert said == [
        'opportunity.pipelines.main: "Zorp": nothing here is named like it',
        'opportunity.required: deals demands due ("Due") of new records, and nothing gives it',
        "person.stages: is as the connector proposes it: the system does not list its stages",
        "person.fields.phone: is left out: there is no phone",
    ]


def test_a_key_to_match_by_whose_field_is_gone_is_dropped() -> None:
    bare = LiveSystem(INFO, (), {"people": (described("x"),), "deals": ()}, keeps_consents=True)
    found = proposal(bare)
    assert 'match = ["instep_id"]' in found.mapping
    assert "person.match: no longer names email: there is no field for it" in [str(q) for q in found.questions]


def test_consent_that_nothing_keeps_is_left_out_and_a_field_suggested() -> None:
    fields = {"people": (described("mail"), described("optout", "boolean", "Email Opt Out")), "deals": ()}
    found = proposal(LiveSystem(INFO, (), fields))
    assert "[person.consent]" not in found.mapping
    assert [question.choices for question in found.questions if question.place == "person.consent"] == [("optout",)]


def test_a_list_in_a_plain_field_is_read_from_its_options() -> None:
    options = (Option("lead", "Lead"), Option("x7", "Customer"))
    fields = {"people": (described("mail"), described("status", "choice", options=options)), "deals": ()}
    text = proposal(LiveSystem(INFO, (), fields, keeps_consents=True)).mapping
    assert 'purchase = "x7"  # 95: "Customer", it is a word for it' in text
    assert 'lands_on = { lead = "research" }' in text


SEGMENTS = """\
preset = "b2b-11"
[[segments]]
key = "tea"
label = "Tea traders"
when = { field = "company.industry", eq = "Tea" }
[[segments.stages]]
key = "interest"
[[segments.stages]]
key = "tasting"
label = "Tasting"
role = "sales"
enter = { any = ["requests-call"] }
[[segments.stages]]
key = "purchase"
"""


@pytest.fixture
def tea(tmp_path: Path) -> Process:
    (tmp_path / "process.toml").write_text(SEGMENTS, encoding="utf-8")
    return read_process_file(tmp_path / "process.toml", "process.toml").read.process


def test_a_pipeline_that_is_called_like_a_segment_is_its_own(tea: Process) -> None:
    pipes = [
        pipeline(stage("Lead"), stage("Tasting", 1), id="7", label="TEA TRADERS"),
        pipeline(stage("Lead"), stage("Tasting", 1)),
        pipeline(stage("Lead"), id="8", label="Partners"),
    ]
    found = proposal(live(*pipes), tea)
    tables = {table.name: table for table in found.tables if table.pipeline}
    assert {name: table.segments for name, table in tables.items()} == {
        "tea-traders": ("tea",),
        "main": None,
        "partners": (),
    }
    assert [guess.stage for guess in tables["tea-traders"].stages] == ["interest", "tasting"]
    assert any("says of no segment" in question.text for question in found.questions)


# --- whatever a system lists ---------------------------------------------------------------------------------------

LABELS = [
    "New",
    "Qualified",
    "1. Demo",
    "Evaluation",
    "PROPOSAL",
    "Closing",
    "Contract",
    "Customer",
    "Dormant",
    "Won",
]
LABELS += [
    "Lost",
    "No decision",
    "Zorp",
    "Verhandlung",
    'a "quoted" one',
    "back\\slash",
    "tab\tand\nline",
    "# hash",
    "é",
]
PROBABILITIES = st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.55, 0.9, 1.0])


def _drawn(draw: Any, id: str, label: str, place: int) -> SystemStage:
    closed = draw(st.booleans())
    return SystemStage(id, label, place, closed, closed and draw(st.booleans()), draw(PROBABILITIES))


@st.composite
def pipelines(draw: Any) -> tuple[Pipeline, ...]:
    found = []
    ids = st.text("abc1 .\"'", min_size=1, max_size=4).filter(lambda text: bool(text.strip()))
    for place in range(draw(st.integers(1, 3))):
        labels = draw(st.lists(st.sampled_from(LABELS), max_size=9, unique=True))
        stages = tuple(_drawn(draw, f"{draw(ids)}{number}", label, number) for number, label in enumerate(labels))
        name = draw(st.sampled_from(["Main", "Tea traders", "Partners", "-", "Main"]))
        found.append(Pipeline("deals", "main" if place == 0 else f"p{place}", name, stages))
    statuses = draw(st.lists(st.sampled_from(LABELS), max_size=9, unique=True))
    listed = tuple(SystemStage(label, label, place) for place, label in enumerate(statuses))
    return (*found, Pipeline("people", "status", "Status", listed)) if draw(st.booleans()) else tuple(found)


@pytest.mark.parametrize("preset", ["b2b-11", "hourglass-8", "pipeline-7"])
@settings(max_examples=examples(40), deadline=None)
@given(found=pipelines())
def test_whatever_is_proposed_passes_the_check_and_leaves_no_value_unsaid(
    preset: str, found: tuple[Pipeline, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "mappings").mkdir()
        (root / "sync.toml").write_text('[connections.crm]\nplugin = "some-crm"\n', encoding="utf-8")
        text = SEGMENTS if preset == "b2b-11" else f'preset = "{preset}"\n'
        (root / "mappings/process.toml").write_text(text, encoding="utf-8")
        process = read_process_file(root / "mappings/process.toml", "process.toml").read.process
        made = proposal(live(*found), process)
        (root / "mappings/crm.toml").write_text(made.mapping, encoding="utf-8")
        (root / "mappings/team.toml").write_text(made.team.text, encoding="utf-8")
        workspace = load_workspace(root)

    mapped = workspace.mappings["crm"].entities
    order = process.order()
    for guess in made.tables:
        entity = mapped[guess.kind]
        wanted = guess.pipeline.id if guess.pipeline else None
        [table] = [table for table in entity.tables() if table.pipeline == wanted]
        looked = [g.stage for g in guess.stages if g.stage and not process.stage(g.stage).latent]
        assert [order[key] for key in looked] == sorted({order[key] for key in looked})
        assert all(THRESHOLD <= g.confidence <= 100 for g in guess.stages if g.stage)
        said = {*table.values.values(), *table.outcomes.values(), *(g.value for g in guess.asked())}
        assert said >= {g.value for g in (*guess.stages, *guess.outcomes)}
        for g in guess.stages:
            assert table.get(g.value, None, process) == g.stage
