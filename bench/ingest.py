"""CPU of reading and storing contacts, against a bare loop beside it; what the vendor's SDK costs is told apart."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import bare
from bench.portals import Portal, portals
from bench.report import Row
from bench.workspaces import UNHURRIED, Pace, contact, hubspot_mapping, write_workspace
from instep.mapping.compiled import Workspace
from instep.model.entities import Kind
from instep.sync.pull import pull, wanted_fields
from instep.sync.session import identify, open_session

AIM = 3.0
LOADED_AT_ONCE = 10_000


def measure(*, contacts: int = 100_000, rounds: int = 2) -> Iterator[Row]:
    """The least CPU of some rounds, each of which does everything once."""
    with portals(1) as (portal,), tempfile.TemporaryDirectory() as root:
        for start in range(0, contacts, LOADED_AT_ONCE):
            numbers = range(start, min(start + LOADED_AT_ONCE, contacts))
            portal.load("contacts", [contact(number) for number in numbers])
        ways = _ways(portal, Path(root), contacts)
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, way in ways.items():
                spent[name].append(_cpu(lambda way=way, number=number: way(number)))  # type: ignore[misc]
        yield from _rows({name: min(times) for name, times in spent.items()}, f"{contacts:,} contacts")


def _ways(portal: Portal, root: Path, contacts: int) -> dict[str, Callable[[int], None]]:
    """Everything that is measured, by name; each takes the number of the round."""
    tables = {"a": {"plugin": "hubspot", **portal.settings, **UNHURRIED}}
    workspace = write_workspace(root, tables, hubspot_mapping("person.relations"))
    properties = _properties(workspace)

    def loop(number: int) -> None:
        _expect(contacts, bare.read_and_store(portal.settings, properties, root / f"bare-{number}.db"))

    def paging(number: int) -> None:
        _expect(-(-contacts // 100), sum(1 for _ in bare.bodies(portal.settings, properties)))

    def sdk(number: int) -> None:
        _expect(-(-contacts // 100), sum(1 for _ in sdk_bodies(portal.settings, properties)))

    def engine(number: int) -> None:
        _expect(contacts, _pulled(workspace))

    return {"loop": loop, "paging": paging, "sdk": sdk, "engine": engine}


def _rows(spent: dict[str, float], size: str) -> Iterator[Row]:
    sdk = spent["sdk"] - spent["paging"]
    own = "engine - (SDK that pages - bare loop that pages), against a bare loop that pages, parses and inserts"
    yield Row("CPU: read and store", size, spent["engine"] - sdk, "s", "bare loop", spent["loop"], AIM, own)
    yield Row("CPU: the same with the SDK", size, spent["engine"], "s", "bare loop", spent["loop"])
    yield Row("CPU: SDK, paging alone", size, spent["sdk"], "s", "bare paging", spent["paging"])


def sdk_bodies(settings: Any, properties: Sequence[str]) -> Iterator[bytes]:
    """The same pages through the vendor's SDK, as the connector uses it: below its models."""
    from hubspot import HubSpot

    library = HubSpot(access_token=settings["access_token"], host=settings["base_url"], retry=False)
    api = library.crm.objects.basic_api.api_client
    headers = {**api.default_headers, "Accept": "application/json"}
    api.update_params_for_auth(headers, None, ["oauth2"])
    after: str | None = ""
    while after is not None:
        query = [("limit", "100"), ("properties", ",".join(properties))] + ([("after", after)] if after else [])
        url = f"{settings['base_url']}/crm/v3/objects/contacts"
        answer = api.request(
            "GET", url, query_params=query, headers=headers, _preload_content=False, _request_timeout=(30, 30)
        )
        yield answer.data
        after = bare.next_page(answer.data)
    api.rest_client.pool_manager.clear()
    api.close()


def _properties(workspace: Workspace) -> tuple[str, ...]:
    """What the engine asks of a contact, so that the bare loop asks for the same."""
    with open_session(workspace, Pace().world()) as session:
        live = session.live("a")
        return wanted_fields(live, live.mapping.entities[Kind.PERSON])


def _pulled(workspace: Workspace) -> int:
    """Read everything into a new state; gives how many contacts it holds then."""
    for file in workspace.store.parent.glob("*"):
        file.unlink()
    with open_session(workspace, Pace().world()) as session:
        identify(session)
        pull(session)
        return session.store.count("SELECT count(*) FROM mirror WHERE object = 'contacts'")


def _cpu(action: Callable[[], None]) -> float:
    gc.collect()
    began = time.process_time()
    action()
    return time.process_time() - began


def _expect(wanted: int, found: int) -> None:
    if wanted != found:
        raise RuntimeError(f"{found:,} were read instead of {wanted:,}: the figures would mean nothing.")
