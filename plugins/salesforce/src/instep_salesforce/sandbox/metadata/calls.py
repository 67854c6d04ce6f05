"""The operations of the Metadata API.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_calls_intro.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from instep.sandbox import Request, Response
from instep_salesforce.sandbox import rights
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.metadata import envelopes, markup, shapes
from instep_salesforce.sandbox.metadata.envelopes import NIL, Asked
from instep_salesforce.sandbox.metadata.faults import FaultError, malformed
from instep_salesforce.sandbox.metadata.inventory import KINDS, Inventory
from instep_salesforce.sandbox.metadata.kinds import Kind
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.org import ALLOWANCE, Org

PATH = "/services/Soap/m/{version}"
MOST_COMPONENTS = 10
_OLDEST, _NEWEST = 31.0, 68.0
_WRITING = re.compile(rb"<[\w:.-]*(?:create|update|upsert|delete|rename)Metadata[\s/>]")
_MAY = frozenset({"PermissionsModifyMetadata", "PermissionsModifyAllData"})


def is_soap(request: Request) -> bool:
    """Whether a call is one of the Metadata API."""
    return request.path.startswith("/services/Soap/m/")


def writes(request: Request) -> bool:
    """Whether a call asks for a change."""
    return _WRITING.search(request.body) is not None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one component."""

    name: str
    refusal: RefusedError | None = None

    @property
    def is_done(self) -> bool:
        """Whether it was saved."""
        return self.refusal is None

    @property
    def content(self) -> str:
        """The inside of its result."""
        errors = "" if self.refusal is None else _error(self.refusal)
        return errors + markup.leaf("fullName", self.name) + markup.leaf("success", self.is_done)

    def to_result(self) -> str:
        """Its result."""
        return markup.write("result", self.content)


