"""Writes members: looks each up, decides, sends, and says what came of it, in the order of the input.

A member's status is part of no request here, but for two cases: somebody new needs one (`status_if_new`), and a
record that says its person unsubscribed means just that. So nobody is ever subscribed by writing fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from instep.contract import (
    Create,
    Delete,
    Erase,
    Missing,
    Outcome,
    Rejected,
    Scalar,
    Unknown,
    Update,
    Write,
    Written,
)
from instep.errors import RetryLaterError
from instep_mailchimp import values, wire
from instep_mailchimp.batches import Done, NotKnown, Operation, Operations, Refused, Result
from instep_mailchimp.queries import KeyIndex
from instep_mailchimp.refusals import UNREADABLE, outcome_of
from instep_mailchimp.schema import MergeFields
from instep_mailchimp.settings import MailchimpSettings
from instep_mailchimp.walk import UNWANTED
from instep_mailchimp.wire import ARCHIVED, Member

_TELLING: Final = {"exclude_fields": ",".join(UNWANTED)}
SeenFields = Callable[[str, Member, Sequence[str]], dict[str, Scalar]]
_ARCHIVED: Final = Rejected(
    "archived",
    "This person was archived in Mailchimp, and no sync brings them back. Unarchive them there if that is wanted.",
)


@dataclass(slots=True)
class _Job:
    """One write on its way."""

    place: int
    write: Write
    body: values.Body
    key: str
    """By what the member is looked up: contact id or hash."""
    member: Member | None = None
    operation: Operation | None = None
    created: bool = False
    stage: str | None = None
    changes: list[dict[str, str]] = field(default_factory=list)


class Writer:
    """Writes to one account. Writes about the same member are sent one after the other."""

    def __init__(
        self,
        settings: MailchimpSettings,
        fields: MergeFields,
        operations: Operations,
        keys: KeyIndex,
        seen_fields: SeenFields,
    ) -> None:
        self._settings, self._fields = settings, fields
        self._operations, self._keys, self._seen_fields = operations, keys, seen_fields

    def write(self, list_id: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """One outcome for each write."""
        outcomes: dict[int, Outcome] = {}
        jobs: list[_Job] = []
        for place, write in enumerate(writes):
            prepared = self._prepared(list_id, place, write)
            if isinstance(prepared, Rejected):
                outcomes[place] = prepared
            else:
                jobs.append(prepared)
        while jobs:
            wave: dict[str, _Job] = {}
            for job in jobs:
                wave.setdefault(job.key, job)
            outcomes |= self._wave(list_id, list(wave.values()), fields)
            jobs = [job for job in jobs if job.place not in outcomes]
        return [outcomes[place] for place in range(len(writes))]

    def _prepared(self, list_id: str, place: int, write: Write) -> _Job | Rejected:
        match write:
            case Create(key_field, key, given):
                body = self._body(list_id, {**given, key_field: key})
                if isinstance(body, Rejected):
                    return body
                email = str(body.plain.get(values.EMAIL) or "")
                if not email:
                    reason = "Mailchimp knows people by their e-mail address, and this one has none."
                    return Rejected("no_email", reason, values.EMAIL, permanent=False)
                return _Job(place, write, body, wire.subscriber_hash(email))
            case Update(id, given):
                body = self._body(list_id, given)
                return body if isinstance(body, Rejected) else _Job(place, write, body, id)
            case Delete(id) | Erase(id):
                return _Job(place, write, values.Body(), id)

    def _body(self, list_id: str, given: Any) -> values.Body | Rejected:
        """The body for some fields. A field that is not known may have been made since the fields were read."""
        known = self._fields.of(list_id)
        body = values.body_of(given, known, self._settings.stage_tags)
        if isinstance(body, Rejected) and body.code in ("unknown_field", "invalid_value"):
            body = values.body_of(given, self._fields.read(list_id), self._settings.stage_tags)
        return body

    # --- one wave ------------------------------------------------------------------------------------------------

    def _wave(self, list_id: str, jobs: list[_Job], fields: Sequence[str]) -> dict[int, Outcome]:
        outcomes = self._looked_up(list_id, jobs)
        jobs = [job for job in jobs if job.place not in outcomes]
        unknown = [job for job in jobs if isinstance(job.write, Create) and job.member is None]
        outcomes |= self._find_by_key(list_id, unknown)
        jobs = [job for job in jobs if job.place not in outcomes]
        for job in jobs:
            decided = self._decided(list_id, job)
            if decided is not None:
                outcomes[job.place] = decided
        outcomes |= self._sent(list_id, [job for job in jobs if job.place not in outcomes])
        left = [job for job in jobs if job.place not in outcomes]
        outcomes |= self._tagged(list_id, left)
        for job in left:
            if job.place not in outcomes:
                outcomes[job.place] = self._written(list_id, job, fields)
        return outcomes

    def _looked_up(self, list_id: str, jobs: list[_Job]) -> dict[int, Outcome]:
        """Read each member as it is now. One that cannot be read has its outcome already: nothing is sent to it."""
        outcomes: dict[int, Outcome] = {}
        asked = [Operation("GET", wire.members_path(list_id, job.key), "members/read", _TELLING) for job in jobs]
        for job, result in zip(jobs, self._operations.run(asked), strict=True):
            match result:
                case Done(data):
                    job.member = wire.read_member(data)
                    if job.member is None:
                        outcomes[job.place] = UNREADABLE
                case Refused(404 | 410):
                    job.member = None
                case Refused(status, problem):
                    outcomes[job.place] = outcome_of(problem, status)
                case NotKnown(reason):
                    raise RetryLaterError(reason)
        return outcomes

    def _find_by_key(self, list_id: str, jobs: list[_Job]) -> dict[int, Outcome]:
        """Whom our own key names under another address: that one was created before, and changed it since."""
        outcomes: dict[int, Outcome] = {}
        by_field: dict[str, list[_Job]] = {}
        for job in jobs:
            if isinstance(job.write, Create) and job.write.key_field != values.EMAIL:
                by_field.setdefault(job.write.key_field, []).append(job)
        for name, some in by_field.items():
            keys = {job.place: job.write.key for job in some if isinstance(job.write, Create)}
            holders = self._keys.holders(list_id, name, set(keys.values()))
            found = [(job, holders[keys[job.place]][0]) for job in some if holders[keys[job.place]]]
            asked = [Operation("GET", wire.members_path(list_id, id), "members/read", _TELLING) for _, id in found]
            for (job, _), result in zip(found, self._operations.run(asked), strict=True):
                if isinstance(result, Done):
                    job.member = wire.read_member(result.data)
                    if job.member is None:
                        outcomes[job.place] = UNREADABLE
        return outcomes

    def _decided(self, list_id: str, job: _Job) -> Outcome | None:
        """What is to be sent, or what came of it already."""
        member, write = job.member, job.write
        if isinstance(write, Create):
            return self._decide_create(list_id, job, write)
        if member is None or (member.status == ARCHIVED and not isinstance(write, Erase)):
            return Missing()
        path = wire.members_path(list_id, member.contact_id)
        if isinstance(write, Delete):
            job.operation = Operation("DELETE", path, "members/archive")
            return None
        if isinstance(write, Erase):
            path = wire.members_path(list_id, member.contact_id, "actions", "delete-permanent")
            job.operation = Operation("POST", path, "members/forget")
            return None
        return self._decide_change(path, job, member)

    def _decide_create(self, list_id: str, job: _Job, write: Create) -> Outcome | None:
        member = job.member
        if member is None:
            job.created = True
            status = "unsubscribed" if job.body.unsubscribed else self._settings.new_members
            body = {**job.body.to_json(), "status_if_new": status}
            job.operation = Operation("PUT", wire.members_path(list_id, job.key), "members/put", self._query(), body)
            job.stage = job.body.stage
            return None
        if write.key_field != values.EMAIL:
            held = str(member.merge_fields.get(write.key_field) or "")
            if held != write.key:
                reason = f"Mailchimp already has a member with the address {write.fields.get(values.EMAIL)}."
                return Rejected("duplicate", reason, values.EMAIL, existing_id=member.contact_id)
        if member.status == ARCHIVED:
            return _ARCHIVED
        return self._decide_change(wire.members_path(list_id, member.contact_id), job, member)

    def _decide_change(self, path: str, job: _Job, member: Member) -> Outcome | None:
        body = job.body.to_json()
        if job.body.unsubscribed and member.status != "unsubscribed":
            body["status"] = "unsubscribed"
        if job.body.unsubscribed is False and member.status == "unsubscribed":
            return Rejected(
                "compliance",
                "An unsubscribe is lifted by recording a new consent only, never by writing a field.",
                values.UNSUBSCRIBED,
            )
        if str(body.get(values.EMAIL, "")) == member.email_address:
            del body[values.EMAIL]
        if body:
            job.operation = Operation("PATCH", path, "members/update", self._query(), body)
        if job.body.has_stage:
            job.stage = job.body.stage
        return None

    def _query(self) -> dict[str, str]:
        return {"skip_merge_validation": "true"} if self._settings.skip_required else {}

    # --- sending -------------------------------------------------------------------------------------------------

    def _sent(self, list_id: str, jobs: list[_Job]) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        sending = [(job, job.operation) for job in jobs if job.operation is not None]
        results = self._operations.run([operation for _, operation in sending])
        for (job, operation), result in zip(sending, results, strict=True):
            outcome = _outcome(result)
            if isinstance(outcome, Rejected) and outcome.code == "duplicate":
                outcome = self._with_holder(list_id, job, outcome)
            if outcome is not None:
                outcomes[job.place] = outcome
            elif operation.label in ("members/archive", "members/forget"):
                outcomes[job.place] = Written(job.key, {})
            elif isinstance(result, Done):
                before, job.member = job.member, wire.read_member(result.data)
                if job.member is None:
                    reason = f"Mailchimp ({operation.label}): took the write, and its answer cannot be read."
                    outcomes[job.place] = Unknown(reason)
                elif job.member.status == ARCHIVED and before is not None:
                    outcomes[job.place] = Missing()
        return outcomes

    def _with_holder(self, list_id: str, job: _Job, refusal: Rejected) -> Rejected:
        """Who has the address that was wanted."""
        email = str(job.body.plain.get(values.EMAIL) or "")
        if not email:
            return refusal
        path = wire.members_path(list_id, wire.subscriber_hash(email))
        (result,) = self._operations.run([Operation("GET", path, "members/read", _TELLING)])
        holder = wire.read_member(result.data) if isinstance(result, Done) else None
        existing_id = holder.contact_id if holder else None
        return Rejected(refusal.code, refusal.reason, refusal.field, existing_id=existing_id)

    def _tagged(self, list_id: str, jobs: list[_Job]) -> dict[int, Outcome]:
        """Tags are changed by requests of their own; automations that wait for a tag do not hear of a sync."""
        outcomes: dict[int, Outcome] = {}
        staged: list[tuple[_Job, Operation]] = []
        for job in jobs:
            if job.body.has_stage and job.member is not None:
                self._seen_fields(list_id, job.member, (values.TAGS,))  # of more than fifty tags, the rest as well
                job.changes = values.stage_changes(job.member, self._settings.stage_tags, job.stage)
                if job.changes:
                    path = wire.members_path(list_id, job.member.contact_id, "tags")
                    body = {"tags": job.changes, "is_syncing": True}
                    staged.append((job, Operation("POST", path, "members/tags", body=body)))
        for (job, _), result in zip(staged, self._operations.run([one for _, one in staged]), strict=True):
            outcome = _outcome(result)
            if outcome is not None:
                outcomes[job.place] = outcome
            elif job.member is not None:
                job.member.tags = _changed_tags(job.member.tags, job.changes)
                job.member.tags_count = len(job.member.tags)
        return outcomes

    def _written(self, list_id: str, job: _Job, fields: Sequence[str]) -> Outcome:
        member = job.member
        if member is None:
            return Unknown("Mailchimp's answer does not tell of this member.")
        seen = self._seen_fields(list_id, member, fields)
        return Written(member.contact_id, seen, member.last_changed.astimezone(UTC), job.created)


def _outcome(result: Result) -> Outcome | None:
    """What came of an operation that was not simply done."""
    match result:
        case Refused(status, problem):
            return outcome_of(problem, status)
        case NotKnown(reason):
            return Unknown(reason)
        case _:
            return None


def _changed_tags(tags: list[wire.Tag], changes: list[dict[str, str]]) -> list[wire.Tag]:
    gone = {change["name"] for change in changes if change["status"] == "inactive"}
    added = [wire.Tag(change["name"]) for change in changes if change["status"] == "active"]
    return [*(tag for tag in tags if tag.name not in gone), *added]
