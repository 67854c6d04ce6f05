"""Extracts of very many leads, and of what is no extract."""

import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from instep.errors import RemoteError
from instep_marketo.answers import Answer
from instep_marketo.bulk import created_ids

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)


class Extract:
    """A client for which every extract is complete, and holds the same."""

    effects = SimpleNamespace(sleep=lambda seconds: None)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def fetch(self, call: object) -> Answer:
        return Answer([{"exportId": "one", "status": "Completed"}], None)

    def download(self, call: object) -> bytes:
        return self.data


def test_the_ids_of_very_many_leads_of_one_month_take_little_memory() -> None:
    count = 100_000
    wanted = [str(1_000_000 + n) for n in range(count)]
    client = Extract(("id\n" + "\n".join(wanted) + "\n").encode())
    tracemalloc.start()
    found = created_ids(client, START, END)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == wanted
    assert peak / count < 100  # bytes a lead: a million in one month take no more than 100 MB


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"<html>busy</html>\n",
        b"name\nJane\n",
        b"id\n12\nnull\n",
        b"id\n12\n\xff\n",
        b"id\n12\n1\x003\n",
    ],
)
def test_what_is_no_list_of_ids_is_never_read_as_few_leads(data: bytes) -> None:
    with pytest.raises(RemoteError):
        created_ids(Extract(data), START, END)  # type: ignore[arg-type]


def test_a_month_without_leads_is_empty() -> None:
    assert created_ids(Extract(b"id\n"), START, END) == []  # type: ignore[arg-type]
