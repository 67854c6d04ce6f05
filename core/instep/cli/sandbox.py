"""`instep sandbox up|load`: imitations of vendors on this machine."""

from __future__ import annotations

import errno
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from instep.cli.output import print_json
from instep.cli.process import json_option
from instep.model.values import plain


@contextmanager
def open_sandbox(name: str, **options: Any) -> Iterator[Any]:
    """Start a connector's sandbox on loopback."""
    from instep.plugins import find_plugin

    module, attribute = find_plugin(name).sandbox.split(":")
    with getattr(import_module(module), attribute)(**options) as running:
        yield running


@contextmanager
def _served(connector: str, port: int) -> Iterator[Any]:
    from instep.errors import ConfigError

    with ExitStack() as stack:
        try:
            running = stack.enter_context(open_sandbox(connector, port=port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            what = "taken" if error.errno == errno.EADDRINUSE else "not open to you"
            raise ConfigError(f"Port {port} is {what}. Choose another, or leave --port away.") from None
        yield running


@click.group()
def sandbox() -> None:
    """Imitations of vendors on this machine: no account needed."""


@sandbox.command()
@click.argument("connector")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--load", "data", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Records to begin with."
)
@json_option
def up(connector: str, port: int, data: Path | None, as_json: bool) -> None:
    """Serve a connector's sandbox until interrupted, and say how to connect to it."""
    with _served(connector, port) as running:
        if data is not None:
            _load(running, data)
        if as_json:
            print_json("sandbox-up", {"connector": connector, "url": running.url, "settings": running.settings})
        else:
            click.echo(f"{connector} sandbox at {running.url}. Ctrl-C ends it. In sync.toml:\n")
            click.echo(_as_toml(connector, running.settings))
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        try:
            ended.wait()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)


@sandbox.command()
@click.argument("url")
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load(url: str, data: Path) -> None:
    """Load records into a running sandbox: a JSON file of {object: [{field: value}, …]}."""
    import urllib.error
    import urllib.request

    from instep.errors import ConfigError

    address = url.rstrip("/") + "/_sandbox/seed"
    if not address.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:")):
        raise ConfigError(f"{url} is not on this machine. Sandboxes are only loaded on loopback.")
    request = urllib.request.Request(  # noqa: S310  # loopback only, checked above
        address, data=data.read_bytes(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # as above
            loaded = json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        raise ConfigError(f"{data} cannot be loaded. {_reason(refused.read())}") from None
    except OSError as error:
        raise ConfigError(f"No sandbox answers at {url}: {error}. Start one with: instep sandbox up NAME") from None
    for object, records in loaded.items():
        click.echo(plain(f"{object}: {len(records):,} loaded"))


def _reason(body: bytes) -> str:
    """What a sandbox says of a refusal."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return body.decode(errors="replace")[:500]


def _as_toml(connector: str, settings: dict[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps({"connections": {connector: {"plugin": connector, **settings}}})


def _load(running: Any, data: Path) -> None:
    from instep.errors import ConfigError
    from instep.sandbox import load_all

    try:
        load_all(running.world.load, json.loads(data.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{data} is no JSON: {error}. Write {{OBJECT: [{{FIELD: VALUE}}]}}.") from None
    except ValueError as error:
        raise ConfigError(f"{data} cannot be loaded. {error}") from None
