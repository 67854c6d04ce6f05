"""Interests, tags and segments as the sandbox has them."""

import pytest

from instep_mailchimp.sandbox import AUDIENCE, MailchimpPersonality

LIST = f"/3.0/lists/{AUDIENCE}"
ADA, BEN = "ada@x.example", "ben@x.example"


@pytest.fixture
def people(sandbox):
    for email, name in ((ADA, "Ada"), (BEN, "Ben")):
        sandbox.world.add_member(email, FNAME=name)
    return sandbox.world


def saved(ask, *conditions, match="all"):
    body = {"name": "Saved", "options": {"match": match, "conditions": list(conditions)}}
    return ask("POST", f"{LIST}/segments", body).json()


def emails(ask, segment, query=""):
    found = ask("GET", f"{LIST}/segments/{segment['id']}/members?count=1000{query}").json()
    return sorted(member["email_address"] for member in found["members"])


def text(op, value="", field="FNAME"):
    return {"condition_type": "TextMerge", "field": field, "op": op, "value": value}


# --- interests


@pytest.fixture
def interests(ask, people):
    """The ids of two interests under one title."""
    category = ask("POST", f"{LIST}/interest-categories", {"title": "Topics", "type": "checkboxes"}).json()
    path = f"{LIST}/interest-categories/{category['id']}/interests"
    return [ask("POST", path, {"name": name}).json()["id"] for name in ("News", "Offers")]


def test_a_member_shows_every_interest_and_a_partial_change_leaves_the_others(ask, interests) -> None:
    news, offers = interests
    path = f"{LIST}/members/{ADA}"
    assert ask("GET", path).json()["interests"] == {news: False, offers: False}
    ask("PATCH", path, {"interests": {news: True}})
    ask("PATCH", path, {"interests": {offers: True}})
    assert ask("GET", path).json()["interests"] == {news: True, offers: True}


def test_an_interest_that_is_not_there_is_refused(ask, interests) -> None:
    assert ask("PATCH", f"{LIST}/members/{ADA}", {"interests": {"none": True}}).status_code == 400
    assert ask("PATCH", f"{LIST}/members/{ADA}", {"interests": {interests[0]: "yes"}}).status_code == 400


@pytest.mark.parametrize(("match", "expected"), [("any", [ADA]), ("all", []), ("none", [BEN])])
def test_members_are_listed_by_their_interests(ask, interests, match, expected) -> None:
    ask("PATCH", f"{LIST}/members/{ADA}", {"interests": {interests[0]: True}})
    query = f"interest_category_id=x&interest_ids={','.join(interests)}&interest_match={match}"
    found = ask("GET", f"{LIST}/members?{query}").json()["members"]
    assert [member["email_address"] for member in found] == expected


def test_deleting_an_interest_or_its_title_unticks_it_everywhere(ask, interests) -> None:
    ask("PATCH", f"{LIST}/members/{ADA}", {"interests": dict.fromkeys(interests, True)})
    (category,) = ask("GET", f"{LIST}/interest-categories").json()["categories"]
    path = f"{LIST}/interest-categories/{category['id']}"
    assert ask("DELETE", f"{path}/interests/{interests[0]}").status_code == 204
    assert ask("GET", f"{LIST}/members/{ADA}").json()["interests"] == {interests[1]: True}
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", f"{LIST}/members/{ADA}").json()["interests"] == {}


def test_an_interest_counts_its_members_in_a_text(ask, interests) -> None:
    ask("PATCH", f"{LIST}/members/{ADA}", {"interests": {interests[0]: True}})
    (category,) = ask("GET", f"{LIST}/interest-categories").json()["categories"]
    found = ask("GET", f"{LIST}/interest-categories/{category['id']}/interests").json()["interests"]
    assert [(row["name"], row["subscriber_count"]) for row in found] == [("News", "1"), ("Offers", "0")]


def test_a_title_of_an_unknown_type_is_refused(ask) -> None:
    body = {"title": "Topics", "type": "sliders"}
    assert ask("POST", f"{LIST}/interest-categories", body).status_code == 400


# --- static segments, which are tags


def test_a_static_segment_and_a_tag_are_one_thing(ask, people) -> None:
    made = ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": [ADA, "nobody@x.example"]}).json()
    assert (made["type"], made["member_count"], people.tags(ADA)) == ("static", 1, {"mql"})
    people.tag(BEN, "mql")
    assert emails(ask, made) == [ADA, BEN]
    assert ask("DELETE", f"{LIST}/segments/{made['id']}").status_code == 204
    assert people.tags(ADA) == people.tags(BEN) == set()


@pytest.mark.parametrize("field", ["members_to_add", "members_to_remove"])
def test_five_hundred_members_at_once_are_added_or_removed_and_no_more(ask, people, field) -> None:
    made = ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": []}).json()
    path, many = f"{LIST}/segments/{made['id']}", [f"m{n}@x.example" for n in range(500)]
    assert ask("POST", path, {field: many}).status_code == 200
    assert ask("POST", path, {field: [*many, ADA]}).status_code == 400
    assert ask("POST", f"{LIST}/segments", {"name": "x", "static_segment": [*many, ADA]}).status_code == 400


def test_only_who_was_not_in_a_segment_counts_as_added(ask, people) -> None:
    made = ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": [ADA]}).json()
    found = ask("POST", f"{LIST}/segments/{made['id']}", {"members_to_add": [ADA, BEN]}).json()
    assert [member["email_address"] for member in found["members_added"]] == [BEN]


