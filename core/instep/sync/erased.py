"""Who was erased: keyed hashes, enough to know somebody again and not to say who it was; and what they bar.

The key is the workspace's own and random: without it nobody can find out by trying which addresses were erased.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from instep.contract import BehaviourSeen, ConvertedTo, Item, MergedInto, Related
from instep.mapping.compiled import EntityMapping
from instep.model.entities import FieldType, Kind
from instep.model.identity import normalised_key
from instep.model.values import Scalar
from instep.store import Store
from instep.sync.ledger import Ref

if TYPE_CHECKING:
    from instep.sync.session import Session

KEY = "erasing_key"


class Erased:
    """The persons that nothing may bring back, by keyed hashes of their addresses, records and ids."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = (store.meta(KEY) or "").encode()
        self._subjects: dict[str, str] = dict(store.rows("SELECT hash, subject FROM erased")) if self._key else {}

    def __bool__(self) -> bool:
        return bool(self._subjects)

    def name(self, text: str) -> str:
        """What stands for a name in whatever is kept: the same for the same name, and in this workspace only."""
        if not self._key:
            self._key = secrets.token_hex(32).encode()
            self._store.set_meta(KEY, self._key.decode())
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def subject(self, names: Iterable[str]) -> str | None:
        """Who is meant by one of these names, if they were erased."""
        if not self._subjects:
            return None
        return next((found for name in names if (found := self._subjects.get(self.name(name)))), None)

    def has(self, *names: str) -> bool:
        """Whether one of these names is that of somebody who was erased."""
        return self.subject(names) is not None

    def add(self, subject: str, names: Iterable[str], at: datetime) -> int:
        """Bar these names from now on, inside a transaction; returns how many names `subject` has now."""
        hashes = {self.name(name) for name in names}
        rows = [(hash, subject, at.isoformat()) for hash in sorted(hashes)]
        self._store.bulk("INSERT OR REPLACE INTO erased VALUES (?, ?, ?)", rows)
        self._subjects |= dict.fromkeys(hashes, subject)
        return len(hashes)

    def lift(self, subject: str) -> None:
        """Bar nothing of this person any more, inside a transaction."""
        self._store.run("DELETE FROM erased WHERE subject = ?", (subject,))
        self._subjects = {hash: of for hash, of in self._subjects.items() if of != subject}


def by_address(email: str) -> str:
    """The name of whoever has an address."""
    return f"email {normalised_key(FieldType.EMAIL, email)}"


def by_record(ref: Ref) -> str:
    """The name of whoever a record is about."""
    return f"record {ref}"


def by_id(instep_id: str) -> str:
    """The name of whoever has an instep_id."""
    return f"id {normalised_key(FieldType.TEXT, instep_id)}"


def names_by(key: str) -> list[str]:
    """Every name that a person may mean by a key."""
    return [by_address(key), f"record {key.strip()}", by_id(key)]


def addresses(mapping: EntityMapping, fields: Mapping[str, Scalar]) -> set[str]:
    """The e-mail addresses that a record holds, as keys."""
    held = (fields.get(field.field) for field in mapping.fields if field.type is FieldType.EMAIL)
    return {key for value in held if (key := normalised_key(FieldType.EMAIL, value))}


# --- what does not come in -------------------------------------------------------------------------------------


def without_erased(session: Session, connection: str, object: str, items: Sequence[Item]) -> list[Item]:
    """Leave out the records of persons who were erased, inside a transaction; each is accounted for.

    What became of such a record is theirs too, unless it is somebody else's already.
    """
    mapping = session.mapping(connection, object)
    if mapping is None or mapping.kind is not Kind.PERSON:
        return list(items)
    left = []
    for item in items:
        ref = Ref(connection, object, item.id)
        subject = session.erased.subject(_names(mapping, ref, item))
        if subject is None:
            left.append(item)
            continue
        session.ledger.look(ref)
        session.ledger.skip(ref, "erased")
        if isinstance(item, MergedInto | ConvertedTo):
            _follow(session, subject, ref, item)
    return left


def _names(mapping: EntityMapping, ref: Ref, item: Item) -> Iterator[str]:
    fields: Mapping[str, Scalar] = getattr(item, "fields", {})
    yield by_record(ref)
    yield from map(by_address, addresses(mapping, fields))
    if mapping.instep_id and (carried := fields.get(mapping.instep_id)):
        yield by_id(str(carried))


def _follow(session: Session, subject: str, ref: Ref, item: MergedInto | ConvertedTo) -> None:
    if isinstance(item, MergedInto):
        heir = Ref(ref.connection, ref.object, item.survivor)
    else:
        heir = Ref(ref.connection, item.object, item.successor)
    row = session.store.row("SELECT entity FROM mirror WHERE connection = ? AND object = ? AND id = ?", heir)
    if row is not None and row[0] is not None:
        return
    session.erased.add(subject, [by_record(heir)], session.at)
    for table in ("mirror", "association") if row is not None else ():
        session.store.run(f"DELETE FROM {table} WHERE connection = ? AND object = ? AND id = ?", heir)  # noqa: S608
    session.ledger.skip(heir, "erased")


def ends_without_erased(session: Session, connection: str, ends: Sequence[Related]) -> tuple[Related, ...]:
    """The other ends of a record's associations, without persons who were erased."""
    return tuple(end for end in ends if not session.erased.has(by_record(Ref(connection, end.object, end.id))))


def is_address_erased(session: Session, email: str | None) -> bool:
    """Whether an address is that of somebody who was erased."""
    return email is not None and session.erased.has(by_address(email))


def behaviour_without_erased(session: Session, connection: str, item: BehaviourSeen) -> BehaviourSeen | None:
    """What is left of something that somebody did: nothing if they were erased, or it was theirs alone.

    What they did with others stays as what those did; whoever stores it leaves out its details.
    """
    if is_address_erased(session, item.email):
        return None
    others = tuple(s for s in item.subjects if not session.erased.has(by_record(Ref(connection, *s))))
    if others == item.subjects:
        return item
    return replace(item, subjects=others) if others else None
