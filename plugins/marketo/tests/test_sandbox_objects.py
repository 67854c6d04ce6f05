"""Sales persons, companies, opportunities and roles in the sandbox."""

import pytest

from instep_marketo.sandbox import MarketoPersonality

ROOT = "/rest/v1"
COMPANIES, PEOPLE, DEALS = f"{ROOT}/companies", f"{ROOT}/salespersons", f"{ROOT}/opportunities"
ROLES = f"{DEALS}/roles"
COMPANY = {"externalCompanyId": "c1", "company": "Acme", "industry": "Rope"}
PERSON = {"externalSalesPersonId": "s1", "email": "ann@x.example", "firstName": "Ann", "lastName": "Lee"}
DEAL = {"externalOpportunityId": "o1", "name": "Big", "amount": 1000}


def sync(call, path, *rows, **more):
    return call.result("POST", f"{path}.json", json={"input": list(rows), **more})


def find(call, path, kind, value, *fields):
    query = {"filterType": kind, "filterValues": value, "fields": ",".join(fields)}
    return call.result("GET", f"{path}.json", params=query)


def remove(call, path, *rows, **more):
    return call.result("POST", f"{path}/delete.json", json={"input": list(rows), **more})


@pytest.mark.parametrize(
    ("path", "row", "key", "id"),
    [
        (COMPANIES, COMPANY, "externalCompanyId", "id"),
        (PEOPLE, PERSON, "externalSalesPersonId", "id"),
        (DEALS, DEAL, "externalOpportunityId", "marketoGUID"),
    ],
)
def test_an_object_is_made_changed_found_and_deleted_by_its_own_key(call, path, row, key, id):
    (made,) = sync(call, path, row)
    (changed,) = sync(call, path, row)
    assert (made["seq"], made["status"], changed["status"], changed[id]) == (0, "created", "updated", made[id])
    for kind, value in ((key, row[key]), ("dedupeFields", row[key]), ("idField", made[id]), (id, made[id])):
        assert [one[id] for one in find(call, path, kind, value, id)] == [made[id]]
    (gone,) = remove(call, path, {key: row[key]})
    assert (gone["status"], gone[id]) == ("deleted", made[id])
    assert find(call, path, key, row[key]) == []


def test_an_object_is_changed_by_its_id_but_not_made(call):
    (made,) = sync(call, COMPANIES, COMPANY)
    by_id = {"dedupeBy": "idField", "action": "updateOnly"}
    known, unknown = sync(
        call, COMPANIES, {"id": made["id"], "company": "Acme 2"}, {"id": 1, "company": "X"}, **by_id
    )
    assert (known["status"], call.why(unknown)) == ("updated", "1013")
    assert find(call, COMPANIES, "id", made["id"], "company")[0]["company"] == "Acme 2"
    (gone,) = remove(call, COMPANIES, {"id": made["id"]}, deleteBy="idField")
    assert gone["status"] == "deleted"


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"company": "Acme"}, "1002"),
        ({**COMPANY, "nobody": 1}, "1006"),
        ({**COMPANY, "createdAt": "2026-01-01"}, "1011"),
        ({**COMPANY, "numberOfEmployees": "many"}, "1001"),
        ({**COMPANY, "externalSalesPersonId": "nobody"}, "718"),
    ],
)
def test_an_object_that_cannot_be_stored_is_skipped_alone(call, row, code):
    results = sync(call, COMPANIES, {"externalCompanyId": "c2", "company": "Other"}, row)
    assert [call.why(result) for result in results] == [None, code]


def test_what_is_not_there_is_not_updated(call):
    assert call.why(sync(call, COMPANIES, COMPANY, action="updateOnly")[0]) == "1013"


def test_what_is_there_is_not_made_again_and_comes_once_in_a_call(call):
    first, twin = sync(call, COMPANIES, COMPANY, COMPANY)
    assert (first["status"], call.why(twin)) == ("created", "1036")
    assert call.why(sync(call, COMPANIES, COMPANY, action="createOnly")[0]) == "1017"


