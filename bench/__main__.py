"""`python3 dev.py bench`: every measurement, or those that are named, as one table."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from bench.report import Row, table

NAMES = ("calls", "crashes", "crms", "ingest", "incremental", "memory", "provisioning", "replaying", "startup")


def main(arguments: Sequence[str]) -> int:
    """Measure, and print. The exit code is 0 even where a goal is missed: the table says it."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as root:
        rows = [row for name in options.only or NAMES for row in _told(name, measurement(name, options, Path(root)))]
    if options.json:
        print(json.dumps({"format_version": 1, "rows": [row.as_json() for row in rows]}, indent=2))
    else:
        print(f"{date.today().isoformat()}, Python {platform.python_version()}, {platform.machine()}\n")  # noqa: DTZ011
        print(table(rows))
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The sizes, which are those of the published figures unless told otherwise."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--contacts", type=int, default=20_000, help="contacts of the first load (calls, crashes)")
    parser.add_argument("--companies", type=int, default=0, help="companies that these belong to (calls)")
    parser.add_argument("--changed", type=int, default=1_000, help="contacts that change afterwards (calls)")
    parser.add_argument("--stops", type=int, default=40, help="stopped runs for each set of systems (crashes)")
    parser.add_argument("--written", type=int, default=1_000, help="updates that are journalled (crashes)")
    parser.add_argument("--loaded", type=int, default=100_000, help="contacts of each first load (crms)")
    parser.add_argument("--read", type=int, default=100_000, help="contacts to read and store (ingest)")
    parser.add_argument("--persons", type=int, default=100_000, help="persons known (incremental, memory, replaying)")
    parser.add_argument("--edited", type=int, default=500, help="persons that change (incremental, memory)")
    parser.add_argument("--sample", type=int, default=5_000, help="persons replayed row by row (replaying)")
    parser.add_argument("--restless", type=float, default=0.001, help="share of persons not at rest (replaying)")
    parser.add_argument("--pipelines", type=int, default=50, help="pipelines to plan (provisioning)")
    parser.add_argument("--stages", type=int, default=12, help="stages of each of them (provisioning)")
    parser.add_argument("--rounds", type=int, help="how often each figure is taken (default: by measurement)")
    parser.add_argument("--json", action="store_true", help="print the figures for machines")
    options = parser.parse_args(arguments)
    for name in options.only:
        if name not in NAMES:
            parser.error(f'there is no measurement "{name}". Choose from: {", ".join(NAMES)}.')
    return options


def measurement(name: str, options: argparse.Namespace, root: Path) -> Iterator[Row]:
    """One measurement at the sizes that were asked for. `root` is where known persons are kept between them."""
    rounds = {} if options.rounds is None else {"rounds": options.rounds}
    match name:
        case "calls":
            from bench import calls

            sizes = {"contacts": options.contacts, "changed": options.changed, "companies": options.companies}
            return calls.measure(**sizes)
        case "crashes":
            from bench import crashes

            return crashes.measure(points=options.stops, written=options.written, records=options.contacts)
        case "crms":
            from bench import crms

            return crms.measure(loaded=options.loaded, known=options.contacts, changed=options.changed)
        case "ingest":
            from bench import ingest

            return ingest.measure(contacts=options.read, **rounds)
        case "incremental":
            from bench import incremental

            return incremental.measure(root, persons=options.persons, changed=options.edited, **rounds)
        case "memory":
            from bench import memory

            runs = {} if options.rounds is None else {"runs": options.rounds}
            return memory.measure(root, persons=options.persons, changed=options.edited, **runs)
        case "provisioning":
            from bench import provisioning

            return provisioning.measure(pipelines=options.pipelines, stages=options.stages, **rounds)
        case "replaying":
            from bench import replaying

            sizes = {"persons": options.persons, "sample": options.sample}
            return replaying.measure(root, **sizes, restless=options.restless)
    from bench import startup

    return startup.measure(**rounds)


def _told(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    print(f"{name} …", file=sys.stderr, flush=True)
    yield from rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
