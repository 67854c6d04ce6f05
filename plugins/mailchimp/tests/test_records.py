import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from instep.contract import Create, Delete, Erase, FieldSpec, Gone, Missing, Rejected, Seen, Update, Written
from instep.testing import Workbench
from instep_mailchimp.sandbox import API_KEY, AUDIENCE, MailchimpWorld

TAGS = ("Interested", "Considering", "Customer")


@pytest.fixture(autouse=True)
def key(bench: Workbench) -> None:
    bench.connection.fields.create(FieldSpec("members", "INSTEP_ID", "Instep id", "text", unique=True))


def write(bench, *writes, connection=None, fields=()):
    return (connection or bench.connection).records.write("members", writes, fields)


def new(email="new@x.example", key="k1", **fields):
    return Create("INSTEP_ID", key, {"email_address": email, **fields})


def statuses(world):
    return {email: world.look(email)["status"] for email in world.emails()}


# --- who is subscribed --------------------------------------------------------------------------------------------


def test_nobody_is_subscribed_by_being_created(bench: Workbench, world: MailchimpWorld) -> None:
    write(bench, new())
    assert statuses(world) == {"new@x.example": "transactional"}


@pytest.mark.parametrize("status", ["pending", "unsubscribed"])
def test_the_settings_say_what_somebody_new_becomes(bench: Workbench, world: MailchimpWorld, status: str) -> None:
    write(bench, new(), connection=bench.connect(bench.settings(new_members=status)))
    assert statuses(world) == {"new@x.example": status}


@pytest.mark.parametrize("said", [True, "true"])
def test_somebody_new_who_opted_out_elsewhere_is_unsubscribed(
    bench: Workbench, world: MailchimpWorld, said: object
) -> None:
    connection = bench.connect(bench.settings(new_members="pending"))
    write(bench, new(unsubscribed=said), connection=connection)
    assert statuses(world) == {"new@x.example": "unsubscribed"}


@pytest.mark.parametrize("name", ["unsubscribed", "vip"])
def test_what_is_neither_yes_nor_no_is_refused(bench: Workbench, world: MailchimpWorld, name: str) -> None:
    (outcome,) = write(bench, new(**{name: "perhaps"}))
    assert (outcome.code, outcome.field, world.emails()) == ("invalid_value", name, [])