def test_nobody_can_list_objects_or_find_them_by_any_field(call):
    assert call.code("GET", f"{COMPANIES}.json") == "1002"
    query = {"filterType": "industry", "filterValues": "Rope"}
    assert call.code("GET", f"{COMPANIES}.json", params=query) == "1011"
    assert call.code("GET", f"{COMPANIES}.json", params={**query, "filterType": "company"}) is None


def test_what_an_object_is_found_by_is_described(call):
    (company,) = call.result("GET", f"{COMPANIES}/describe.json")
    (role,) = call.result("GET", f"{ROLES}/describe.json")
    assert (company["idField"], company["dedupeFields"]) == ("id", ["externalCompanyId"])
    assert company["searchableFields"] == [["externalCompanyId"], ["id"], ["company"]]
    keys = ["externalOpportunityId", "leadId", "role"]
    assert (role["dedupeFields"], role["searchableFields"][0]) == (keys, keys)


def test_pages_of_objects_are_followed_by_tokens(sandbox, call):
    sync(call, PEOPLE, *({**PERSON, "externalSalesPersonId": f"s{n}"} for n in range(3)))
    query = {"filterType": "email", "filterValues": PERSON["email"], "batchSize": "2"}
    first = call.body("GET", f"{PEOPLE}.json", params=query)
    second = call.body("GET", f"{PEOPLE}.json", params={**query, "nextPageToken": first["nextPageToken"]})
    assert [one["seq"] for one in first["result"] + second["result"]] == [0, 1, 2]


# --- what hangs on them ----------------------------------------------------------------------------------------


def test_a_lead_shows_its_company_and_follows_it(sandbox, call):
    sync(call, COMPANIES, COMPANY)
    (lead,) = call.sync({"email": "a@x.example", "externalCompanyId": "c1"})
    assert sandbox.world.read(str(lead["id"]))["industry"] == "Rope"
    sync(call, COMPANIES, {**COMPANY, "industry": "Sail"})
    assert sandbox.world.read(str(lead["id"]))["industry"] == "Sail"


def test_a_lead_shows_its_owner_and_follows_the_sales_person(sandbox, call):
    sync(call, PEOPLE, PERSON)
    (lead,) = call.sync({"email": "a@x.example", "externalSalesPersonId": "s1"})
    assert sandbox.world.read(str(lead["id"]))["leadOwnerEmailAddress"] == "ann@x.example"
    sync(call, PEOPLE, {**PERSON, "lastName": "Moss"})
    assert sandbox.world.read(str(lead["id"]))["leadOwnerLastName"] == "Moss"


@pytest.mark.parametrize("link", ["externalSalesPersonId", "externalCompanyId"])
def test_a_lead_is_not_linked_to_what_is_not_there(sandbox, call, link):
    assert call.why(call.sync({"email": "a@x.example", link: "nobody"})[0]) == "1013"


def test_what_is_in_use_is_not_deleted_until_it_is_not(sandbox, call):
    sync(call, PEOPLE, PERSON)
    sync(call, COMPANIES, COMPANY)
    (lead,) = call.sync({"email": "a@x.example", "externalSalesPersonId": "s1", "externalCompanyId": "c1"})
    for path, key in ((PEOPLE, {"externalSalesPersonId": "s1"}), (COMPANIES, {"externalCompanyId": "c1"})):
        assert call.why(remove(call, path, key)[0]) == "1022"
    sandbox.world.delete(str(lead["id"]))
    for path, key in ((PEOPLE, {"externalSalesPersonId": "s1"}), (COMPANIES, {"externalCompanyId": "c1"})):
        assert call.why(remove(call, path, key)[0]) is None


# --- opportunities and roles -----------------------------------------------------------------------------------


