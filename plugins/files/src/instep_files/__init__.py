"""A folder of CSV or JSON-lines files as a system for Instep: read whole, written by replacing."""

from __future__ import annotations

from instep.contract import (
    Absent,
    Connection,
    ConnectorPlugin,
    Effects,
    RateLimit,
    Starter,
    hookimpl,
)
from instep_files.settings import FilesSettings


def connect(settings: FilesSettings, effects: Effects) -> Connection:
    """One folder. Opens nothing: the first file is read when a part is used."""
    from instep_files.account import check
    from instep_files.behaviours import FilesBehaviours
    from instep_files.client import FilesClient
    from instep_files.fields import FilesFields
    from instep_files.records import FilesRecords
    from instep_files.shelf import Shelf

    client = FilesClient(settings.path, effects)
    shelf = Shelf(client, settings)
    feeds = Absent("No file of behaviours is declared in sync.toml for this folder.")
    return Connection(
        records=FilesRecords(shelf),
        consents=Absent("Files keep no consent of their own; name a column under consent in the mapping."),
        stages=Absent("Files have no list of stages; the mapping says which values mean which stage."),
        fields=FilesFields(shelf),
        owners=Absent("Files have no list of owners; team.toml says who is who."),
        behaviours=FilesBehaviours(client, settings) if settings.behaviours else feeds,
        audiences=Absent("Files have no audiences."),
        limits=(RateLimit(1000, 1),),
        check=lambda: check(client, settings),
    )


def look(settings: FilesSettings) -> Starter:
    """Look into the folder and propose its tables and a mapping. Changes nothing."""
    from instep_files.starter import starter_of

    return starter_of(settings.path)


STARTER_MAPPING = """\
# How the files of this folder speak, in Instep's words. Left of each equals sign stands Instep's name, right of it
# the column's. `instep init` looks into the folder and writes a fuller one.

[person]
objects = ["people"]
match = ["instep_id", "email"]
create = "never"                       # "never", "always", or a rule

[person.fields]
email = "email"
"""

files = ConnectorPlugin(
    name="files",
    settings=FilesSettings,
    connect=connect,
    starter_mapping=STARTER_MAPPING,
    sandbox="instep_files.sandbox:files_sandbox",
    contract=1,
    summary="A folder of CSV or JSON-lines files: people, companies, opportunities, and what buyers did.",
    look=look,
)


@hookimpl
def instep_connectors() -> list[ConnectorPlugin[FilesSettings]]:
    """The connectors that this distribution brings."""
    return [files]


__all__ = ["FilesSettings", "files", "instep_connectors"]
