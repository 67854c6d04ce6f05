"""The demo company's colleagues at work in Salesforce: what they keep there, what they do, what anybody can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from instep.demo.hands import Board, Column, Held
from instep.demo.scene import Act, Buyer, Deal, Firm, Scene
from instep_salesforce.sandbox.library import configurer, library
from instep_salesforce.sandbox.world import SalesforceWorld

_STATUS: Final = {
    "sidelines": "Closed - Not Converted",
    "awareness": "Open - Not Contacted",
    "interest": "Open - Not Contacted",
    "research": "Working - Contacted",
    "consideration": "Working - Contacted",
    "decision": "Working - Contacted",
    "implementing": "Working - Contacted",
}
_INDUSTRY: Final = {
    "e-commerce": "Retail",
    "biotechnology": "Biotechnology",
    "pharmaceuticals": "Chemicals",
    "medical-devices": "Healthcare",
    "higher-education": "Education",
}
_NOTES: Final = ("Stage_Reason__c", "Stage_Until__c")
_LEAD: Final = "00Q"
_RECORD_TYPES: Final = {
    "e-commerce": ("E_Commerce", "E-commerce"),
    "life-sciences": ("Life_Sciences", "Life sciences"),
    "higher-education": ("Higher_Education", "Higher education"),
}
_STAGES: Final = {
    "research": ("Enquiry", 12),
    "consideration": ("Shortlist", 30),
    "decision": ("Evaluation", 55),
    "validation": ("Validation", 75),
    "purchase": ("Contract", 95),
    "no_decision": ("No Decision", 0),
}
_OUTCOMES: Final = {"won": "Closed Won", "lost": "Closed Lost", "no_decision": "No Decision"}
_READ: Final = {
    "Account": "Name Website BillingCity BillingCountry NumberOfEmployees Industry OwnerId Instep_Id__c",
    "Contact": "Email FirstName LastName Title Phone OwnerId AccountId HasOptedOutOfEmail "
    "Instep_Id__c Instep_Stage__c Instep_Score__c",
    "Lead": "Email FirstName LastName Title Phone OwnerId Status HasOptedOutOfEmail "
    "Instep_Id__c Instep_Stage__c Instep_Score__c",
    "Opportunity": "Name Reference__c Amount CloseDate StageName RecordType.DeveloperName OwnerId AccountId "
    "Instep_Id__c Instep_Stage__c",
}
_TYPES: Final = "SELECT Id, Name FROM RecordType WHERE SobjectType = 'Opportunity' ORDER BY Name"
_DEALS: Final = "SELECT Reference__c, StageName, RecordTypeId FROM Opportunity"
_SHARES: Final = "SELECT ApiName, MasterLabel, DefaultProbability FROM OpportunityStage"
_OFFERED: Final = "ui-api/object-info/Opportunity/picklist-values/{}"
_SET: Final = "OpportunityStage"
_ROLES: Final = "SELECT OpportunityId, ContactId FROM OpportunityContactRole"


class SalesforceDemo:
    """The hands of the demo company's colleagues; see `instep.demo.hands.Hands`."""

    def __init__(self, world: SalesforceWorld, settings: Mapping[str, object]) -> None:
        self._world = world
        self._settings = settings
        self._ids: dict[str, str] = {}
        """Key in the scene, reference of a deal or address of a person, to the id here."""
        self._campaign = ""
        self._recorded: dict[str, tuple[str, str]] = {}
        """Id of a person to the activity that was recorded last of them."""

    # --- what is there at first ----------------------------------------------------------------------------------

    def seed(self, scene: Scene) -> None:
        """Colleagues, record types, and the accounts, leads, contacts and opportunities that Salesforce knows of."""
        self.hire(scene)
        self._configure()
        buyers = [buyer for buyer in scene.buyers if buyer.known.other]
        self._load("Account", {f.key: self._account(f) for f in scene.firms if f.known.other})
        self._load("Contact", {b.key: self._contact(b) for b in buyers if not b.is_lead})
        self._load("Lead", {b.key: self._lead(scene, b) for b in buyers if b.is_lead})
        self._load("Opportunity", {d.key: self._opportunity(d) for d in scene.deals if d.known.other})
        self._ids |= {d.reference: self._ids[d.key] for d in scene.deals if d.key in self._ids}
        self._ids |= {b.email: self._ids[b.key] for b in buyers}
        for deal in scene.deals:
            for key in deal.buyers:
                if deal.key in self._ids and key in self._ids:
                    self._world.create(
                        "OpportunityContactRole", OpportunityId=self._ids[deal.key], ContactId=self._ids[key]
                    )
        for act in scene.acts_of("other"):
            self._record(scene, act)

    def hire(self, scene: Scene) -> None:
        """Every colleague is a user; who has left is an inactive one."""
        for colleague in scene.colleagues:
            self._ids[colleague.key] = self._world.add_user(
                colleague.name, colleague.email, active=not colleague.has_left
            )
        self._ids["nobody"] = next(
            str(user["Id"]) for user in self._world.all("User") if user["Name"] == "Integration User"
        )

    def _configure(self) -> None:
        self._world.add_field("Opportunity", "Reference__c", "Text", label="Reference", length=40)
        why, until = _NOTES
        self._world.add_field("Opportunity", why, "Text", label="Stage: why", length=120)
        self._world.add_field("Opportunity", until, "Date", label="Stage: until")
        for usual in self._world.all("OpportunityStage"):
            if not usual["IsClosed"]:
                self._world.retire_stage(str(usual["ApiName"]))
        for stage, (name, probability) in _STAGES.items():
            self._world.add_stage(name, probability=probability, closed=stage in _OUTCOMES)
        words = [name for name, _ in _STAGES.values()]
        self._world.order_stages([*words[:-1], "Closed Won", "Closed Lost"])
        for segment, (name, label) in _RECORD_TYPES.items():
            offered = [word for word in words if word != "Validation" or segment == "life-sciences"]
            self._world.add_process("Opportunity", label, [*offered, "Closed Won", "Closed Lost"])
            self._ids[name] = self._world.add_record_type("Opportunity", name, label)
        self._campaign = self._world.create("Campaign", Name="Spring webinar", Type="Webinar")

    def _load(self, object: str, records: Mapping[str, dict[str, Any]]) -> None:
        self._ids |= zip(records, self._world.load(object, list(records.values())), strict=True)

    def _account(self, firm: Firm) -> dict[str, Any]:
        return {
            "Name": firm.name,
            "Website": f"https://www.{firm.domain}",
            "BillingCity": firm.city,
            "BillingCountry": firm.country,
            "NumberOfEmployees": firm.employees,
            "Industry": _INDUSTRY[firm.industry],
            **self._owned(firm.owner),
        }

    def _person(self, buyer: Buyer) -> dict[str, Any]:
        return {
            "Email": buyer.email,
            "FirstName": buyer.first,
            "LastName": buyer.last,
            "Title": buyer.title,
            "Phone": buyer.phone or None,
            "HasOptedOutOfEmail": buyer.opted_out.other,
            **self._owned(buyer.owner),
        }

    def _contact(self, buyer: Buyer) -> dict[str, Any]:
        account = self._ids.get(buyer.firm) if buyer.tied.other else None
        return {**self._person(buyer), "AccountId": account}

    def _lead(self, scene: Scene, buyer: Buyer) -> dict[str, Any]:
        firm = scene.firm[buyer.firm].name
        return {**self._person(buyer), "Company": firm, "Status": _STATUS[buyer.system_stage]}

    def _opportunity(self, deal: Deal) -> dict[str, Any]:
        return {
            "Name": deal.name,
            "Reference__c": deal.reference,
            "Amount": deal.amount,
            "CloseDate": deal.close_date.isoformat(),
            "RecordTypeId": self._ids[_RECORD_TYPES[deal.segment][0]],
            "StageName": _stage(deal.outcome or deal.stage),
            "AccountId": self._ids.get(deal.firm),
            **self._owned(deal.owner),
        }

    def _owned(self, key: str) -> dict[str, str]:
        """Salesforce knows no record without an owner: what nobody looks after belongs to the integration user."""
        return {"OwnerId": self._ids[key or "nobody"]}

    def _record(self, scene: Scene, act: Act) -> None:
        self._respond(self._ids[scene.buyer[act.buyer].key], act.at)

    def _respond(self, person: str, at: datetime) -> None:
        who = "LeadId" if person.startswith(_LEAD) else "ContactId"
        id = self._world.create(
            "CampaignMember",
            CampaignId=self._campaign,
            Status="Responded",
            FirstRespondedDate=at.astimezone(UTC).date().isoformat(),
            **{who: person},
        )
        self._recorded[person] = ("CampaignMember", id)

    # --- what happens then ---------------------------------------------------------------------------------------

    def buyer_attends_demo(self, email: str, at: datetime) -> None:
        """A meeting with the buyer in somebody's calendar."""
        end = at.isoformat()
        self._world.create(
            "Event", Subject="Product demo", WhoId=self._ids[email], StartDateTime=end, DurationInMinutes=45
        )

    def rep_moves(self, reference: str, stage: str) -> None:
        """A colleague changes the opportunity's stage."""
        self._world.edit("Opportunity", self._ids[reference], StageName=_stage(stage))

    def rep_marks(self, email: str, stage: str) -> None:
        """A colleague sets the lead's status by hand."""
        self._world.edit("Lead", self._ids[email], Status=_STATUS[stage])

    def rep_converts(self, email: str) -> None:
        """A colleague makes a contact of a lead, at the account with that domain, without an opportunity yet."""
        converted = self._world.convert(self._ids[email], account=self._account_of(email))
        self._ids[email] = converted.contact

    def _account_of(self, email: str) -> str | None:
        domain = email.partition("@")[2]
        accounts = (a for a in self._world.all("Account") if str(a["Website"]).endswith(domain))
        return next((str(account["Id"]) for account in accounts), None)

    def buyer_acts(self, behaviour: str, email: str, at: datetime) -> None:
        """The buyer calls, or takes part in the webinar."""
        if behaviour == "requests-call":
            self._call(email, "Inbound")
        else:
            self._respond(self._ids[email], at)

    def buyer_appears(self, email: str, first: str, last: str, at: datetime) -> None:
        """A colleague notes a contact of the account with that domain."""
        names = {"FirstName": first, "LastName": last, "Email": email}
        account = self._account_of(email)
        self._ids[email] = self._world.create("Contact", **names, AccountId=account, **self._owned(""))

    def rep_calls(self, email: str, at: datetime) -> None:
        """An outbound call, logged when it is over."""
        self._call(email, "Outbound")

    def _call(self, email: str, direction: str) -> None:
        person = self._ids[email]
        how = {"Status": "Completed", "TaskSubtype": "Call", "CallType": direction}
        id = self._world.create("Task", Subject="Call", WhoId=person, **how)
        self._recorded[person] = ("Task", id)

    def rep_withdraws(self, email: str) -> None:
        """A colleague deletes the activity."""
        self._world.delete(*self._recorded.pop(self._ids[email]))

    @property
    def stage_notes(self) -> tuple[str, str]:
        """Two custom fields of opportunities."""
        return _NOTES

    def rep_sets(self, reference: str, stage: str, reason: str, until: date) -> None:
        """A colleague changes the stage, and fills in both fields beside it."""
        beside = dict(zip(_NOTES, (reason, until.isoformat()), strict=True))
        self._world.edit("Opportunity", self._ids[reference], StageName=_stage(stage), **beside)

    def admin_edits(
        self, board: str, column: str, *, label: str | None = None, probability: float | None = None
    ) -> None:
        """An admin edits a stage; every record type that offers it shows the same one, whatever `board` says."""
        with library(self._settings) as client:
            sets = configurer(client, self._settings).StandardValueSet
            found = sets.read([_SET])
            stage = next(value for value in found.standardValue if (value.label or value.fullName) == column)
            stage.label = label or stage.label
            stage.probability = stage.probability if probability is None else round(probability * 100)
            sets.update([found])

    def rep_gives(self, email: str, to: str) -> None:
        """A colleague gives the lead or contact to another one."""
        with library(self._settings) as client:
            found = f"FROM {{}} WHERE Email = '{email}'"
            for object, only in (("Contact", ""), ("Lead", " AND IsConverted = FALSE")):
                query = f"SELECT Id {found.format(object)}{only}"
                for record in client.query_all_iter(query):
                    getattr(client, object).update(record["Id"], {"OwnerId": self._ids[to]})

    # --- what anybody can read -----------------------------------------------------------------------------------

    def boards(self) -> Iterator[Board]:
        """Every record type of opportunities through simple-salesforce, with the stages that it offers."""
        with library(self._settings) as client:
            types = list(client.query_all_iter(_TYPES))
            if not types:
                return  # opportunities have no RecordTypeId then
            stages = {row["ApiName"]: row for row in client.query_all_iter(_SHARES)}
            deals: dict[tuple[str, str], list[str]] = {}
            for deal in client.query_all_iter(_DEALS):
                deals.setdefault((deal["RecordTypeId"], deal["StageName"]), []).append(deal["Reference__c"])
            for type in types:
                told: Any = client.restful(_OFFERED.format(type["Id"]))
                names = [value["value"] for value in told["picklistFieldValues"]["StageName"]["values"]]
                columns = (_column(stages[name], deals.get((type["Id"], name), ())) for name in names)
                yield Board(type["Name"], tuple(columns))

    def read_back(self) -> Iterator[Held]:
        """Every account, contact, open lead and opportunity through simple-salesforce."""
        with library(self._settings) as client:
            people: dict[str, list[str]] = {}
            for role in client.query_all_iter(_ROLES):
                people.setdefault(role["OpportunityId"], []).append(role["ContactId"])
            for object, names in _READ.items():
                where = " WHERE IsConverted = FALSE" if object == "Lead" else ""
                fields = names.split()
                query = f"SELECT Id, {', '.join(fields)} FROM {object}{where}"  # noqa: S608  # our own words
                for record in client.query_all_iter(query):
                    held = {name: _text(_at(record, name)) for name in fields}
                    is_out = bool(record.get("HasOptedOutOfEmail"))
                    yield Held(object, record["Id"], held, _related(object, record, people), is_out)


def _column(stage: Mapping[str, Any], deals: Iterable[str]) -> Column:
    return Column(stage["MasterLabel"], stage["DefaultProbability"] / 100, tuple(sorted(deals)))


def _stage(stage: str) -> str:
    if stage in _OUTCOMES:
        return _OUTCOMES[stage]
    return _STAGES[stage][0]


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if value else None
    return value


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _related(object: str, record: Mapping[str, Any], people: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    account = tuple(filter(None, [record.get("AccountId")]))
    match object:
        case "Contact":
            return {"Account": account}
        case "Opportunity":
            return {"Account": account, "Contact": tuple(people.get(record["Id"], ()))}
    return {}
