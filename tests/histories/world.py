"""The systems of a history: opened once, and put back before each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from instep_hubspot.sandbox.accounts import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

from ..trust.effects import Time
from ..trust.in_files import FilesPlace
from ..trust.in_hubspot import hubspot_place
from ..trust.in_mailchimp import mailchimp_place
from ..trust.in_marketo import marketo_place
from ..trust.in_memory import MemoryPlace
from ..trust.in_salesforce import salesforce_place
from ..trust.mappings import MEMORY
from ..trust.place import Desk

OWNERS = ("ada", "ben")
TEAM = "".join(
    f'[[people]]\nkey = "{name}"\nname = "{name.title()} Lind"\nemail = "{name}@ourselves.example"\n'
    'roles = ["marketing", "sales"]\n'
    for name in OWNERS
)
WITH_OWNERS = MEMORY.replace(".fields]\n", '.fields]\nowner = "owner"\n')


class Systems:
    """Every system that a history may have, empty."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.time = Time()
        self._began = self.time.at
        memories = [MemoryPlace(name, self.time) for name in ("memory", "other")]
        for memory in memories:
            memory.mapping = WITH_OWNERS  # type: ignore[misc]  # these have owners
        oauth = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
        places: list[Desk] = [
            stack.enter_context(hubspot_place("hubspot", self.time, **oauth)),
            stack.enter_context(salesforce_place("salesforce", self.time)),
            stack.enter_context(marketo_place("marketo", self.time)),
            stack.enter_context(mailchimp_place("mailchimp", self.time)),
            FilesPlace("files", self.time, folder / "exports"),
            *memories,
        ]
        for place in places:
            for name in OWNERS:
                place.hire(name)
        self._kept = [(place, place.keep()) for place in places]

    def begin(self, names: Sequence[str]) -> list[Desk]:
        """The systems of these names as they were at first, in this order."""
        self.time.at = self._began
        for place, kept in self._kept:
            place.put_back(kept)
        known = {place.name: place for place, _ in self._kept}
        return [known[name] for name in names]


@contextmanager
def systems(folder: Path) -> Iterator[Systems]:
    """All systems, open as long as the context lasts."""
    with ExitStack() as stack:
        yield Systems(folder, stack)