def test_one_member_is_added_and_removed_by_calls_of_their_own(ask, people) -> None:
    made = ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": []}).json()
    path = f"{LIST}/segments/{made['id']}/members"
    assert ask("POST", path, {"email_address": ADA}).status_code == 200
    assert people.tags(ADA) == {"mql"}
    assert ask("DELETE", f"{path}/{ADA}").status_code == 204
    assert ask("DELETE", f"{path}/{ADA}").status_code == 404


def test_a_static_segment_takes_another_name_and_exactly_the_members_it_is_given(ask, people) -> None:
    made = ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": [ADA]}).json()
    ask("PATCH", f"{LIST}/segments/{made['id']}", {"name": "sql", "static_segment": [BEN]})
    assert (people.tags(ADA), people.tags(BEN)) == (set(), {"sql"})


# --- saved segments, which are rules


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (text("is", "ada"), [ADA]),
        (text("not", "Ada"), [BEN]),
        (text("contains", "e"), [BEN]),
        (text("blank", field="LNAME"), [ADA, BEN]),
        (text("blank_not", field="LNAME"), []),
        ({"condition_type": "EmailAddress", "field": "EMAIL", "op": "starts", "value": "b"}, [BEN]),
        ({"condition_type": "VIP", "field": "gmonkey", "op": "notmember"}, [ADA, BEN]),
        ({"condition_type": "MemberRating", "field": "rating", "op": "greater", "value": 2}, []),
        ({"condition_type": "MemberRating", "field": "rating", "op": "less", "value": 3}, [ADA, BEN]),
    ],
)
def test_whoever_fits_the_conditions_is_in_a_saved_segment(ask, people, condition, expected) -> None:
    assert emails(ask, saved(ask, condition)) == expected


def test_conditions_are_joined_by_any_or_all(ask, people) -> None:
    both = (text("is", "Ada"), text("is", "Ben"))
    assert emails(ask, saved(ask, *both, match="any")) == [ADA, BEN]
    assert emails(ask, saved(ask, *both, match="all")) == []


def test_a_condition_may_ask_for_a_tag_or_an_interest(ask, people, interests) -> None:
    people.tag(ADA, "mql")
    ask("PATCH", f"{LIST}/members/{BEN}", {"interests": {interests[0]: True}})
    (tag,) = ask("GET", f"{LIST}/segments?type=static").json()["segments"]
    tagged = {"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is", "value": tag["id"]}
    ticked = {"condition_type": "Interests", "field": "interests-x", "op": "interestcontains", "value": interests}
    assert (emails(ask, saved(ask, tagged)), emails(ask, saved(ask, ticked))) == ([ADA], [BEN])


def test_membership_of_a_saved_segment_moves_with_the_members_and_not_with_their_last_change(
    sandbox, ask, people
) -> None:
    people.tag(ADA, "mql")
    (tag,) = ask("GET", f"{LIST}/segments").json()["segments"]
    segment = saved(
        ask, {"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is", "value": tag["id"]}
    )
    before = people.look(ADA)["last_changed"]
    sandbox.clock.sleep(60)
    people.untag(ADA, "mql")
    assert (emails(ask, segment), people.look(ADA)["last_changed"]) == ([], before)


def test_nobody_is_put_into_a_saved_segment_by_hand(ask, people) -> None:
    segment = saved(ask, text("is", "Ada"))
    assert ask("POST", f"{LIST}/segments/{segment['id']}", {"members_to_add": [BEN]}).status_code == 400
    assert emails(ask, segment) == [ADA]


def test_a_segment_with_both_members_and_conditions_is_refused(ask) -> None:
    body = {"name": "x", "static_segment": [], "options": {"match": "all", "conditions": [text("blank")]}}
    assert ask("POST", f"{LIST}/segments", body).status_code == 400


@pytest.mark.parametrize(
    "options", [{"match": "some"}, {"match": "all", "conditions": []}, {"match": "all", "conditions": [text("near")]}]
)
def test_conditions_that_make_no_sense_are_refused(ask, options) -> None:
    assert ask("POST", f"{LIST}/segments", {"name": "x", "options": options}).status_code == 400


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "transactional"])
def test_a_segment_tells_subscribed_members_unless_others_are_asked_for(sandbox, ask, people, status) -> None:
    sandbox.world.add_member("other@x.example", status)
    segment = saved(ask, text("blank", field="LNAME"))
    assert emails(ask, segment) == [ADA, BEN]
    assert emails(ask, segment, f"&include_{status}=true") == [ADA, BEN, "other@x.example"]


def test_the_members_of_a_segment_tell_neither_their_contact_id_nor_their_tags(ask, people) -> None:
    segment = saved(ask, text("is", "Ada"))
    (member,) = ask("GET", f"{LIST}/segments/{segment['id']}/members").json()["members"]
    assert "unique_email_id" in member
    assert not {"contact_id", "tags"} & set(member)


def test_the_conditions_of_a_saved_segment_can_be_changed_and_it_can_be_deleted(ask, people) -> None:
    segment = saved(ask, text("is", "Ada"))
    path = f"{LIST}/segments/{segment['id']}"
    ask("PATCH", path, {"name": "Saved", "options": {"match": "all", "conditions": [text("is", "Ben")]}})
    assert emails(ask, segment) == [BEN]
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", path).status_code == 404


@pytest.mark.parametrize("moves", [True, False])
def test_whether_tags_move_the_last_change_is_a_switch_for_segments_too(sandbox, ask, people, moves) -> None:
    sandbox.personality = MailchimpPersonality(tags_move_last_changed=moves)
    before = people.look(ADA)["last_changed"]
    sandbox.clock.sleep(60)
    ask("POST", f"{LIST}/segments", {"name": "mql", "static_segment": [ADA]})
    assert (people.look(ADA)["last_changed"] > before) is moves
