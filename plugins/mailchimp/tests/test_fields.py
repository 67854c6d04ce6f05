import pytest

from instep.contract import FieldSpec, Option, Rejected, Unknown, Written
from instep.testing import Workbench
from instep_mailchimp.sandbox import MailchimpWorld


def spec(name="STEP", type="text", **more):
    return FieldSpec("members", name, "A step", type, **more)


def named(bench, name):
    return next(field for field in bench.connection.fields.read("members") if field.name == name)


@pytest.mark.parametrize("name", ["ELEVENCHARS", "small", "WITH SPACE", "", "_FIRST"])
def test_a_name_that_is_no_merge_tag_is_refused_before_anything_is_sent(bench: Workbench, name: str) -> None:
    outcome = bench.connection.fields.create(spec(name))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "invalid_name"
    assert not bench.transport.sent


def test_the_longest_tag_is_accepted(bench: Workbench) -> None:
    assert isinstance(bench.connection.fields.create(spec("TENCHARS_1")), Written)


@pytest.mark.parametrize("type", ["boolean", "instant", "choices"])
def test_a_kind_that_mailchimp_lacks_is_refused(bench: Workbench, type: str) -> None:
    outcome = bench.connection.fields.create(spec(type=type))
    assert (outcome.code, outcome.field) == ("no_such_type", "STEP")


def test_a_choice_has_its_values_in_order_and_can_be_written(bench: Workbench, world: MailchimpWorld) -> None:
    options = (Option("b", "b"), Option("a", "a"))
    assert bench.connection.fields.create(spec(type="choice", options=options)).created
    found = named(bench, "STEP")
    assert (found.type, found.options) == ("choice", options)


def test_a_choice_that_is_there_is_given_what_it_lacks_and_keeps_the_rest(
    bench: Workbench, world: MailchimpWorld
) -> None:
    world.add_field("STEP", "dropdown", choices=["colleague's"])
    outcome = bench.connection.fields.create(spec(type="choice", options=(Option("a", "a"),)))
    assert isinstance(outcome, Written)
    assert not outcome.created
    assert [option.value for option in named(bench, "STEP").options or ()] == ["colleague's", "a"]


def test_a_field_of_another_kind_is_refused(bench: Workbench, world: MailchimpWorld) -> None:
    world.add_field("STEP", "number")
    outcome = bench.connection.fields.create(spec())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "different_type"


def test_our_own_field_is_hidden_from_people_and_not_required(bench: Workbench) -> None:
    import requests

    bench.connection.fields.create(spec())
    url = f"{bench.sandbox.url}/3.0/lists/a1b2c3d4e5/merge-fields?count=100"
    with requests.get(url, auth=("x", str(bench.sandbox.settings["api_key"])), timeout=5) as answer:
        (made,) = [field for field in answer.json()["merge_fields"] if field["tag"] == "STEP"]
    assert (made["public"], made["required"]) == (False, False)


def test_a_field_whose_creation_was_lost_is_unknown_and_found_the_next_time(bench: Workbench) -> None:
    bench.faults.arm(1)
    assert isinstance(bench.connection.fields.create(spec()), Unknown)
    outcome = bench.connection.fields.create(spec())
    assert isinstance(outcome, Written)
    assert not outcome.created


def test_the_fields_of_every_kind_are_told(bench: Workbench, world: MailchimpWorld) -> None:
    for tag, kind in (("N", "number"), ("D", "date"), ("R", "radio"), ("U", "url"), ("Z", "zip")):
        world.add_field(tag, kind, choices=["x"], required=tag == "N")
    found = {field.name: field for field in bench.connection.fields.read("members")}
    kinds = [found[tag].type for tag in ("N", "D", "R", "U", "Z", "BIRTHDAY", "ADDRESS.city", "unsubscribed")]
    assert kinds == ["number", "date", "choice", "text", "text", "text", "text", "boolean"]
    assert (found["N"].required, found["ADDRESS"].read_only, found["email_address"].unique) == (True, True, True)


def test_the_managed_tags_are_the_options_of_the_step(bench: Workbench) -> None:
    fields = bench.connect(bench.settings(stage_tags=("Interested", "Customer"))).fields.read("members")
    (step,) = [field for field in fields if field.name == "stage_tag"]
    assert [option.value for option in step.options or ()] == ["Interested", "Customer"]
    assert "stage_tag" not in {field.name for field in bench.connect().fields.read("members")}


def test_more_than_ten_merge_fields_are_read(bench: Workbench, world: MailchimpWorld) -> None:
    for number in range(20):
        world.add_field(f"F{number}")
    assert len({f.name for f in bench.connection.fields.read("members") if f.name.startswith("F")}) == 21
