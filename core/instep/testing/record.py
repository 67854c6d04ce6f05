"""Keeps what a connector's conformance tests came to, for `connector show`.

```
pytest -p instep.testing.record tests/test_conformance.py
```

writes `conformance.json` into the connector's package. Nothing is written where a claim fails.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from instep.badge import FILE, package_of
from instep.testing.conformance import ConnectorConformance


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-into", type=Path, default=None, help="Another folder than the connector's package.")


class _Recorder:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._plugins: dict[str, Any] = {}
        self._found: dict[str, dict[str, str]] = {}
        self._failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            kind = getattr(item, "cls", None)
            if kind is not None and issubclass(kind, ConnectorConformance) and _is_standard(item):
                self._plugins[item.nodeid] = kind.plugin

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        plugin = self._plugins.get(report.nodeid)
        if plugin is None or (report.when != "call" and report.passed):
            return
        if report.failed:
            self._failed.add(plugin.name)
        claim = report.nodeid.rpartition("::")[2]
        self._found.setdefault(plugin.name, {})[claim] = _reason(report)

    def pytest_sessionfinish(self) -> None:
        for plugin in {plugin.name: plugin for plugin in self._plugins.values()}.values():
            found = self._found.get(plugin.name, {})
            if not found or plugin.name in self._failed:
                continue
            skipped: dict[str, list[str]] = {}
            for claim, reason in sorted(found.items()):
                if reason:
                    skipped.setdefault(reason, []).append(claim)
            holds = sum(not reason for reason in found.values())
            content = {"contract": plugin.contract, "holds": holds, "skipped": skipped}
            folder = self._folder or Path(str(import_module(package_of(plugin)).__file__)).parent
            (folder / FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _is_standard(item: pytest.Item) -> bool:
    return hasattr(ConnectorConformance, item.name.partition("[")[0])


def _reason(report: pytest.TestReport) -> str:
    """Why a claim was not tested, or is expected to fail; empty where it holds."""
    if expected := getattr(report, "wasxfail", ""):
        return str(expected)
    is_skipped = report.skipped and isinstance(report.longrepr, tuple)
    return report.longrepr[2].removeprefix("Skipped: ") if is_skipped else ""  # type: ignore[index]


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("A record is made by one process: run this without -n.")
    config.pluginmanager.register(_Recorder(config.getoption("--record-into")), "conformance-recorder")
