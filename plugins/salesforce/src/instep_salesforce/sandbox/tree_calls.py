"""sObject Tree: records with their children in one call, all or none.

developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobject_tree.htm
"""

from __future__ import annotations

from dataclasses import dataclass

from instep.sandbox import Response
from instep_salesforce.sandbox.callers import Caller
from instep_salesforce.sandbox.errors import RefusedError, malformed
from instep_salesforce.sandbox.operations import Call, Operation, reply
from instep_salesforce.sandbox.org import Org
from instep_salesforce.sandbox.schema import ObjectType
from instep_salesforce.sandbox.soql.relations import child_relations
from instep_salesforce.sandbox.writing import create

MAX_RECORDS, MAX_LEVELS, MAX_TYPES = 200, 5, 5
Sent = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Node:
    """One record of a tree; `parent` is the reference of the record above it, `field` leads there."""

    reference: str
    kind: ObjectType
    values: Sent
    level: int
    parent: str | None = None
    field: str | None = None


class TreeCalls:
    """Trees of records."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def operations(self) -> list[Operation]:
        """The table of these calls."""
        return [Operation("POST", "composite/tree/{object}", self.create, "composite.tree")]

    def create(self, call: Call) -> Response:
        """Make records with their children."""
        records = call.body().get("records")
        if not isinstance(records, list):
            raise malformed("records must be a list", "INVALID_INPUT")
        kind = self._org.kind(call.params["object"])
        nodes = [node for record in records for node in self._walk(kind, record, 1, None, None)]
        _require_small(nodes)
        made: dict[str, str] = {}
        failed: list[Sent] = []
        try:
            with self._org.transaction():
                for node in nodes:
                    self._one(node, made, call.caller())
        except RefusedError as refusal:
            reference = nodes[len(made)].reference
            failed.append({"referenceId": reference, "errors": [refusal.to_item()]})
        if failed:
            return reply({"hasErrors": True, "results": failed}, 400)
        results = [{"referenceId": reference, "id": id} for reference, id in made.items()]
        return reply({"hasErrors": False, "results": results}, 201)

    def _one(self, node: _Node, made: dict[str, str], caller: Caller) -> None:
        values = dict(node.values)
        if node.parent is not None and node.field is not None:
            values[node.field] = made[node.parent]
        made[node.reference] = create(self._org, node.kind, values, caller)

    def _walk(
        self, kind: ObjectType, record: object, level: int, parent: str | None, field: str | None
    ) -> list[_Node]:
        attributes = record.get("attributes") if isinstance(record, dict) else None
        reference = attributes.get("referenceId") if isinstance(attributes, dict) else None
        if not isinstance(record, dict) or not isinstance(reference, str):
            raise malformed("Each record needs a referenceId in its attributes", "INVALID_INPUT")
        children = {name: value for name, value in record.items() if _is_children(value)}
        values = {name: value for name, value in record.items() if name not in children and name != "attributes"}
        nodes = [_Node(reference, kind, values, level, parent, field)]
        for name, value in children.items():
            inner, back = self._child(kind, name)
            for child in value["records"]:
                nodes += self._walk(inner, child, level + 1, reference, back)
        return nodes

    def _child(self, kind: ObjectType, name: str) -> tuple[ObjectType, str]:
        for relation in child_relations(self._org, kind):
            if relation.name is not None and relation.name.lower() == name.lower():
                return self._org.kinds[relation.object], relation.field
        raise malformed(f"No such column '{name}' on sobject of type {kind.name}", "INVALID_FIELD")


def _is_children(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("records"), list)


def _require_small(nodes: list[_Node]) -> None:
    if not nodes or len(nodes) > MAX_RECORDS:
        raise malformed(f"A tree has 1 to {MAX_RECORDS} records", "INVALID_INPUT")
    if max(node.level for node in nodes) > MAX_LEVELS or len({node.kind.name for node in nodes}) > MAX_TYPES:
        raise malformed(f"A tree has at most {MAX_LEVELS} levels and {MAX_TYPES} types", "INVALID_INPUT")
    references = [node.reference for node in nodes]
    if len(set(references)) < len(references):
        raise malformed("Duplicate ReferenceId provided in the request", "INVALID_INPUT")