class MetadataCalls:
    """Answers SOAP calls about components; `user_of` gives the user of a session, if it lives."""

    def __init__(self, org: Org, user_of: Callable[[str], str | None]) -> None:
        self._org = org
        self._user_of = user_of
        self._kinds = {kind.type: kind(org) for kind in KINDS}
        inventory = Inventory(org, self._kinds)
        self._operations: dict[str, Callable[[Asked, str], str]] = {
            "readMetadata": self._read,
            "createMetadata": self._create,
            "updateMetadata": self._update,
            "upsertMetadata": self._upsert,
            "deleteMetadata": self._delete,
            "renameMetadata": self._rename,
            "listMetadata": inventory.list,
            "describeMetadata": inventory.describe,
            "describeValueType": inventory.describe_type,
        }

    def answer(self, request: Request) -> Response:
        """The answer to a call, faults included."""
        try:
            _require_version(request.params["version"])
            asked = envelopes.read(request.body)
            user = self._user(asked)
            operation = self._operations.get(asked.operation.name)
            if operation is None:
                raise malformed(f"No operation available for request {{{asked.operation.name}}}")
            if asked.all_or_none:
                raise FaultError("UNKNOWN_EXCEPTION", "The sandbox does not imitate AllOrNoneHeader")
            return envelopes.answer(asked.operation.name, operation(asked, user))
        except FaultError as fault:
            return envelopes.fault(fault)

    def _user(self, asked: Asked) -> str:
        """Who calls: somebody who may, while there are calls left for today."""
        user, now = self._user_of(asked.session), self._org.now()
        if user is None:
            raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        if self._org.usage.used(now) >= (self._org.personality.daily_limit or ALLOWANCE):
            raise FaultError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._org.usage.add(now)
        if not rights.of_user(self._org, user) & _MAY:
            message = "use of the Metadata API requires a user with the ModifyAllData or ModifyMetadata permissions"
            raise FaultError("INSUFFICIENT_ACCESS", message)
        return user

    # --- operations --------------------------------------------------------------------------------------------

    def _read(self, asked: Asked, user: str) -> str:
        kind, names = self._kind(asked.operation.words("type")), _names(asked)
        return markup.write("result", "".join(_record(kind, name) for name in names))

    def _create(self, asked: Asked, user: str) -> str:
        return self._each(asked, user, lambda kind, definition: kind.create(definition, user))

    def _update(self, asked: Asked, user: str) -> str:
        return self._each(asked, user, lambda kind, definition: kind.update(definition, user))

    def _upsert(self, asked: Asked, user: str) -> str:
        """Update what there is, create what there is not, and say which."""
        kind, definitions = self._components(asked)
        results = []
        for one in definitions:
            is_new = kind.read(str(one.get("fullName", ""))) is None
            save = kind.create if is_new else kind.update
            saved = self._saved(kind, one, user, partial(save, one, user))
            results.append(markup.write("result", markup.leaf("created", is_new and saved.is_done) + saved.content))
        return "".join(results)

    def _delete(self, asked: Asked, user: str) -> str:
        kind, names = self._kind(asked.operation.words("type")), _names(asked)
        done = (self._attempted(kind, name, user, partial(kind.delete, name)) for name in names)
        return "".join(one.to_result() for one in done)

    def _rename(self, asked: Asked, user: str) -> str:
        kind = self._kind(asked.operation.words("type"))
        old, new = (asked.operation.words(name) or "" for name in ("oldFullName", "newFullName"))
        return self._attempted(kind, new, user, lambda: kind.rename(old, new)).to_result()

    def _each(self, asked: Asked, user: str, save: Callable[[Kind, Definition], None]) -> str:
        kind, definitions = self._components(asked)
        done = (self._saved(kind, one, user, partial(save, kind, one)) for one in definitions)
        return "".join(one.to_result() for one in done)

    def _saved(self, kind: Kind, definition: Definition, user: str, save: Callable[[], None]) -> Saved:
        def act() -> None:
            shapes.require(definition, kind.type)
            save()

        return self._attempted(kind, str(definition.get("fullName", "")), user, act)

    def _attempted(self, kind: Kind, name: str, user: str, act: Callable[[], None]) -> Saved:
        """The result of one component: others are saved though this one is refused."""
        try:
            rights.require(self._org, user, kind.permission)
            if self._org.rules.is_locked(f"{kind.type}:{name}"):
                raise RefusedError(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", ())
            with self._org.transaction():
                act()
        except RefusedError as refusal:
            return Saved(name, refusal)
        return Saved(name)

    # --- arguments ---------------------------------------------------------------------------------------------

    def _kind(self, type: str | None) -> Kind:
        if type not in self._kinds:
            raise FaultError("INVALID_TYPE", f"Unknown type: {type}")
        return self._kinds[type]

    def _components(self, asked: Asked) -> tuple[Kind, list[Definition]]:
        nodes = list(asked.operation.all("metadata"))
        types = {node.type for node in nodes}
        if len(types) != 1:
            raise malformed("All components of a call must be of one type, and there must be one")
        _require_few(len(nodes))
        kind = self._kind(types.pop())
        return kind, [shapes.parse(node, kind.type) for node in nodes]


def _names(asked: Asked) -> list[str]:
    names = [node.text.strip() for node in asked.operation.all("fullNames")]
    _require_few(len(names))
    return names


def _require_few(count: int) -> None:
    if count > MOST_COMPONENTS:
        message = f"Cannot process more than {MOST_COMPONENTS} components in a call, but got {count}"
        raise FaultError("LIMIT_EXCEEDED", message)


def _require_version(text: str) -> None:
    match = re.fullmatch(r"\d{1,3}\.0", text)
    if match is None or not _OLDEST <= float(text) <= _NEWEST:
        raise FaultError("UNSUPPORTED_API_VERSION", f"Invalid Api version specified on URL: {text}")


def _record(kind: Kind, name: str) -> str:
    found = kind.read(name)
    if found is None:
        return markup.write("records", "", NIL)
    return shapes.render("records", found, kind.type, f' xsi:type="{kind.type}"')


def _error(refusal: RefusedError) -> str:
    fields = "".join(markup.leaf("fields", name) for name in refusal.fields or ())
    words = markup.leaf("message", refusal.message) + markup.leaf("statusCode", refusal.code)
    return markup.write("errors", fields + words)
