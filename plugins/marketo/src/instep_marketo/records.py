"""The leads of a subscription: reads what changed, finds, writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from instep.contract import (
    BatchSizes,
    Capabilities,
    Gone,
    Item,
    MergedInto,
    Outcome,
    Page,
    Rejected,
    Related,
    Relation,
    Seen,
    Write,
    Written,
)
from instep_marketo.associations import Members
from instep_marketo.changes import ChangeReader
from instep_marketo.client import MarketoClient
from instep_marketo.queries import Leads
from instep_marketo.schema import Schema
from instep_marketo.settings import MarketoSettings
from instep_marketo.walk import Merges
from instep_marketo.writes import Writer

_CONSENT_FLAGS: Final = frozenset(("unsubscribed", "marketingSuspended"))
_NO_RELATIONS: Final = Rejected("no_relations", "Marketo's leads are not associated with other records here.")


class MarketoRecords:
    """The record store of one subscription. Its only object is `leads`.

    Companies and opportunities are not read: Marketo lists neither, and gives them only to those who know their keys.
    """

    objects = ("leads",)

    def __init__(self, client: MarketoClient, settings: MarketoSettings, schema: Schema) -> None:
        members = Members(client, settings)
        hanging = 4 * len(members.programs) + 2 * len(members.lists) + 3 * len(settings.requests)
        self.batch = BatchSizes(
            read=300, find=300, write=300, related=300, relate=300, consent=300, calls=2 + hanging
        )
        self._merges = Merges(client, timedelta(days=settings.merges_since_days))
        self._leads = Leads(client, schema, members)
        self._changes = ChangeReader(client, settings, schema, self._leads, self._merges)
        self._writer = Writer(client, settings, members, self._merges)
        self.index_lag = timedelta(seconds=settings.activity_lag_seconds)
        self.capabilities = Capabilities(
            upsert_by_key=True,
            batch_partial=True,
            delete_feed=True,
            merge_signal=True,
            can_regress=dict.fromkeys(members.programs, "no"),
            relates={"leads": ()},
            consent_fields=_CONSENT_FLAGS,
        )

    def changed_since(self, object: str, fields: Sequence[str], cursor: str | None) -> Iterator[Page]:
        """Yield pages of every lead, or of those that the activity log tells of since `cursor`.

        The first read takes one bulk extract for each month since the setting `first_lead_created`, each a minute or
        more, and one call for each 300 leads. Later ones take three calls while nothing changes.
        """
        return self._changes.read(fields, cursor)

    def read(self, object: str, ids: Sequence[str], fields: Sequence[str]) -> list[Item]:
        """Read leads by id. One that is not there was merged, as far as the activity log tells; else it is gone."""
        alive: dict[str, Seen] = self._leads.by_id(ids, fields)
        merged = self._merges.survivors([id for id in dict.fromkeys(ids) if id not in alive])
        found: dict[str, Item] = {**alive}
        found |= {id: MergedInto(id, survivor, at) for id, (survivor, at) in merged.items()}
        return [found.get(id) or Gone(id) for id in ids]

    def find(
        self, object: str, key_field: str, values: Sequence[str], fields: Sequence[str]
    ) -> list[tuple[Seen | Gone, ...]]:
        """Find leads by their e-mail address, or by a custom text or whole number; several may hold one value.

        Marketo does not tell of deleted leads what they held.
        """
        found = self._leads.holding(key_field, values, fields)
        return [tuple(found.get(value.casefold(), ())) for value in values]

    def write(self, object: str, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """Write leads, all of one kind. Marketo's answer tells no values, so none are read back."""
        return self._writer.write(writes)

    def related(self, object: str, ids: Sequence[str], to_object: str) -> list[tuple[Related, ...]]:
        """Leads are associated with nothing."""
        return [() for _ in ids]

    def relate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Leads are associated with nothing."""
        return [_NO_RELATIONS for _ in relations]

    def unrelate(self, relations: Sequence[Relation]) -> list[Outcome]:
        """Leads are associated with nothing, so nothing is to be removed."""
        return [Written(relation.id, {}) for relation in relations]
