"""The demo company's colleagues at work in HubSpot: what they keep there, what they do, what anybody can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from instep.demo.hands import Board, Column, Held
from instep.demo.scene import Act, Buyer, Deal, Firm, Scene
from instep_hubspot.sandbox.times import iso, to_ms
from instep_hubspot.sandbox.world import HubSpotWorld

_LIFECYCLE: Final = {
    "sidelines": "other",
    "awareness": "subscriber",
    "interest": "lead",
    "research": "marketingqualifiedlead",
    "consideration": "salesqualifiedlead",
    "decision": "opportunity",
    "validation": "opportunity",
    "purchase": "opportunity",
    "implementing": "customer",
}
_INDUSTRY: Final = {
    "e-commerce": "INTERNET",
    "biotechnology": "BIOTECHNOLOGY",
    "pharmaceuticals": "PHARMACEUTICALS",
    "medical-devices": "MEDICAL_DEVICES",
    "higher-education": "HIGHER_EDUCATION",
}
_STAGES: Final = {
    "research": ("enquiry", "0.1"),
    "consideration": ("shortlist", "0.3"),
    "decision": ("evaluation", "0.6"),
    "validation": ("validation", "0.8"),
    "purchase": ("contract", "0.9"),
    "won": ("won", "1.0"),
    "lost": ("lost", "0.0"),
    "no_decision": ("no decision", "0.0"),
}
_PIPELINES: Final = {
    "e-commerce": ("ec", "E-commerce"),
    "life-sciences": ("ls", "Life sciences"),
    "higher-education": ("he", "Higher education"),
}
_ENDS: Final = {"contacts": ("companies",), "companies": (), "deals": ("companies", "contacts")}
_READ: Final = {
    "contacts": "email firstname lastname jobtitle phone lifecyclestage hubspot_owner_id hs_email_optout "
    "instep_id instep_stage instep_score",
    "companies": "name domain city country numberofemployees industry hubspot_owner_id instep_id",
    "deals": "dealname reference amount deal_currency_code closedate pipeline dealstage hubspot_owner_id "
    "instep_id instep_stage",
}
_FORMS: Final = {"downloads-document": "White paper", "describes-project": "Your project"}
_MEETINGS: Final = {"participates-in-demo": "Product demo", "schedules-meeting": "First meeting"}
_NOTES: Final = ("stage_reason", "stage_until")
_PRIMARY: Final = {"contacts": 1, "deals": 5}
_PAGE: Final = 100


class HubSpotDemo:
    """The hands of the demo company's colleagues; see `instep.demo.hands.Hands`."""

    def __init__(self, world: HubSpotWorld, url: str, token: str) -> None:
        self._world = world
        self._url = url
        self._token = token
        self._ids: dict[str, str] = {}
        """Key in the scene, reference of a deal or address of a contact, to the id here."""
        self._recorded: dict[str, tuple[str, str]] = {}
        """Id of a contact to the engagement that was recorded last of it."""

    # --- what is there at first ----------------------------------------------------------------------------------

    def seed(self, scene: Scene) -> None:
        """Colleagues, pipelines, and the companies, contacts, deals and engagements that HubSpot knows of."""
        self.hire(scene)
        for segment, (short, label) in _PIPELINES.items():
            self._world.add_pipeline("deals", label, _stages(segment, short), id=segment)
        self._world.add_property("deals", {"name": "reference", "label": "Reference"})
        why, until = _NOTES
        self._world.add_property("deals", {"name": why, "label": "Stage: why"})
        self._world.add_property("deals", {"name": until, "label": "Stage: until", "type": "date"})
        self._load("companies", {f.key: self._company(f) for f in scene.firms if f.known.system})
        self._load("contacts", {b.key: self._contact(b) for b in scene.buyers if b.known.system})
        self._load("deals", {d.key: self._deal(d) for d in scene.deals if d.known.system})
        self._ids |= {d.reference: self._ids[d.key] for d in scene.deals if d.key in self._ids}
        self._ids |= {b.email: self._ids[b.key] for b in scene.buyers if b.email and b.key in self._ids}
        self._associate(scene)
        for buyer in scene.buyers:
            if buyer.key in self._ids and buyer.opted_out.system:
                self._world.opt_out(buyer.email)
        for act in scene.acts_of("system"):
            self._record(act)

    def hire(self, scene: Scene) -> None:
        """Every colleague is a user; who has left is an archived one."""
        for colleague in scene.colleagues:
            first, _, last = colleague.name.partition(" ")
            self._ids[colleague.key] = self._world.add_owner(
                colleague.email, first, last, archived=colleague.has_left
            )

    def _load(self, object: str, records: Mapping[str, Mapping[str, str]]) -> None:
        self._ids |= zip(records, self._world.load(object, records.values()), strict=True)

    def _owner(self, key: str) -> str:
        return self._ids[key] if key else ""

    def _company(self, firm: Firm) -> dict[str, str]:
        return {
            "name": firm.legal_name,
            "domain": firm.domain,
            "city": firm.city,
            "country": firm.country,
            "numberofemployees": str(firm.employees),
            "industry": _INDUSTRY[firm.industry],
            "hubspot_owner_id": self._owner(firm.owner),
        }

    def _contact(self, buyer: Buyer) -> dict[str, str]:
        return {
            "email": buyer.email,
            "firstname": buyer.first,
            "lastname": buyer.last,
            "jobtitle": buyer.other_title,
            "phone": buyer.phone,
            "lifecyclestage": _LIFECYCLE[buyer.system_stage],
            "hubspot_owner_id": self._owner(buyer.owner),
        }

    def _deal(self, deal: Deal) -> dict[str, str]:
        return {
            "dealname": deal.name,
            "reference": deal.reference,
            "amount": str(deal.amount),
            "deal_currency_code": "EUR",
            "closedate": f"{deal.close_date.isoformat()}T00:00:00.000Z",
            "pipeline": deal.segment,
            "dealstage": _stage_id(_PIPELINES[deal.segment][0], deal.outcome or deal.stage),
            "hubspot_owner_id": self._owner(deal.owner),
        }

    def _associate(self, scene: Scene) -> None:
        for buyer in scene.buyers:
            if buyer.tied.system:
                self._tie("contacts", buyer.key, "companies", buyer.firm)
        for deal in scene.deals:
            self._tie("deals", deal.key, "companies", deal.firm)
            for key in deal.buyers:
                self._tie("deals", deal.key, "contacts", key)

    def _tie(self, here: str, key: str, there: str, other: str) -> None:
        if key in self._ids and other in self._ids:
            type_id = _PRIMARY[here] if there == "companies" else None
            self._world.associate(here, self._ids[key], there, self._ids[other], type_id)

    def _record(self, act: Act) -> None:
        self._meeting(
            _MEETINGS[act.behaviour],
            self._ids[act.buyer],
            act.at,
            [self._ids[act.deal]] if act.deal else [],
        )

    def _meeting(self, title: str, contact: str, at: datetime, deals: list[str]) -> None:
        id = self._world.engage(
            "meetings",
            contacts=[contact],
            deals=deals,
            at=at,
            hs_meeting_title=title,
            hs_meeting_outcome="COMPLETED",
            hs_meeting_start_time=iso(to_ms(at)),
            hs_meeting_end_time=iso(to_ms(at + timedelta(minutes=45))),
        )
        self._recorded[contact] = ("meetings", id)

    # --- what happens then ---------------------------------------------------------------------------------------

    def buyer_attends_demo(self, email: str, at: datetime) -> None:
        """A meeting with the buyer, held and marked as completed."""
        self._meeting("Product demo", self._ids[email], at, [])

    def rep_moves(self, reference: str, stage: str) -> None:
        """A colleague drags the deal to another column of its board."""
        id = self._ids[reference]
        pipeline = str((self._world.read("deals", id) or {})["pipeline"])
        self._world.edit("deals", id, dealstage=_stage_id(_PIPELINES[pipeline][0], stage))

    def rep_marks(self, email: str, stage: str) -> None:
        """A colleague sets the contact's lifecycle stage by hand."""
        self._world.edit("contacts", self._ids[email], lifecyclestage=_LIFECYCLE[stage])

    def rep_converts(self, email: str) -> None:
        """HubSpot knows contacts only: there is nothing to convert."""

    def buyer_acts(self, behaviour: str, email: str, at: datetime) -> None:
        """The buyer fills in a form, or meets a colleague."""
        if behaviour in _FORMS:
            self._world.submit_form(_FORMS[behaviour], email, at=at)
        else:
            self._meeting(_MEETINGS[behaviour], self._ids[email], at, [])

    def buyer_appears(self, email: str, first: str, last: str, at: datetime) -> None:
        """A form makes the contact; HubSpot ties it to the company with the domain of its address."""
        names = {"firstname": first, "lastname": last}
        self._ids[email] = self._world.submit_form("Newsletter", email, names, at)
        companies = self._world.all("companies")
        domain = email.partition("@")[2]
        company = next(company["hs_object_id"] for company in companies if company.get("domain") == domain)
        self._world.associate("contacts", self._ids[email], "companies", company, _PRIMARY["contacts"])

    def rep_calls(self, email: str, at: datetime) -> None:
        """An outbound call."""
        self._call(self._ids[email], at, "OUTBOUND")

    def _call(self, contact: str, at: datetime, direction: str) -> None:
        id = self._world.engage(
            "calls", contacts=[contact], at=at, hs_call_direction=direction, hs_call_status="COMPLETED"
        )
        self._recorded[contact] = ("calls", id)

    def rep_withdraws(self, email: str) -> None:
        """A colleague deletes the meeting or call."""
        self._world.archive(*self._recorded.pop(self._ids[email]))

    @property
    def stage_notes(self) -> tuple[str, str]:
        """Two properties of deals."""
        return _NOTES

    def rep_sets(self, reference: str, stage: str, reason: str, until: date) -> None:
        """A colleague drags the deal, and fills in both properties beside its stage."""
        self.rep_moves(reference, stage)
        beside = dict(zip(_NOTES, (reason, until.isoformat()), strict=True))
        self._world.edit("deals", self._ids[reference], **beside)

    def admin_edits(
        self, board: str, column: str, *, label: str | None = None, probability: float | None = None
    ) -> None:
        """An admin edits a stage of a deal pipeline; what is not named stays."""
        from hubspot.crm.pipelines import PipelineStagePatchInput

        library = self._library()
        pipeline = next(one for one in _pipelines(library) if one.label == board)
        stage = next(one for one in pipeline.stages if one.label == column)
        shares = {} if probability is None else {"probability": str(probability)}
        patch = PipelineStagePatchInput(label=label or stage.label, metadata={**stage.metadata, **shares})
        library.crm.pipelines.pipeline_stages_api.update("deals", pipeline.id, stage.id, patch)

    def rep_gives(self, email: str, to: str) -> None:
        """A colleague gives the contact to another one."""
        from hubspot.crm.contacts import SimplePublicObjectInput

        change = SimplePublicObjectInput(properties={"hubspot_owner_id": self._ids[to]})
        contacts = self._library().crm.contacts.basic_api
        contacts.update(email, simple_public_object_input=change, id_property="email")

    # --- what anybody can read -----------------------------------------------------------------------------------

    def _library(self) -> Any:
        from hubspot import HubSpot

        return HubSpot(access_token=self._token, host=self._url)

    def boards(self) -> Iterator[Board]:
        """Every deal pipeline through HubSpot's own client library."""
        library = self._library()
        deals: dict[str, list[str]] = {}
        for deal in _every(library, "deals"):
            deals.setdefault(deal.properties["dealstage"], []).append(deal.properties["reference"])
        for pipeline in _pipelines(library):
            stages = sorted(pipeline.stages, key=lambda stage: stage.display_order)
            yield Board(pipeline.label, tuple(_column(stage, deals) for stage in stages))

    def read_back(self) -> Iterator[Held]:
        """Every company, contact and deal through HubSpot's own client library, with its generated models."""
        library = self._library()
        for object in _READ:
            for record in _every(library, object):
                fields = dict(record.properties)
                is_out = fields.get("hs_email_optout") == "true"
                yield Held(object, record.id, fields, _related(object, record), is_out)