def test_an_opportunity_needs_a_name_and_a_seller_who_is_there_and_its_amount_is_read_as_text(call):
    nameless, unsold, made = sync(
        call,
        DEALS,
        {"externalOpportunityId": "o2"},
        {"externalOpportunityId": "o3", "name": "X", "externalSalesPersonId": "nobody"},
        DEAL,
    )
    assert [call.why(one) for one in (nameless, unsold, made)] == ["1002", "718", None]
    assert find(call, DEALS, "externalOpportunityId", "o1", "amount", "name")[0]["amount"] == "1000.0"
    assert find(call, DEALS, "externalOpportunityId", "o2,o3") == []


def role(lead, opportunity="o1", name="Decision Maker"):
    return {"externalOpportunityId": opportunity, "leadId": int(lead), "role": name}


def test_a_role_is_found_by_its_three_keys_together_or_by_one_of_two(sandbox, call):
    sync(call, DEALS, DEAL)
    leads = [sandbox.world.create(email=f"{n}@x.example") for n in range(2)]
    made = sync(call, ROLES, role(leads[0]), role(leads[0], name="User"), role(leads[1]))
    assert [one["status"] for one in made] == ["created"] * 3
    body = {"filterType": "dedupeFields", "fields": ["marketoGUID", "role"], "input": [role(leads[0], name="User")]}
    found = call.result("POST", f"{ROLES}.json", params={"_method": "GET"}, json=body)
    assert found == [{"seq": 0, "marketoGUID": made[1]["marketoGUID"], "role": "User"}]
    assert len(find(call, ROLES, "leadId", leads[0])) == 2
    assert len(find(call, ROLES, "externalOpportunityId", "o1")) == 3
    assert call.code("GET", f"{ROLES}.json", params={"filterType": "dedupeFields", "filterValues": "o1"}) == "1011"


def test_a_role_ties_what_is_there_and_keeps_its_opportunity(sandbox, call):
    sync(call, DEALS, DEAL)
    lead = sandbox.world.create(email="a@x.example")
    results = sync(call, ROLES, role(1), role(lead, "o9"), role(lead))
    assert [call.why(result) for result in results] == ["1004", "1013", None]
    assert call.why(remove(call, DEALS, {"externalOpportunityId": "o1"})[0]) == "1022"
    assert call.why(remove(call, ROLES, role(lead))[0]) is None
    assert call.why(remove(call, DEALS, {"externalOpportunityId": "o1"})[0]) is None


# --- a CRM that is synchronised natively -----------------------------------------------------------------------

ROWS = [(COMPANIES, COMPANY), (PEOPLE, PERSON), (DEALS, DEAL)]


@pytest.mark.parametrize("crm", ["salesforce", "dynamics"])
@pytest.mark.parametrize(("path", "row"), ROWS)
def test_what_is_the_crms_is_read_and_not_written(sandbox, call, path, row, crm):
    sync(call, path, row)
    sandbox.personality = MarketoPersonality(crm_sync=crm)
    assert call.code("POST", f"{path}.json", json={"input": [row]}) == "1018"
    assert call.code("POST", f"{path}/delete.json", json={"input": [row]}) == "1018"
    assert call.code("GET", f"{path}/describe.json") is None
    key = next(iter(row))
    assert len(find(call, path, key, row[key])) == 1


def test_roles_are_not_even_read_where_a_crm_is_synchronised(sandbox, call):
    query = {"filterType": "leadId", "filterValues": "1"}
    assert call.code("GET", f"{ROLES}.json", params=query) is None
    sandbox.personality = MarketoPersonality(crm_sync="salesforce")
    assert call.code("GET", f"{ROLES}.json", params=query) == "1018"


def test_whether_the_crms_objects_can_be_read_is_a_switch(sandbox, call):
    sandbox.personality = MarketoPersonality(crm_sync="salesforce", crm_sync_hides=True)
    assert call.code("GET", f"{COMPANIES}/describe.json") == "1018"
