"""What all types of components have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from instep_salesforce.sandbox.errors import RefusedError, refused
from instep_salesforce.sandbox.metadata.shapes import Definition
from instep_salesforce.sandbox.org import Org


@dataclass(frozen=True, slots=True)
class Listed:
    """A component as lists of metadata show it."""

    full_name: str
    id: str = ""
    changed: str | None = None


class Kind:
    """One type of components. What a type cannot do is refused here."""

    type = ""
    directory = ""
    suffix = ""
    permission = "PermissionsCustomizeApplication"
    """What a user needs beside the right to use the Metadata API."""

    def __init__(self, org: Org) -> None:
        self.org = org

    def listed(self) -> Iterable[Listed]:
        """Every component that there is."""
        return ()

    def read(self, name: str) -> Definition | None:
        """The definition of a component; None where there is none."""
        raise NotImplementedError

    def create(self, definition: Definition, user: str) -> None:
        """Make a component."""
        raise self.unable("create")

    def update(self, definition: Definition, user: str) -> None:
        """Replace the definition of a component."""
        raise self.unable("update")

    def delete(self, name: str) -> None:
        """Take a component away."""
        raise self.unable("delete")

    def rename(self, old: str, new: str) -> None:
        """Give a component another full name."""
        raise self.unable("rename")

    def unable(self, verb: str) -> RefusedError:
        """The refusal of an operation that the type does not have."""
        return refused("INVALID_TYPE_FOR_OPERATION", f"{self.type} does not support {verb}Metadata")

    def missing(self, name: str) -> RefusedError:
        """The refusal to change what is not there."""
        return refused("INVALID_CROSS_REFERENCE_KEY", f"In field: fullName - no {self.type} named {name} found")