def _every(library: Any, object: str) -> Iterator[Any]:
    api = getattr(library.crm, object).basic_api
    after = None
    while True:
        page = api.get_page(
            limit=_PAGE, after=after, properties=_READ[object].split(), associations=list(_ENDS[object]) or None
        )
        yield from page.results
        if page.paging is None or page.paging.next is None:
            return
        after = page.paging.next.after


def _pipelines(library: Any) -> list[Any]:
    return list(library.crm.pipelines.pipelines_api.get_all("deals").results)


def _column(stage: Any, deals: Mapping[str, list[str]]) -> Column:
    return Column(stage.label, float(stage.metadata["probability"]), tuple(sorted(deals.get(stage.id, ()))))


def _related(object: str, record: Any) -> dict[str, tuple[str, ...]]:
    found = record.associations or {}
    return {
        there: tuple(dict.fromkeys(end.id for end in found[there].results)) if there in found else ()
        for there in _ENDS[object]
    }


def _stages(segment: str, short: str) -> list[dict[str, object]]:
    return [
        {
            "stageId": _stage_id(short, stage),
            "label": _stage_name(short, stage).capitalize(),
            "metadata": {"probability": probability},
        }
        for stage, (_, probability) in _STAGES.items()
        if stage != "validation" or segment == "life-sciences"
    ]


def _stage_id(short: str, stage: str) -> str:
    return f"{short}-{_stage_name(short, stage).replace(' ', '')}"


def _stage_name(short: str, stage: str) -> str:
    return "tender" if (short, stage) == ("he", "purchase") else _STAGES[stage][0]
