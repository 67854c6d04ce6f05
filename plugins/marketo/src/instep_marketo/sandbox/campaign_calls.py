"""Smart campaigns: requested for leads, or scheduled for a list; as assets, and in the lead database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from instep.sandbox import Request
from instep_marketo.sandbox.allowances import day
from instep_marketo.sandbox.assets import Campaign
from instep_marketo.sandbox.channel_calls import assets, is_named
from instep_marketo.sandbox.errors import RefusedError
from instep_marketo.sandbox.lead_calls import known_lead
from instep_marketo.sandbox.operations import Body, Operation, body_of, inputs_of, moment, need, result, whole
from instep_marketo.sandbox.paging import asset_page_of, page_of
from instep_marketo.sandbox.subscription import API, Subscription
from instep_marketo.sandbox.values import iso, iso_twice

MOST_REQUESTED = 100
EARLIEST, LATEST = timedelta(minutes=5), timedelta(days=730)


class CampaignCalls:
    """`/rest/v1/campaigns` and `/rest/asset/v1/smartCampaign`."""

    def __init__(self, subscription: Subscription) -> None:
        self._state = subscription

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        many, asset = "/rest/v1/campaigns", "/rest/asset/v1/smartCampaign"
        read, run = "Read-Only Campaign", "Execute Campaign"
        of = "/rest/v1/leads/{lead}/smartCampaignMembership.json"
        return [
            Operation("GET", f"{many}.json", self.list, "campaigns.list", read),
            Operation("GET", f"{many}/{{id}}", self.read, "campaigns.read", read),
            Operation("POST", f"{many}/{{id}}/trigger.json", self.trigger, "campaigns.trigger", run),
            Operation("POST", f"{many}/{{id}}/schedule.json", self.schedule, "campaigns.schedule", run),
            Operation("GET", of, self.of, "campaigns.of", "Read-Only Assets"),
            Operation("GET", f"{asset}s.json", self.browse, "campaigns.browse", "Read-Only Assets"),
            Operation("GET", f"{asset}/byName.json", self.by_name, "campaigns.by_name", "Read-Only Assets"),
            Operation("GET", f"{asset}/{{id}}", self.asset, "campaigns.asset", "Read-Only Assets"),
            Operation(
                "POST", f"{asset}/{{id}}/activate.json", self.activate, "campaigns.activate", "Activate Campaign"
            ),
            Operation(
                "POST",
                f"{asset}/{{id}}/deactivate.json",
                self.deactivate,
                "campaigns.deactivate",
                "Deactivate Campaign",
            ),
        ]

    # --- in the lead database ----------------------------------------------------------------------------------

    def list(self, request: Request) -> Body:
        """Campaigns, also by id or name, or only those that can be requested."""
        ids, names = request.many("id"), request.many("name")
        found = [
            self._shown(one)
            for one in self._campaigns()
            if (not ids or str(one.id) in ids) and (not names or one.name in names)
            if not request.flag("isTriggerable") or (one.type == "trigger" and one.requestable)
        ]
        page, more = page_of(found, "campaigns", request, self._state.personality)
        return result(page, **more)

    def read(self, request: Request) -> Body:
        """One campaign."""
        return result([self._shown(self._campaign(request))])

    def of(self, request: Request) -> Body:
        """The campaigns that did something with a lead."""
        lead = known_lead(self._state, request.params["lead"])
        found = [
            {"smartCampaignId": one.id, "createdAt": iso(one.leads[lead]), "updatedAt": iso(one.leads[lead])}
            for one in self._campaigns()
            if lead in one.leads
        ]
        page, more = page_of(found, "campaignsof", request, self._state.personality)
        return result(page, moreResult=bool(more), **more)

    def trigger(self, request: Request) -> Body:
        """Let a campaign run for some leads: for all of them, or for none."""
        campaign = self._campaign(request)
        if campaign.type != "trigger" or not campaign.active or not campaign.requestable:
            raise RefusedError("1003", "Campaign is not active, or not triggered by Web Service API")
        given = _input(request)
        leads = [one.get("id") for one in inputs_of({"input": given.get("leads")}, MOST_REQUESTED)]
        for lead in [known_lead(self._state, lead) for lead in leads]:
            self._state.write(lead, 47, campaign.id, campaign.name, {"Source": API})
            self._plan(campaign, lead, self._state.now() + timedelta(seconds=self._state.personality.flow_seconds))
        self._state.settle()
        return result([{"id": campaign.id}])

    def schedule(self, request: Request) -> Body:
        """Let a batch campaign run for the leads that will be on its list then; or a clone of its program."""
        campaign, now = self._campaign(request), self._state.now()
        if campaign.list is None:
            raise RefusedError("1003", "A trigger campaign cannot be scheduled")
        given = _input(request) if request.body else {}
        at = moment(given["runAt"]) if given.get("runAt") else now + EARLIEST
        if not now + EARLIEST <= at <= now + LATEST:
            raise RefusedError("1042", "Invalid runAt date")
        if given.get("cloneToProgramName"):
            campaign = self._clone(campaign, str(given["cloneToProgramName"]))
        self._state.due.append((at, partial(self._batch, campaign)))
        return result([{"id": campaign.id}])

    def _clone(self, campaign: Campaign, name: str) -> Campaign:
        """The campaign of a clone of its program."""
        state, today = self._state, day(self._state.now())
        program = state.programs.get(campaign.program or 0)
        if program is None:
            raise RefusedError("1003", "Only the campaign of a program can be cloned")
        if any(one.name == name for one in state.programs.values()):
            raise RefusedError("709", f"Program '{name}' already exists")
        if state.usage.clones[today] >= state.personality.clones_limit:
            raise RefusedError("1020", "Too many clones to program")
        state.usage.clones[today] += 1
        made = Campaign(state.ids.number(), campaign.name, campaign.flow, state.now(), list=campaign.list)
        made.program = state.clone(program, name, program.folder).id
        state.campaigns[made.id] = made
        return made

    def _batch(self, campaign: Campaign) -> None:
        for lead in sorted(self._state.lists[campaign.list or 0].leads):
            self._state.run(campaign, lead)

    def _plan(self, campaign: Campaign, lead: int, at: datetime) -> None:
        self._state.due.append((at, partial(self._state.run, campaign, lead)))

    def _shown(self, one: Campaign) -> Body:
        at = iso(one.made)
        shown = {"id": one.id, "name": one.name, "type": one.type, "active": one.active, "workspaceName": "Default"}
        program = self._state.programs.get(one.program or 0)
        more = {"programId": program.id, "programName": program.name} if program else {}
        return {**shown, "createdAt": at, "updatedAt": at, **more}

    def _campaign(self, request: Request) -> Campaign:
        found = self._state.campaigns.get(whole(request.params["id"].removesuffix(".json")) or 0)
        if found is None:
            raise RefusedError("1013", "Campaign not found")
        return found

    def _campaigns(self) -> Iterable[Campaign]:
        return self._state.campaigns.values()

    # --- as assets ---------------------------------------------------------------------------------------------

    def browse(self, request: Request) -> Body:
        """Every campaign, or those that are active, or not."""
        wanted = None if request.one("isActive") is None else request.flag("isActive")
        found = [_asset(one) for one in self._campaigns() if wanted is None or one.active == wanted]
        return assets(asset_page_of(found, request))

    def asset(self, request: Request) -> Body:
        """One campaign."""
        id = whole(request.params["id"].removesuffix(".json"))
        return assets([_asset(one) for one in self._campaigns() if one.id == id])

    def by_name(self, request: Request) -> Body:
        """The campaigns of a name."""
        name = need(request, "name")
        return assets([_asset(one) for one in self._campaigns() if is_named({"name": one.name}, name)])

    def activate(self, request: Request) -> Body:
        """Let a trigger campaign answer requests from now on."""
        return self._switched(request, to=True)

    def deactivate(self, request: Request) -> Body:
        """Let a trigger campaign answer no more."""
        return self._switched(request, to=False)

    def _switched(self, request: Request, *, to: bool) -> Body:
        campaign = self._campaign(request)
        if campaign.type != "trigger" or campaign.active == to:
            raise RefusedError("709", "Only a trigger campaign can be switched, and only to what it is not")
        campaign.active = to
        return assets([{"id": campaign.id}])


def _input(request: Request) -> Body:
    given = body_of(request).get("input")
    return given if isinstance(given, dict) else {}


def _asset(one: Campaign) -> Body:
    inactive = "Never Run" if one.type == "batch" else "Inactive"
    return {
        "id": one.id,
        "name": one.name,
        "description": "",
        "type": one.type,
        "isSystem": False,
        "isActive": one.active,
        "isRequestable": one.type == "trigger" and one.requestable,
        "status": "Active" if one.active and one.type == "trigger" else inactive,
        "qualificationRuleType": "any",
        "createdAt": iso_twice(one.made),
        "updatedAt": iso_twice(one.made),
        "workspace": "Default",
    }
