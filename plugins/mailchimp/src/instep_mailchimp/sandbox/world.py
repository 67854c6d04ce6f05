"""The hands of the account's own people, and of those who get its mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from instep_mailchimp.sandbox.account import AUDIENCE, Account, AutomationEmail, Campaign, JourneyStep
from instep_mailchimp.sandbox.audience import Audience, Event, Member, MergeField, Segment, Value
from instep_mailchimp.sandbox.service import MailchimpService


class MailchimpWorld:
    """What colleagues and contacts do by themselves. Members are named by address, hash or contact id."""

    activities: Sequence[str] = ("open", "click", "bounce")
    """What can be done with a campaign; see `instep.testing.BehaviourHands`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # --- audiences -----------------------------------------------------------------------------------------------

    def add_audience(self, name: str) -> str:
        """A further audience; gives its id."""
        with self._account.lock:
            return self._account.add_audience(name).id

    def add_field(
        self,
        tag: str,
        kind: str = "text",
        *,
        choices: Sequence[str] = (),
        required: bool = False,
        audience: str = AUDIENCE,
    ) -> int:
        """A marketer adds a merge field; gives its id."""
        with self._account.lock:
            made = MergeField(0, tag, tag.title(), kind, required=required, choices=list(choices))
            return self._account.add_field(self._account.audience(audience), made).merge_id

    def drop_field(self, tag: str, *, audience: str = AUDIENCE) -> None:
        """A marketer deletes a merge field, and with it what every member holds in it."""
        with self._account.lock:
            found = self._account.audience(audience)
            del found.fields[tag]
            for member in found.members.values():
                member.merge.pop(tag, None)

    # --- members -------------------------------------------------------------------------------------------------

    def add_member(
        self,
        email: str,
        status: str = "subscribed",
        *,
        by_form: bool = False,
        audience: str = AUDIENCE,
        **values: Value,
    ) -> str:
        """Somebody comes, by a form or by the hand of a colleague; gives the contact id."""
        with self._account.lock:
            found, now = self._account.audience(audience), self._account.now()
            source = "Hosted Signup Form" if by_form else "Admin Add"
            made = self._account.add_member(found, email, status, source)
            made.merge |= values
            if by_form:
                made.timestamp_signup = now
            if status == "subscribed":
                made.timestamp_opt = now
            self._account.tell_new(found, made, "contact" if by_form else "admin")
            return made.contact_id

    def load(self, object: str, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Put many members in at once, by the id of their audience ("members" means the first); gives contact ids.

        "email-activity" is what members of the first audience do with a campaign that goes out to it just before.
        """
        if object == "email-activity":
            return [self._load_activity(dict(record)) for record in records]
        audience = AUDIENCE if object == "members" else object
        if audience not in self._account.audiences:
            raise ValueError(
                f'there is no audience "{object}" (there are: members, {", ".join(self._account.audiences)})'
            )
        return [self._load_one(audience, dict(record)) for record in records]

    def _load_one(self, audience: str, values: dict[str, Any]) -> str:
        email, status = values.pop("email_address", ""), values.pop("status", "subscribed")
        if not email:
            raise ValueError("a member has no email_address")
        if unknown := sorted(values.keys() - self._account.audience(audience).fields.keys()):
            raise ValueError(f"there is no merge field {unknown[0]}")
        return self.add_member(email, status, audience=audience, **values)

    def _load_activity(self, values: dict[str, Any]) -> str:
        email, action = values.pop("email_address", ""), values.pop("action", "")
        with self._account.lock:
            if self._account.audience(AUDIENCE).find(email) is None:
                raise ValueError(f'there is no member "{email}"')
            if action not in self.activities:
                raise ValueError(f'there is no action "{action}", only {", ".join(self.activities)}')
            if unknown := sorted(values.keys() - {"url"}):
                raise ValueError(f"an activity has no {unknown[0]}")
            campaign = self.send_campaign()
            self.react(action, email, campaign, **values)
            return campaign

    def confirm(self, member: str, *, audience: str = AUDIENCE) -> None:
        """Somebody presses the button of the mail that asks for consent."""
        with self._account.lock:
            found = self._member(member, audience)
            found.timestamp_signup = found.timestamp_opt = self._account.now()
            self._account.set_status(self._account.audience(audience), found, "subscribed", "contact")

    def unsubscribe(
        self, member: str, *, by: str = "contact", campaign: str = "", reason: str = "", audience: str = AUDIENCE
    ) -> None:
        """Somebody unsubscribes, perhaps by the link of a campaign, or a colleague ("admin") does it for them."""
        with self._account.lock:
            found = self._member(member, audience)
            self._account.set_status(self._account.audience(audience), found, "unsubscribed", by)
            found.reason = reason or found.reason
            if campaign:
                self._got(found, campaign)
                found.events.append(Event("unsub", self._account.now(), campaign, reason=reason))

    def clean(self, member: str, *, audience: str = AUDIENCE) -> None:
        """Mail comes back too often, so Mailchimp cleans the address."""
        with self._account.lock:
            found = self._account.audience(audience)
            self._account.set_status(found, self._member(member, audience), "cleaned", "bounce")

    def review(self, member: str, *, audience: str = AUDIENCE) -> None:
        """Mailchimp puts a member under review: only the person can subscribe again."""
        with self._account.lock:
            self._member(member, audience).is_under_review = True

    def archive(self, member: str, *, audience: str = AUDIENCE) -> None:
        """A colleague archives a member."""
        with self._account.lock:
            self._account.archive(self._account.audience(audience), self._member(member, audience), "admin")

    def forget(self, member: str, *, audience: str = AUDIENCE) -> None:
        """A colleague deletes a member for good."""
        with self._account.lock:
            self._account.forget(self._account.audience(audience), self._member(member, audience), "admin")

    def edit(self, member: str, *, audience: str = AUDIENCE, **values: Value) -> None:
        """A colleague changes merge fields."""
        with self._account.lock:
            found = self._member(member, audience)
            found.merge |= values
            self._account.touch(found)
            self._account.tell_changed(self._account.audience(audience), found, found.email, "admin")

    def change_email(self, member: str, email: str, *, audience: str = AUDIENCE) -> None:
        """Somebody changes their address: the hash is another then, the contact id is not."""
        with self._account.lock:
            found = self._member(member, audience)
            old, found.email = found.email, email
            self._account.touch(found)
            self._account.tell_changed(self._account.audience(audience), found, old, "contact")

    def tag(self, member: str, *names: str, audience: str = AUDIENCE) -> None:
        """A colleague puts tags on a member."""
        with self._account.lock:
            for name in names:
                self._account.change_tag(
                    self._account.audience(audience), name, [self._member(member, audience)], has=True
                )

    def untag(self, member: str, *names: str, audience: str = AUDIENCE) -> None:
        """A colleague takes tags off a member."""
        with self._account.lock:
            for name in names:
                self._account.change_tag(
                    self._account.audience(audience), name, [self._member(member, audience)], has=False
                )

    def add_segment(self, name: str, tag: str, op: str, value: str = "", *, audience: str = AUDIENCE) -> int:
        """A colleague saves a segment with one condition about a merge field; gives its id."""
        condition = {"condition_type": "TextMerge", "field": tag, "op": op, "value": value}
        with self._account.lock:
            return self._account.add_segment(self._account.audience(audience), name, "all", [condition]).id

    def change_segment(self, name: str, tag: str, op: str, value: str = "", *, audience: str = AUDIENCE) -> None:
        """A colleague gives a saved segment another condition."""
        with self._account.lock:
            found = self._segment(name, audience)
            found.conditions = [{"condition_type": "TextMerge", "field": tag, "op": op, "value": value}]
            found.updated = self._account.now()

    def drop_segment(self, name: str, *, audience: str = AUDIENCE) -> None:
        """A colleague deletes a saved segment."""
        with self._account.lock:
            del self._account.audience(audience).segments[self._segment(name, audience).id]

    def _segment(self, name: str, audience: str) -> Segment:
        return next(one for one in self._account.audience(audience).segments.values() if one.name == name)

    def tags(self, member: str, *, audience: str = AUDIENCE) -> set[str]:
        """The tags that a member has."""
        with self._account.lock:
            return set(self._member(member, audience).tags)

    def look(self, member: str, *, audience: str = AUDIENCE) -> dict[str, object]:
        """A member as the API would tell it."""
        with self._account.lock:
            return self._account.audience(audience).shown(self._member(member, audience))

    def emails(self, *, audience: str = AUDIENCE) -> list[str]:
        """The address of every member, archived ones included."""
        with self._account.lock:
            return [member.email for member in self._account.audience(audience).members.values()]

    # --- campaigns -----------------------------------------------------------------------------------------------

    def send_campaign(self, subject: str = "News", *, audience: str = AUDIENCE) -> str:
        """A campaign goes out to everybody who is subscribed; gives its id."""
        with self._account.lock:
            found = self._account.audience(audience)
            recipients = [id for id, member in found.members.items() if member.status == "subscribed"]
            made = Campaign(
                self._account.hex(10),
                self._account.ids.number(),
                audience,
                subject,
                self._account.now(),
                recipients,
            )
            self._account.campaigns[made.id] = made
            self._account.tell_campaign(found, made)
            return made.id

    def react(
        self,
        kind: str,
        member: str,
        campaign: str,
        *,
        url: str = "https://sandbox.example/offer",
        bounce: str = "hard",
        audience: str = AUDIENCE,
        at: datetime | None = None,
    ) -> None:
        """Somebody opens or clicks, or a mail comes back; now, unless it is said when. Who acts got the mail."""
        with self._account.lock:
            found = self._member(member, audience)
            self._got(found, campaign)
            found.events.append(Event(kind, at or self._account.now(), campaign, url, bounce))

    def _got(self, member: Member, campaign: str) -> None:
        recipients = self._account.campaigns[campaign].recipients
        if member.contact_id not in recipients:
            recipients.append(member.contact_id)

    def act(self, kind: str, object: str, id: str) -> None:
        """Something of this kind is done by a member, with a campaign that went out just before."""
        self.react(kind, id, self.send_campaign())

    def correct_act(self, kind: str, id: str) -> bool:
        """Nobody can correct an activity."""
        return False

    def withdraw_act(self, kind: str, id: str) -> bool:
        """Nobody can withdraw an activity."""
        return False

    # --- journeys and automations --------------------------------------------------------------------------------

    def add_journey(self, *, audience: str = AUDIENCE) -> tuple[int, int]:
        """A marketer builds a journey with a step that waits for apps; gives the ids of both."""
        with self._account.lock:
            journey, step = self._account.ids.number(), self._account.ids.number()
            self._account.journeys[str(journey), str(step)] = JourneyStep(audience)
            return journey, step

    def triggered(self, journey: int, step: int) -> list[str]:
        """The contact ids for which a step was set off, one for each time."""
        with self._account.lock:
            return list(self._account.journeys[str(journey), str(step)].triggered)

    def add_automation(self, *, audience: str = AUDIENCE) -> tuple[str, str]:
        """A marketer builds a classic automation with one e-mail; gives the ids of both."""
        with self._account.lock:
            made = AutomationEmail(self._account.hex(10), self._account.hex(10), audience)
            self._account.automations[made.id] = made
            return made.workflow_id, made.id

    # --- webhooks ------------------------------------------------------------------------------------------------

    def deliver(self) -> int:
        """Post what webhooks are to hear by now; gives how many posts were sent. Nothing is posted without this."""
        return MailchimpService(self._account).deliver()

    def _member(self, key: str, audience: str) -> Member:
        found: Audience = self._account.audience(audience)
        member = found.find(key)
        if member is None:
            raise KeyError(key)
        return member
