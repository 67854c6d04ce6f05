"""Reads the members of audiences; writing is next door. The id of a record is its contact id, which never changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta

from instep.contract import (
    BatchSizes,
    Capabilities,
    Garbled,
    Gone,
    Item,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Scalar,
    Seen,
    Write,
    Written,
)
from instep.errors import RemoteError
from instep_mailchimp import values, wire
from instep_mailchimp.answers import Call, RefusedError
from instep_mailchimp.associations import Held, Segments
from instep_mailchimp.batches import Operation, Operations
from instep_mailchimp.changes import ChangeReader
from instep_mailchimp.client import MailchimpClient
from instep_mailchimp.queries import KeyIndex
from instep_mailchimp.schema import MergeFields
from instep_mailchimp.walk import UNWANTED, Walker
from instep_mailchimp.wire import ARCHIVED, Member
from instep_mailchimp.writes import Writer

_ONE: dict[str, str] = {"exclude_fields": ",".join(UNWANTED)}


class MailchimpRecords:
    """The members of the audiences that take part, each audience an object by the name that the settings give it."""

    batch = BatchSizes(read=100, find=100, write=500, consent=100)

    def __init__(self, client: MailchimpClient, fields: MergeFields, segments: Segments) -> None:
        settings = client.settings
        self._client, self._fields, self._segments = client, fields, segments
        self._lists = dict(settings.audiences)
        self._stage_tags = settings.stage_tags
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        walker = Walker(client)
        self._changes = ChangeReader(walker, segments, self._overlap)
        self._keys = KeyIndex(walker, self._overlap)
        self._operations = Operations(client)
        self._writer = Writer(settings, fields, self._operations, self._keys, self.seen_fields)

    @property
    def capabilities(self) -> Capabilities:
        """What the engine may rely on. Members are associated with nothing."""
        return Capabilities(
            upsert_by_key=True,
            batch_partial=True,
            delete_feed=True,
            relates=dict.fromkeys(self._lists, ()),
            consent_fields=frozenset((values.UNSUBSCRIBED,)),
        )

    @property
    def objects(self) -> tuple[str, ...]:
        """The names of the audiences."""
        return tuple(self._lists)

    @property
    def index_lag(self) -> timedelta:
        """How far every read goes back."""
        return self._overlap

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages of every member, or of those that changed: who entered or left a segment, then archived ones.

        Two calls while nothing changes, one more for each thousand members, and for each thousand of a segment.
        Members that were deleted for good are in no listing; `read` tells of them. mailchimp.com/developer/marketing
        """
        list_id = self._lists[object]
        self._fields.read(list_id)
        return self._changes.read(
            list_id, cursor, lambda member, held: self._seen(list_id, member, fields, held), fields
        )

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Read members by contact id, one call for each. Archived ones are gone, and so is one that is not there."""
        list_id = self._lists[object]
        held = self._segments.held(list_id, fields)
        found = {id: self._read_one(list_id, id, fields, held) for id in dict.fromkeys(ids)}
        return [found[id] for id in ids]

    def find(
        self, object: str, key_field: str, values_: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen | Gone, ...]]:
        """Find members by address (a call for each), or by a merge field (`KeyIndex`). Archived ones are `Gone`."""
        list_id = self._lists[object]
        wanted = [value for value in dict.fromkeys(values_) if value]
        if key_field == values.EMAIL:
            keys = {value: [wire.subscriber_hash(value)] for value in wanted}
        elif not wanted or key_field not in self._fields.read(list_id):
            keys = {}
        else:
            keys = self._keys.holders(list_id, key_field, wanted)
        members = {value: self._members(list_id, keys[value]) for value in keys}
        held = self._segments.held(list_id, fields) if any(members.values()) else {}
        found = {
            value: tuple(self._item(list_id, member, fields, held) for member in some)
            for value, some in members.items()
        }
        return [found.get(value, ()) for value in values_]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write members; `writes` says how each kind is sent."""
        return self._writer.write(self._lists[object], writes, fields)

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """Nothing: members are not associated with each other."""
        return [() for _ in ids]

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Refused: there is nothing to associate a member with."""
        return [Rejected("no_relations", "Mailchimp associates members with nothing.") for _ in relations]

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """What is not there counts as removed."""
        return [Written(relation.id, {}) for relation in relations]

    def settle(self) -> None:
        """Wait for batches that an earlier run began."""
        self._operations.settle()

    # --- one member ----------------------------------------------------------------------------------------------

    def _members(self, list_id: str, keys: Sequence[str]) -> list[Member]:
        found = (self._member(list_id, key) for key in keys)
        return [member for member in found if isinstance(member, Member)]

    def _read_one(self, list_id: str, id: str, fields: Sequence[str], held: Held) -> Item:
        member = self._member(list_id, id)
        if member is None:
            return Gone(id)
        return self._item(list_id, member, fields, held) if isinstance(member, Member) else member

    def _member(self, list_id: str, key: str) -> Member | Garbled | None:
        """A member by contact id or hash; None where there is none."""
        operation = reading(list_id, key)
        call = Call("GET", operation.path, operation.label, operation.query)
        try:
            found = self._client.fetch(call, wire.one_member).value
        except RefusedError as refused:
            if refused.status in (404, 410):
                return None
            raise
        return found if isinstance(found, Member) else Garbled(found.contact_id, found.reason)

    def _item(self, list_id: str, member: Member, fields: Sequence[str], held: Held) -> Seen | Gone:
        if member.status == ARCHIVED:
            return Gone(member.contact_id, member.last_changed.astimezone(UTC))
        return self._seen(list_id, member, fields, held)

    def _seen(self, list_id: str, member: Member, fields: Sequence[str], held: Held) -> Seen:
        segments = {name: member.unique_email_id in members for name, members in held.items()}
        return Seen(
            member.contact_id,
            {**self.seen_fields(list_id, member, fields), **segments},
            member.last_changed.astimezone(UTC),
        )

    def seen_fields(self, list_id: str, member: Member, fields: Sequence[str]) -> dict[str, Scalar]:
        """The named fields of a member, typed, but for segments. Of more than fifty tags the rest is asked for.

        A write may move its member into a segment or out of it: the next read of changes tells.
        """
        if member.tags_count > len(member.tags) and {values.TAGS, values.STAGE_TAG} & set(fields):
            member.tags = self._all_tags(list_id, member)
        return values.typed(member, fields, self._fields.of(list_id), self._stage_tags)

    def _all_tags(self, list_id: str, member: Member) -> list[wire.Tag]:
        query = {"count": "1000", "fields": "tags.id,tags.name,total_items"}
        call = Call("GET", wire.members_path(list_id, member.contact_id, "tags"), "members/tags", query)
        found = self._client.fetch(call, wire.tags).value
        if len(found.tags) < found.total_items:
            raise RemoteError("Mailchimp (members/tags): a member has more than a thousand tags. Remove some.")
        return found.tags


def reading(list_id: str, key: str) -> Operation:
    """The operation that reads one member."""
    return Operation("GET", wire.members_path(list_id, key), "members/read", _ONE)
