"""The operations of the Metadata API.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_calls_intro.htm
"""

from __future__ import annotations

from collections.abc import Callable

from instep.sandbox import Request, Response
from instep_salesforce.sandbox.errors import RefusedError
from instep_salesforce.sandbox.metadata import envelopes, markup, shapes
from instep_salesforce.sandbox.metadata.envelopes import NIL, Asked
from instep_salesforce.sandbox.metadata.faults import FaultError, malformed
from instep_salesforce.sandbox.metadata.kinds import Kind
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.metadata.value_sets import StandardValueSets
from instep_salesforce.sandbox.org import Org

PATH = "/services/Soap/m/{version}"
KINDS: tuple[type[Kind], ...] = (StandardValueSets,)
MOST_COMPONENTS = 10
_WRITING = (b"createMetadata", b"updateMetadata", b"upsertMetadata", b"deleteMetadata", b"renameMetadata")


def writes(request: Request) -> bool:
    """Whether a call asks for a change."""
    return any(word in request.body for word in _WRITING)


class MetadataCalls:
    """Answers SOAP calls about components; `user_of` gives the user of a session, if it lives."""

    def __init__(self, org: Org, user_of: Callable[[str], str | None]) -> None:
        self._org = org
        self._user_of = user_of
        self._kinds = {kind.type: kind(org) for kind in KINDS}
        self._operations: dict[str, Callable[[Asked, str], str]] = {
            "readMetadata": self._read,
            "updateMetadata": self._update,
            "createMetadata": self._create,
            "deleteMetadata": self._delete,
        }

    def answer(self, request: Request) -> Response:
        """The answer to a call, faults included."""
        try:
            asked = envelopes.read(request.body)
            user = self._user(asked)
            operation = self._operations.get(asked.operation.name)
            if operation is None:
                raise malformed(f"No operation available for request {{{asked.operation.name}}}")
            return envelopes.answer(asked.operation.name, operation(asked, user))
        except FaultError as fault:
            return envelopes.fault(fault)

    def _user(self, asked: Asked) -> str:
        user = self._user_of(asked.session)
        if user is None:
            raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        return user

    # --- operations --------------------------------------------------------------------------------------------

    def _read(self, asked: Asked, user: str) -> str:
        kind, names = self._kind(asked.operation.words("type")), _names(asked)
        return markup.write("result", "".join(_record(kind, name) for name in names))

    def _update(self, asked: Asked, user: str) -> str:
        return self._each(asked, lambda kind, definition: kind.update(definition, user))

    def _create(self, asked: Asked, user: str) -> str:
        return self._each(asked, lambda kind, definition: kind.create(definition, user))

    def _delete(self, asked: Asked, user: str) -> str:
        kind, names = self._kind(asked.operation.words("type")), _names(asked)
        return "".join(self._saved(name, lambda name=name: kind.delete(name)) for name in names)

    def _each(self, asked: Asked, save: Callable[[Kind, Definition], None]) -> str:
        kind, definitions = self._components(asked)

        def saving(definition: Definition) -> Callable[[], None]:
            def act() -> None:
                shapes.require(definition, kind.type)
                save(kind, definition)

            return act

        return "".join(self._saved(str(one.get("fullName", "")), saving(one)) for one in definitions)

    def _saved(self, name: str, act: Callable[[], None]) -> str:
        """The result of one component: others are saved though this one is refused."""
        try:
            with self._org.transaction():
                act()
        except RefusedError as refusal:
            content = _error(refusal) + markup.leaf("fullName", name) + markup.leaf("success", False)
        else:
            content = markup.leaf("fullName", name) + markup.leaf("success", True)
        return markup.write("result", content)

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


def _record(kind: Kind, name: str) -> str:
    found = kind.read(name)
    if found is None:
        return markup.write("records", "", NIL)
    return shapes.render("records", found, kind.type, f' xsi:type="{kind.type}"')


def _error(refusal: RefusedError) -> str:
    fields = "".join(markup.leaf("fields", name) for name in refusal.fields or ())
    words = markup.leaf("message", refusal.message) + markup.leaf("statusCode", refusal.code)
    return markup.write("errors", fields + words)