@pytest.mark.parametrize("status", ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"])
def test_writing_fields_leaves_the_status_as_it_is(bench: Workbench, world: MailchimpWorld, status: str) -> None:
    id = world.add_member("a@x.example", status, INSTEP_ID="k1")
    write(bench, Update(id, {"FNAME": "Ada"}, {}))
    write(bench, new("a@x.example", FNAME="Ada L."))
    assert world.look(id)["status"] == status
    assert world.look(id)["merge_fields"]["FNAME"] == "Ada L."


def test_a_record_that_says_unsubscribed_unsubscribes(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    (outcome,) = write(bench, Update(id, {"unsubscribed": True}, {}))
    assert isinstance(outcome, Written)
    assert world.look(id)["status"] == "unsubscribed"


def test_an_unsubscribe_is_not_lifted_by_writing_a_field(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.unsubscribe(id, by="admin")
    (outcome,) = write(bench, Update(id, {"unsubscribed": False}, {}))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "compliance"
    assert world.look(id)["status"] == "unsubscribed"


# --- who is who ---------------------------------------------------------------------------------------------------


def test_a_changed_address_keeps_the_record(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("old@x.example")
    hash_before = world.look(id)["id"]
    (outcome,) = write(bench, Update(id, {"email_address": "new@x.example"}, {}), fields=["email_address"])
    assert (outcome.id, outcome.fields) == (id, {"email_address": "new@x.example"})
    assert world.look(id)["id"] != hash_before
    assert isinstance(bench.records.read("members", [id], [])[0], Seen)


def test_a_member_changing_their_own_address_is_the_same_record(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("old@x.example")
    cursor = bench.end("members")
    world.change_email(id, "own@x.example")
    seen = [item for page in bench.pages("members", ["email_address"], cursor) for item in page.items]
    assert [(item.id, item.fields) for item in seen] == [(id, {"email_address": "own@x.example"})]


def test_an_address_in_capitals_is_the_same_person(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("ada@x.example", INSTEP_ID="k1")
    (outcome,) = write(bench, new("Ada@X.Example"))
    assert (outcome.id, outcome.created) == (id, False)
    assert len(world.emails()) == 1


def test_an_address_that_others_have_is_refused_and_names_them(bench: Workbench, world: MailchimpWorld) -> None:
    holder, other = world.add_member("a@x.example"), world.add_member("b@x.example")
    (outcome,) = write(bench, Update(other, {"email_address": "a@x.example"}, {}))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.existing_id) == ("duplicate", holder)


def test_a_member_whom_instep_did_not_make_is_not_overwritten_by_a_create(
    bench: Workbench, world: MailchimpWorld
) -> None:
    holder = world.add_member("new@x.example", FNAME="Held")
    (outcome,) = write(bench, new(FNAME="Other"))
    assert (outcome.code, outcome.existing_id) == ("duplicate", holder)
    assert world.look(holder)["merge_fields"]["FNAME"] == "Held"


def test_two_creates_of_one_address_in_one_call_do_not_overwrite_each_other(
    bench: Workbench, world: MailchimpWorld
) -> None:
    first, second = write(bench, new(FNAME="One"), new(key="k2", FNAME="Two"))
    assert isinstance(first, Written)
    assert (second.code, second.existing_id) == ("duplicate", first.id)
    assert world.look(first.id)["merge_fields"]["FNAME"] == "One"


def test_a_create_finds_its_own_key_under_another_address(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("moved@x.example", INSTEP_ID="k1")
    (outcome,) = write(bench, new("before@x.example"))
    assert (outcome.id, outcome.created) == (id, False)
    assert len(world.emails()) == 1


def test_a_create_without_an_address_is_refused(bench: Workbench, world: MailchimpWorld) -> None:
    (outcome,) = write(bench, Create("INSTEP_ID", "k1", {"FNAME": "Nobody"}))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, world.emails()) == ("no_email", [])


def test_an_address_that_mailchimp_takes_for_fake_is_refused_alone(bench: Workbench, world: MailchimpWorld) -> None:
    first, second = write(bench, new("no address"), new("good@x.example", "k2"))
    assert (first.code, first.field) == ("invalid_value", "email_address")
    assert isinstance(second, Written)


def test_keys_are_found_after_they_changed(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example", INSTEP_ID="k1")
    find = lambda key: [item.id for item in bench.records.find("members", "INSTEP_ID", [key], [])[0]]  # noqa: E731
    assert find("k1") == [id]
    bench.write("members", [Update(id, {"INSTEP_ID": "k2"}, {})])
    assert (find("k1"), find("k2")) == ([], [id])


# --- archived and forgotten ---------------------------------------------------------------------------------------


def test_deleting_archives_and_erasing_forgets(bench: Workbench, world: MailchimpWorld) -> None:
    kept, lost = world.add_member("a@x.example"), world.add_member("b@x.example")
    assert all(isinstance(outcome, Written) for outcome in write(bench, Delete(kept), Erase(lost)))
    assert statuses(world) == {"a@x.example": "archived"}
    assert [type(item) for item in bench.records.read("members", [kept, lost], [])] == [Gone, Gone]


def test_an_archived_member_can_still_be_erased(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.archive(id)
    (outcome,) = write(bench, Erase(id))
    assert isinstance(outcome, Written)
    assert world.emails() == []


def test_an_archived_member_is_not_brought_back_by_a_create(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("new@x.example", INSTEP_ID="k1")
    world.archive(id)
    (outcome,) = write(bench, new())
    assert outcome.code == "archived"
    assert statuses(world) == {"new@x.example": "archived"}


def test_a_write_to_an_archived_member_is_not_sent(bench: Workbench, world: MailchimpWorld) -> None:
    bench.behave(archived_without_status_revives=True)
    id = world.add_member("a@x.example")
    world.archive(id)
    bench.sandbox.log.clear()
    (outcome,) = write(bench, Update(id, {"FNAME": "Back?"}, {}))
    assert isinstance(outcome, Missing)
    assert not bench.sandbox.log.writes()


def test_a_forgotten_address_is_refused_with_what_to_do(bench: Workbench, world: MailchimpWorld) -> None:
    world.forget(world.add_member("new@x.example"))
    (outcome,) = write(bench, new())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "forgotten"
    assert "sign up again" in outcome.reason
    assert world.emails() == []


def test_an_archived_holder_of_a_key_is_found_as_gone(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example", INSTEP_ID="k1")
    world.archive(id)
    ((found,),) = bench.records.find("members", "INSTEP_ID", ["k1"], [])
    assert (type(found), found.id) == (Gone, id)


# --- values -------------------------------------------------------------------------------------------------------


def test_merge_fields_are_typed_by_their_kind(bench: Workbench, world: MailchimpWorld) -> None:
    for tag, kind in (("AGE", "number"), ("SHARE", "number"), ("SINCE", "date"), ("BDAY", "birthday")):
        world.add_field(tag, kind)
    world.add_field("SIZE", "dropdown", choices=["S", "M"])
    address = {"addr1": "Way 1", "city": "Ulm", "state": "BW", "zip": "89073", "country": "DE"}
    id = world.add_member("a@x.example", ADDRESS=address)
    values = {"AGE": 7, "SHARE": Decimal("0.5"), "SINCE": date(2026, 1, 5), "SIZE": "M", "BDAY": "05/31"}
    (outcome,) = write(bench, Update(id, values, {}), fields=[*values, "ADDRESS.city", "ADDRESS.addr2"])
    told = {**values, "ADDRESS.city": "Ulm", "ADDRESS.addr2": None}
    assert outcome.fields == told
    assert bench.fields_of("members", id, list(told)) == told


def test_every_kind_of_merge_field_can_be_cleared(bench: Workbench, world: MailchimpWorld) -> None:
    kinds = {"AGE": "number", "SINCE": "date", "WORDS": "text", "BDAY": "birthday", "SITE": "url"}
    for tag, kind in kinds.items():
        world.add_field(tag, kind)
    world.add_field("SIZE", "radio", choices=["S"])
    id = world.add_member("a@x.example", AGE=1, SINCE="2026-01-05", WORDS="x", SIZE="S", BDAY="05/31", SITE="u")
    names = [*kinds, "SIZE"]
    (outcome,) = write(bench, Update(id, dict.fromkeys(names), {}), fields=names)
    assert outcome.fields == dict.fromkeys(names)


def test_yes_and_no_are_written_as_words_because_merge_fields_take_none(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member("a@x.example")
    write(bench, Update(id, {"FNAME": True}, {}))
    assert world.look(id)["merge_fields"]["FNAME"] == "true"


@pytest.mark.parametrize(
    ("tag", "kind", "value"),
    [("AGE", "number", "old"), ("AGE", "number", True), ("SIZE", "dropdown", "XL"), ("WORDS", "text", ("a", "b"))],
)
def test_a_value_of_another_kind_is_refused_and_nothing_is_sent(
    bench: Workbench, world: MailchimpWorld, tag: str, kind: str, value: object
) -> None:
    world.add_field(tag, kind, choices=["S"])
    id = world.add_member("a@x.example")
    (outcome,) = write(bench, Update(id, {tag: value}, {}))
    assert (outcome.code, outcome.field) == ("invalid_value", tag)
    assert not [call for call in bench.sandbox.log.writes() if call.label.startswith("members")]


def test_a_tag_that_the_audience_lacks_is_refused_though_mailchimp_would_drop_it(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member("a@x.example")
    (outcome,) = write(bench, Update(id, {"NOBODY": "x"}, {}))
    assert (outcome.code, outcome.field) == ("unknown_field", "NOBODY")


def test_a_field_that_was_made_meanwhile_is_known_at_once(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    write(bench, Update(id, {"FNAME": "x"}, {}))
    world.add_field("FRESH")
    (outcome,) = write(bench, Update(id, {"FRESH": "x"}, {}), fields=["FRESH"])
    assert outcome.fields == {"FRESH": "x"}


def test_a_field_that_was_deleted_is_absent_and_not_blank(bench: Workbench, world: MailchimpWorld) -> None:
    world.add_field("GONE")
    id = world.add_member("a@x.example", GONE="x")
    assert bench.fields_of("members", id, ["GONE"]) == {"GONE": "x"}
    world.drop_field("GONE")
    assert bench.fields_of("members", id, ["GONE"]) == {}


def test_a_required_field_that_a_marketer_adds_does_not_stop_writes(bench: Workbench, world: MailchimpWorld) -> None:
    world.add_field("NEEDED", required=True)
    (outcome,) = write(bench, new())
    assert isinstance(outcome, Written)


def test_a_required_field_is_named_where_the_settings_want_it(bench: Workbench, world: MailchimpWorld) -> None:
    world.add_field("NEEDED", required=True)
    (outcome,) = write(bench, new(), connection=bench.connect(bench.settings(skip_required=False)))
    assert (outcome.code, outcome.field) == ("required", "NEEDED")


def test_mailchimps_own_fields_are_typed_and_some_can_be_written(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example", by_form=True)
    write(bench, Update(id, {"vip": True, "language": "de", "email_type": "text"}, {}))
    found = bench.fields_of("members", id, ["vip", "language", "email_type", "status", "timestamp_signup", "source"])
    assert found == {
        "vip": True,
        "language": "de",
        "email_type": "text",
        "status": "subscribed",
        "timestamp_signup": datetime(2026, 1, 5, 9, tzinfo=UTC),
        "source": "Hosted Signup Form",
    }


@pytest.mark.parametrize("name", ["status", "member_rating", "tags", "last_changed", "ADDRESS"])
def test_what_mailchimp_keeps_by_itself_cannot_be_written(bench: Workbench, world: MailchimpWorld, name: str) -> None:
    (outcome,) = write(bench, Update(world.add_member("a@x.example"), {name: "x"}, {}))
    assert (outcome.code, outcome.field) == ("read_only", name)


# --- the step in tags ---------------------------------------------------------------------------------------------


def staged(bench):
    return bench.connect(bench.settings(stage_tags=TAGS))


def test_a_member_has_one_tag_of_the_managed_set_and_keeps_all_others(
    bench: Workbench, world: MailchimpWorld
) -> None:
    id = world.add_member("a@x.example")
    world.tag(id, "Interested", "Considering", "Likes tea")
    (outcome,) = write(
        bench, Update(id, {"stage_tag": "Customer"}, {}), connection=staged(bench), fields=["stage_tag"]
    )
    assert outcome.fields == {"stage_tag": "Customer"}
    assert world.tags(id) == {"Customer", "Likes tea"}


def test_of_several_managed_tags_the_furthest_is_read(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.tag(id, "Considering", "Interested")
    (seen,) = staged(bench).records.read("members", [id], ["stage_tag", "tags"])
    assert seen.fields == {"stage_tag": "Considering", "tags": ("Considering", "Interested")}


def test_a_step_can_be_cleared_and_moved_back(bench: Workbench, world: MailchimpWorld) -> None:
    connection, id = staged(bench), world.add_member("a@x.example")
    for wanted in ("Customer", "Interested", None):
        write(bench, Update(id, {"stage_tag": wanted}, {}), connection=connection)
        assert world.tags(id) == ({wanted} if wanted else set())


def test_somebody_new_gets_their_tag(bench: Workbench, world: MailchimpWorld) -> None:
    (outcome,) = write(bench, new(stage_tag="Interested"), connection=staged(bench), fields=["stage_tag"])
    assert world.tags(outcome.id) == {"Interested"}
    assert outcome.created


def test_a_tag_that_is_there_already_is_not_sent_again(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.tag(id, "Customer")
    write(bench, Update(id, {"stage_tag": "Customer"}, {}), connection=staged(bench))
    assert not [call for call in bench.sandbox.log.writes() if call.label.startswith("members")]


def test_a_tag_outside_the_managed_set_is_refused(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    (outcome,) = write(bench, Update(id, {"stage_tag": "Other"}, {}), connection=staged(bench))
    assert (outcome.code, outcome.field) == ("invalid_value", "stage_tag")


def test_without_managed_tags_there_is_no_such_field(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    (outcome,) = write(bench, Update(id, {"stage_tag": "Customer"}, {}))
    assert outcome.code == "unknown_field"
    assert bench.fields_of("members", id, ["stage_tag"]) == {}


def test_of_more_than_fifty_tags_the_rest_counts_as_well(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.tag(id, *(f"t{number:02}" for number in range(60)), "Considering")
    connection = staged(bench)
    (seen,) = connection.records.read("members", [id], ["stage_tag", "tags"])
    assert (seen.fields["stage_tag"], len(seen.fields["tags"])) == ("Considering", 61)
    write(bench, Update(id, {"stage_tag": "Customer"}, {}), connection=connection)
    assert "Considering" not in world.tags(id)


# --- several audiences --------------------------------------------------------------------------------------------


def test_each_audience_is_an_object_of_its_own(bench: Workbench, world: MailchimpWorld) -> None:
    other = world.add_audience("Partners")
    connection = bench.connect(bench.settings(audiences={**bench.settings().audiences, "partners": other}))
    here, there = world.add_member("a@x.example"), world.add_member("b@x.example", audience=other)
    found = {
        object: [item.id for page in connection.records.changed_since(object, [], None) for item in page.items]
        for object in connection.records.objects
    }
    assert found == {"members": [here], "partners": [there]}


# --- paging -------------------------------------------------------------------------------------------------------


def read_all(pages, between):
    found = []
    for number, page in enumerate(pages):
        found += page.items
        if page.items:
            between(number)
    return found


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_members_that_change_while_pages_are_read_hide_no_others(
    bench: Workbench, world: MailchimpWorld, inclusive: bool, at_once: bool
) -> None:
    bench.behave(since_is_inclusive=inclusive)
    made = []
    for number in range(23):
        made.append(world.add_member(f"m{number:02}@x.example"))
        bench.clock.advance(timedelta(seconds=0 if at_once else 1))
    bench.clock.advance(timedelta(minutes=1))
    connection = bench.connect(bench.settings(page_size=4))
    changed = iter(made)

    def between(number: int) -> None:
        bench.clock.advance(timedelta(seconds=1))
        world.edit(next(changed), FNAME="Changed")

    pages = connection.records.changed_since("members", ["FNAME"], None)
    seen = [item for item in read_all(pages, between) if isinstance(item, Seen)]
    assert {item.id for item in seen} == set(made)


@pytest.mark.parametrize("switches", [{}, {"lists_archived": True}, {"since_is_inclusive": True}])
def test_archived_members_are_told_once_and_never_as_alive(
    bench: Workbench, world: MailchimpWorld, switches: dict[str, bool]
) -> None:
    bench.behave(**switches)
    kept, gone = world.add_member("a@x.example"), world.add_member("b@x.example")
    cursor = bench.end("members")
    world.archive(gone)
    pages = bench.pages("members", [], cursor)
    assert [(type(item), item.id) for page in pages for item in page.items] == [(Gone, gone)]
    assert not [item for page in bench.pages("members", [], pages[-1].cursor) for item in page.items]
    assert [item.id for page in bench.pages("members") for item in page.items if isinstance(item, Seen)] == [kept]


def test_a_member_that_is_unarchived_is_seen_again_and_can_go_again(bench: Workbench, world: MailchimpWorld) -> None:
    id = world.add_member("a@x.example")
    world.archive(id)
    cursor = bench.end("members")
    world.confirm(id)
    bench.clock.advance(timedelta(seconds=2))
    pages = bench.pages("members", [], cursor)
    assert [type(item) for page in pages for item in page.items] == [Seen]
    world.archive(id)
    pages = bench.pages("members", [], pages[-1].cursor)
    assert [type(item) for page in pages for item in page.items] == [Gone]


def test_a_cursor_of_a_clock_that_ran_ahead_reads_everything_again(bench: Workbench, world: MailchimpWorld) -> None:
    world.add_member("a@x.example")
    cursor = bench.end("members")
    ahead = cursor.replace('"2026-', '"2027-')
    assert ahead != cursor
    assert not [item for page in bench.pages("members", [], cursor) for item in page.items]
    assert len([item for page in bench.pages("members", [], ahead) for item in page.items]) == 1


def test_ten_rows_are_never_taken_for_all(bench: Workbench, world: MailchimpWorld) -> None:
    for number in range(30):
        world.add_member(f"m{number}@x.example")
    assert len([item for page in bench.pages("members") for item in page.items]) == 30
    asked = [call.query["count"] for call in bench.sandbox.log.calls("members.list")]
    assert set(map(tuple, asked)) == {("1000",)}


def test_a_quiet_read_costs_two_listings(bench: Workbench) -> None:
    cursor = bench.end("members")
    bench.sandbox.log.clear()
    bench.pages("members", [], cursor)
    assert bench.sandbox.log.count("members.list") == 2


def test_a_changed_switch_is_a_changed_answer(bench: Workbench, world: MailchimpWorld) -> None:
    world.archive(world.add_member("a@x.example"))
    bench.sandbox.personality = dataclasses.replace(bench.sandbox.personality, lists_archived=True)
    bench.pages("members")
    assert not [item for page in bench.pages("members") for item in page.items if isinstance(item, Seen)]


def test_members_of_one_second_that_change_while_they_are_read_hide_no_others(
    bench: Workbench, world: MailchimpWorld
) -> None:
    made = [world.add_member(f"m{number:02}@x.example") for number in range(20)]
    bench.clock.advance(timedelta(minutes=1))
    connection = bench.connect(bench.settings(page_size=4))
    changing, original = iter(made[:3]), bench.transport.send

    def send(action, *, label, writes, lane="default"):
        listed = bench.sandbox.log.count("members.list")
        if listed in (4, 5, 7) and (member := next(changing, None)):
            bench.clock.advance(timedelta(seconds=1))
            world.edit(member, FNAME="Changed")
        return original(action, label=label, writes=writes, lane=lane)

    bench.transport.send = send
    pages = list(connection.records.changed_since("members", ["FNAME"], None))
    assert {item.id for page in pages for item in page.items} == set(made)
    assert next(changing, None) is None


# --- tags and automations


def test_a_sync_starts_no_automation_that_waits_for_a_tag(
    bench: Workbench, world: MailchimpWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = []
    send = requests.Session.send

    def watched(self, request, **options):
        if request.url.endswith("/tags"):
            bodies.append(json.loads(request.body))
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    id = world.add_member("a@x.example")
    write(bench, Update(id, {"stage_tag": "Customer"}, {}), connection=staged(bench))
    assert bodies == [{"tags": [{"name": "Customer", "status": "active"}], "is_syncing": True}]


@pytest.mark.parametrize(("moves", "heard"), [(True, 1), (False, 0)])
def test_a_tag_that_a_colleague_sets_is_heard_where_it_moves_the_last_change(
    bench: Workbench, world: MailchimpWorld, moves: bool, heard: int
) -> None:
    bench.behave(tags_move_last_changed=moves)
    connection, id = staged(bench), world.add_member("a@x.example")
    cursor = bench.end("members")
    api = f"{bench.sandbox.url}/3.0/lists/{AUDIENCE}/members/{id}/tags"
    body = {"tags": [{"name": "Customer", "status": "active"}]}
    with requests.post(api, json=body, auth=("colleague", API_KEY), timeout=5) as answer:
        assert answer.status_code == 204
    bench.pass_time()
    pages = list(connection.records.changed_since("members", ["stage_tag"], cursor))
    assert len([item for page in pages for item in page.items]) == heard
