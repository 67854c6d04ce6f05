"""What surrounds the records in the HubSpot sandbox: associations, owners, properties, stages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import urllib3
from hubspot import HubSpot

from instep.sandbox import VirtualClock
from instep_hubspot.sandbox import hubspot_sandbox


@pytest.fixture
def sandbox():
    with hubspot_sandbox(clock=VirtualClock()) as running:
        yield running


@pytest.fixture
def api(sandbox):
    """Gives API objects by their dotted name, e.g. `crm.owners.owners_api`, and closes them."""
    hubspot, held = HubSpot(access_token="pat-na1-sandbox", host=sandbox.url), {}

    def named(path):
        if path not in held:
            found = hubspot
            for part in path.split("."):
                found = getattr(found, part)
            held[path] = found
        return held[path]

    yield named
    for one in held.values():
        one.api_client.close()
        one.api_client.rest_client.pool_manager.clear()


def refusal(call, *args, **kwargs):
    with pytest.raises(Exception, match="Reason") as caught:
        call(*args, **kwargs)
    return caught.value.status, json.loads(caught.value.body)


def spec(type_id, category="HUBSPOT_DEFINED"):
    return [{"associationCategory": category, "associationTypeId": type_id}]


def tied(api, here, id, there):
    page = api("crm.associations.v4.basic_api").get_page(here, id, there)
    return {str(link.to_object_id): {kind.type_id for kind in link.association_types} for link in page.results}


def test_a_new_primary_company_demotes_the_old_one(sandbox, api):
    contact = sandbox.world.create("contacts", email="a@x.example")
    old, new = (sandbox.world.create("companies", name=name) for name in "AB")
    associations = api("crm.associations.v4.basic_api")
    for company in (old, new):
        assert associations.create("contacts", contact, "companies", company, spec(1)) is not None
    assert tied(api, "contacts", contact, "companies") == {old: {279}, new: {1, 279}}
    assert tied(api, "companies", old, "contacts") == {contact: {280}}
    assert sandbox.world.read("contacts", contact)["associatedcompanyid"] == new


def test_the_plain_association_is_the_default(sandbox, api):
    deal = sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    contact = sandbox.world.create("contacts", email="a@x.example")
    associations = api("crm.associations.v4.basic_api")
    for _ in range(2):
        associations.create_default("deals", deal, "contacts", contact)
    assert tied(api, "contacts", contact, "deals") == {deal: {4}}


def test_removing_an_association_removes_all_its_labels(sandbox, api):
    contact = sandbox.world.create("contacts", email="a@x.example")
    company = sandbox.world.create("companies", name="X")
    labels = api("crm.associations.v4.schema.definitions_api")
    made = labels.create("contacts", "companies", {"label": "Adviser", "name": "adviser"})
    associations = api("crm.associations.v4.basic_api")
    mine = made.results[0].type_id
    associations.create("contacts", contact, "companies", company, spec(mine, "USER_DEFINED"))
    assert tied(api, "contacts", contact, "companies") == {company: {mine, 279}}
    associations.archive("contacts", contact, "companies", company)
    assert tied(api, "contacts", contact, "companies") == {}


def test_a_type_that_does_not_fit_the_pair_is_refused(sandbox, api):
    contact = sandbox.world.create("contacts", email="a@x.example")
    company = sandbox.world.create("companies", name="X")
    create = api("crm.associations.v4.basic_api").create
    assert refusal(create, "contacts", contact, "companies", company, spec(3))[0] == 400


def test_association_batches_answer_input_by_input(sandbox, api):
    contact, lonely = (sandbox.world.create("contacts", email=f"{n}@x.example") for n in "ab")
    company = sandbox.world.create("companies", name="X")
    batch = api("crm.associations.v4.batch_api")
    inputs = [{"from": {"id": contact}, "to": {"id": other}, "types": spec(279)} for other in (company, "99999")]
    made = batch.create("contacts", "companies", {"inputs": inputs})
    read = batch.get_page("contacts", "companies", {"inputs": [{"id": contact}, {"id": lonely}]})
    assert (len(made.results), made.num_errors) == (1, 1)
    assert [result._from.id for result in read.results] == [contact]
    assert read.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert sandbox.log.calls("associations.batch_read")[0].wrote is False


def test_more_than_500_associations_come_in_pages(sandbox, api):
    company = sandbox.world.create("companies", name="X")
    people = sandbox.world.load("contacts", [{"email": f"{n}@x.example"} for n in range(501)])
    for person in people:
        sandbox.world.associate("contacts", person, "companies", company)
    batch = api("crm.associations.v4.batch_api").get_page
    first = batch("companies", "contacts", {"inputs": [{"id": company}]}).results[0]
    after = first.paging.next.after
    rest = batch("companies", "contacts", {"inputs": [{"id": company, "after": after}]}).results[0]
    assert (len(first.to), [str(link.to_object_id) for link in rest.to]) == (500, people[500:])


def test_a_new_contact_can_join_the_company_of_its_domain(sandbox, api):
    sandbox.personality = replace(sandbox.personality, auto_association=True)
    company = sandbox.world.create("companies", domain="x.example")
    made = api("crm.contacts.basic_api").create({"properties": {"email": "a@x.example"}})
    assert tied(api, "contacts", made.id, "companies") == {company: {1, 279}}


def test_a_former_owner_is_listed_apart_and_has_no_user_id(sandbox, api):
    stays, leaves = (sandbox.world.add_owner(f"{n}@x.example", n, n) for n in "ab")
    sandbox.world.archive_owner(leaves)
    owners = api("crm.owners.owners_api")
    assert [owner.id for owner in owners.get_page().results] == [stays]
    former = owners.get_page(archived=True).results[0]
    assert (former.id, former.user_id) == (leaves, None)
    assert former.user_id_including_inactive > 0


def test_owners_are_found_by_email_and_by_user(sandbox, api):
    id = sandbox.world.add_owner("Ann@x.example", "Ann", "Lee")
    owners = api("crm.owners.owners_api")
    found = owners.get_page(email="ann@x.example").results[0]
    assert owners.get_by_id(found.user_id, id_property="userId").id == id


def test_records_keep_a_former_owner_but_cannot_be_given_to_one(sandbox, api):
    owner = sandbox.world.add_owner("a@x.example")
    kept = sandbox.world.create("contacts", email="k@x.example", hubspot_owner_id=owner)
    other = sandbox.world.create("contacts", email="o@x.example")
    sandbox.world.archive_owner(owner)
    update = api("crm.contacts.basic_api").update
    assert sandbox.world.read("contacts", kept)["hubspot_owner_id"] == owner
    assert refusal(update, other, {"properties": {"hubspot_owner_id": owner}})[0] == 400


def test_giving_a_record_to_an_owner_says_when_and_to_which_team(sandbox):
    owner = sandbox.world.add_owner("a@x.example", teams=[("7", "North")])
    id = sandbox.world.create("contacts", email="o@x.example", hubspot_owner_id=owner)
    held = sandbox.world.read("contacts", id)
    assert (held["hubspot_team_id"], held["hubspot_owner_assigneddate"]) == ("7", "2026-01-05T09:00:00.000Z")
    sandbox.world.edit("contacts", id, hubspot_owner_id="")
    assert not {"hubspot_team_id", "hubspot_owner_id"} & sandbox.world.read("contacts", id).keys()


def test_a_list_takes_known_records_once(sandbox, api):
    ids = sandbox.world.load("contacts", [{"email": f"{n}@x.example"} for n in range(2)])
    made = api("crm.lists.lists_api").create({"name": "Nurture", "objectTypeId": "0-1", "processingType": "MANUAL"})
    members = api("crm.lists.memberships_api")
    first = members.add(made.list.list_id, ids)
    again = members.add(made.list.list_id, [*ids, "9999999"])
    assert (first.records_ids_added, again.records_ids_added) == (ids, [])
    assert again.record_ids_missing == ["9999999"]
    page = members.get_page(made.list.list_id, limit=1)
    assert [member.record_id for member in page.results] == ids[:1]
    assert members.get_lists("0-1", ids[1]).results[0].list_id == made.list.list_id


def test_a_list_that_hubspot_fills_takes_no_members(sandbox, api):
    id = sandbox.world.create("contacts", email="a@x.example")
    dynamic = sandbox.world.add_list("contacts", "Hot", [id], "DYNAMIC")
    assert refusal(api("crm.lists.memberships_api").remove, dynamic, [id])[0] == 400


def test_a_deleted_list_can_be_restored(sandbox, api):
    id = sandbox.world.add_list("contacts", "Nurture")
    lists = api("crm.lists.lists_api")
    lists.remove(id)
    assert refusal(lists.get_by_id, id)[0] == 404
    lists.restore(id)
    assert lists.do_search({"query": "nurt"}).lists[0].list_id == id


def new_property(**more):
    definition = {"name": "buyer_stage", "label": "Stage", "type": "string", "fieldType": "text"}
    return {**definition, "groupName": "contactinformation", **more}


def test_a_property_lives_from_creation_to_archive(api):
    core = api("crm.properties.core_api")
    assert core.create("contacts", new_property()).hubspot_defined is False
    assert core.update("contacts", "buyer_stage", {"label": "Step"}).label == "Step"
    core.archive("contacts", "buyer_stage")
    assert refusal(core.get_by_name, "contacts", "buyer_stage")[0] == 404
    assert [prop.name for prop in core.get_all("contacts", archived=True).results] == ["buyer_stage"]


@pytest.mark.parametrize(
    ("definition", "status"),
    [
        (new_property(name="Buyer"), 400),
        (new_property(name="email"), 409),
        (new_property(type="number"), 400),
        (new_property(groupName="nowhere"), 400),
        (new_property(type="bool", fieldType="booleancheckbox"), 400),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(api, definition, status):
    assert refusal(api("crm.properties.core_api").create, "contacts", definition)[0] == status


def test_patched_options_replace_all_options(sandbox, api):
    options = [{"label": word, "value": word, "displayOrder": n} for n, word in enumerate("ab")]
    core = api("crm.properties.core_api")
    core.create("contacts", new_property(type="enumeration", fieldType="select", options=options))
    core.update("contacts", "buyer_stage", {"options": [{"label": "c", "value": "c"}]})
    assert [option.value for option in core.get_by_name("contacts", "buyer_stage").options] == ["c"]


def test_choices_that_live_elsewhere_have_no_options(api):
    core = api("crm.properties.core_api")
    for kind, name in (("contacts", "hubspot_owner_id"), ("deals", "dealstage"), ("deals", "pipeline")):
        prop = core.get_by_name(kind, name)
        assert (prop.external_options, prop.options) == (True, [])


def test_default_properties_cannot_be_archived(api):
    assert refusal(api("crm.properties.core_api").archive, "contacts", "email")[0] == 400


def test_the_default_deal_pipeline_speaks_in_texts(api):
    stages = api("crm.pipelines.pipelines_api").get_by_id("deals", "default").stages
    assert [(stage.id, stage.metadata["probability"]) for stage in stages[-2:]] == [
        ("closedwon", "1.0"),
        ("closedlost", "0.0"),
    ]
    assert stages[-1].metadata["isClosed"] == "true"


def pipeline(label, *stages):
    return {
        "label": label,
        "displayOrder": 1,
        "stages": [
            {"label": name, "displayOrder": n, "metadata": {"probability": chance}}
            for n, (name, chance) in enumerate(stages)
        ],
    }


def test_replacing_a_pipeline_deletes_the_stages_it_does_not_name(api):
    pipelines = api("crm.pipelines.pipelines_api")
    made = pipelines.create("deals", pipeline("New", ("First", 0.1), ("Won", 1)))
    replaced = pipelines.replace("deals", made.id, pipeline("New", ("Won", "1.0"), ("Lost", 0)))
    assert [stage.label for stage in replaced.stages] == ["Won", "Lost"]
    assert replaced.stages[0].id == made.stages[1].id


@pytest.mark.parametrize("probability", [None, "0.25", "2"])
def test_a_deal_stage_needs_a_probability_in_tenths(api, probability):
    body = pipeline("New", ("First", probability))
    assert refusal(api("crm.pipelines.pipelines_api").create, "deals", body)[0] == 400


def without_contract_sent(pipelines):
    rest = [(s.label, s.metadata["probability"]) for s in pipelines.get_by_id("deals", "default").stages]
    return pipeline("Sales Pipeline", *[stage for stage in rest if stage[0] != "Contract Sent"])


def test_only_a_careful_deletion_spares_a_stage_in_use(sandbox, api):
    deal = sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    pipelines = api("crm.pipelines.pipelines_api")
    body = without_contract_sent(pipelines)
    careful = {"validate_deal_stage_usages_before_delete": True}
    assert refusal(pipelines.replace, "deals", "default", body, **careful)[0] == 400
    pipelines.replace("deals", "default", body)
    assert sandbox.world.read("deals", deal)["dealstage"] == "contractsent"


def test_the_flag_of_other_objects_spares_no_deal_stage(sandbox, api):
    sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    pipelines = api("crm.pipelines.pipelines_api")
    pipelines.replace("deals", "default", without_contract_sent(pipelines), validate_references_before_delete=True)
    assert "contractsent" not in {stage.id for stage in sandbox.world.stages("deals", "default")}


def send(sandbox, method, path, body=None):
    headers = {"Authorization": "Bearer pat-na1-sandbox", "Content-Type": "application/json"}
    with urllib3.PoolManager() as pool:
        content = None if body is None else json.dumps(body)
        answer = pool.request(method, sandbox.url + path, body=content, headers=headers)
    return answer.status


@pytest.mark.parametrize(
    ("version", "flags", "status"),
    [
        ("v3", "", 204),
        ("v3", "?validateReferencesBeforeDelete=true", 400),
        ("2026-03", "", 204),
        ("2026-09", "", 400),
        ("2026-09", "?validateReferencesBeforeDelete=false", 204),
    ],
)
def test_since_2026_09_a_stage_in_use_is_spared_unless_told_otherwise(sandbox, version, flags, status):
    sandbox.world.create("tickets", subject="T", hs_pipeline_stage="2")
    root = "/crm/v3/pipelines" if version == "v3" else f"/crm/pipelines/{version}"
    assert send(sandbox, "DELETE", f"{root}/tickets/0/stages/2{flags}") == status
    assert len(sandbox.world.stages("tickets", "0")) == (3 if status == 204 else 4)


def test_a_replacement_that_is_refused_changes_nothing(sandbox, api):
    sandbox.world.add_pipeline("deals", "Taken", [{"label": "A", "metadata": {"probability": "0.1"}}])
    before = sandbox.world.stages("deals", "default")
    replace_it = api("crm.pipelines.pipelines_api").replace
    assert refusal(replace_it, "deals", "default", pipeline("Taken", ("Won", 1)))[0] == 409
    assert sandbox.world.stages("deals", "default") == before


@pytest.mark.parametrize("missing", ["label", "displayOrder"])
def test_a_stage_is_replaced_as_a_whole_only(sandbox, missing):
    body = {"label": "X", "displayOrder": 1, "metadata": {"probability": "0.1"}}
    path = "/crm/v3/pipelines/deals/default/stages/contractsent"
    assert send(sandbox, "PUT", path, {k: v for k, v in body.items() if k != missing}) == 400
    assert send(sandbox, "PUT", path, body) == 200


def test_a_patch_replaces_all_metadata_of_a_stage(sandbox, api):
    sandbox.world.describe_stage("deals", "default", "contractsent", theirs="word")
    stages = api("crm.pipelines.pipeline_stages_api")
    before = stages.get_by_id("deals", "default", "contractsent").metadata
    stages.update("deals", "default", "contractsent", {"metadata": {"probability": 0.7}})
    after = stages.get_by_id("deals", "default", "contractsent").metadata
    assert (before["theirs"], after) == ("word", {"isClosed": "false", "probability": "0.7"})


def test_a_stage_that_was_renamed_keeps_its_id_and_its_deals(sandbox, api):
    deal = sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    sandbox.world.rename_stage("deals", "default", "contractsent", "Won")
    stage = api("crm.pipelines.pipeline_stages_api").get_by_id("deals", "default", "contractsent")
    assert (stage.label, sandbox.world.read("deals", deal)["dealstage"]) == ("Won", "contractsent")


def test_stages_of_two_pipelines_may_share_a_label_and_of_one_may_not(sandbox):
    stage = {"label": "Closed Won", "metadata": {"probability": "1.0"}}
    id = sandbox.world.add_pipeline("deals", "Renewals", [stage])
    with pytest.raises(Exception, match="already exists"):
        sandbox.world.add_stage("deals", id, "closed won", probability="0.1")


def test_what_an_admin_does_in_the_settings_is_what_the_api_shows(sandbox, api):
    world = sandbox.world
    id = world.add_pipeline("deals", "Renewals", [{"label": "A", "metadata": {"probability": "0.1"}}])
    world.rename_pipeline("deals", id, "Expansion")
    second = world.add_stage("deals", id, "B", probability="0.2")
    third = world.add_stage("deals", id, "C", probability="0.3")
    world.move_stage("deals", id, third, 0)
    world.remove_stage("deals", id, second)
    shown = api("crm.pipelines.pipelines_api").get_by_id("deals", id)
    assert (shown.label, [stage.label for stage in shown.stages]) == ("Expansion", ["C", "A"])


def test_an_admin_cannot_delete_a_stage_in_use(sandbox):
    sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    with pytest.raises(Exception, match="used by 1 records"):
        sandbox.world.remove_stage("deals", "default", "contractsent")


@pytest.mark.parametrize(("allowed", "status"), [(False, 400), (True, 200)])
def test_lifecycle_stages_are_fixed_for_the_api_unless_the_account_lets_it(sandbox, api, allowed, status):
    sandbox.personality = replace(sandbox.personality, lifecycle_options_by_api=allowed)
    shown = api("crm.properties.core_api").get_by_name("contacts", "lifecyclestage")
    assert shown.modification_metadata.read_only_options is not allowed
    body = {"options": [{"label": "Lead", "value": "lead", "hidden": False}]}
    assert send(sandbox, "PATCH", "/crm/v3/properties/contacts/lifecyclestage", body) == status


def test_a_record_keeps_a_choice_that_is_no_more(sandbox):
    person = sandbox.world.create("contacts", email="a@x.example", hs_lead_status="NEW")
    sandbox.world.remove_option("contacts", "hs_lead_status", "NEW")
    assert sandbox.world.read("contacts", person)["hs_lead_status"] == "NEW"
    with pytest.raises(Exception, match="allowed options"):
        sandbox.world.create("contacts", email="b@x.example", hs_lead_status="NEW")


def test_the_last_pipeline_stays(api):
    assert refusal(api("crm.pipelines.pipelines_api").archive, "deals", "default")[0] == 400


def test_a_stage_patch_needs_its_metadata(api):
    stages = api("crm.pipelines.pipeline_stages_api")
    status, body = refusal(stages.update, "deals", "default", "contractsent", {"label": "X"})
    assert (status, body["message"]) == (400, "metadata is required")


def lifecycle(sandbox, id):
    return sandbox.world.read("contacts", id).get("lifecyclestage")


def test_a_backward_lifecycle_move_succeeds_and_changes_nothing(sandbox, api):
    id = sandbox.world.create("contacts", email="a@x.example", lifecyclestage="customer")
    answer = api("crm.contacts.basic_api").update(id, {"properties": {"lifecyclestage": "lead"}})
    assert answer.properties["lifecyclestage"] == "customer"
    assert lifecycle(sandbox, id) == "customer"


def test_clearing_first_lets_a_lifecycle_move_back(sandbox, api):
    id = sandbox.world.create("contacts", email="a@x.example", lifecyclestage="customer")
    for stage in ("", "lead"):
        sandbox.clock.advance(timedelta(seconds=1))
        api("crm.contacts.basic_api").update(id, {"properties": {"lifecyclestage": stage}})
    held = sandbox.world.read("contacts", id)
    assert held["lifecyclestage"] == "lead"
    assert held["hs_lifecyclestage_lead_date"] == "2026-01-05T09:00:02.000Z"
    assert "hs_lifecyclestage_customer_date" not in held


def test_people_may_move_a_lifecycle_back(sandbox):
    id = sandbox.world.create("contacts", email="a@x.example", lifecyclestage="customer")
    sandbox.world.edit("contacts", id, lifecyclestage="lead")
    assert lifecycle(sandbox, id) == "lead"


def test_lifecycle_rules_can_be_switched_off(sandbox, api):
    sandbox.personality = replace(sandbox.personality, lifecycle_forward_only=False)
    id = sandbox.world.create("contacts", email="a@x.example", lifecyclestage="customer")
    api("crm.contacts.basic_api").update(id, {"properties": {"lifecyclestage": "lead"}})
    assert lifecycle(sandbox, id) == "lead"


def test_automation_follows_the_deals_of_a_buyer(sandbox):
    sandbox.personality = replace(sandbox.personality, lifecycle_automation=True)
    contact = sandbox.world.create("contacts", email="a@x.example")
    deal = sandbox.world.create("deals", dealname="D", dealstage="contractsent")
    sandbox.world.associate("deals", deal, "contacts", contact)
    opened = lifecycle(sandbox, contact)
    sandbox.world.edit("deals", deal, dealstage="closedwon")
    assert (opened, lifecycle(sandbox, contact)) == ("opportunity", "customer")
