"""What `connector show` says of a connector's conformance is what its tests come to today."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from instep.badge import FILE, badge_of
from instep.plugins import find_plugin
from instep.testing.conformance import ConnectorConformance

ROOT = Path(__file__).resolve().parents[2]
CONNECTORS = [folder.name for folder in sorted((ROOT / "plugins").iterdir()) if folder.is_dir()]


def standard() -> set[str]:
    return {name for name in dir(ConnectorConformance) if name.startswith("test_")}


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_connector_says_why_a_claim_does_not_apply(name: str) -> None:
    badge = badge_of(find_plugin(name))
    assert badge is not None
    assert badge.holds > 0
    claims = {claim.partition("[")[0] for several in badge.skipped.values() for claim in several}
    assert claims <= standard()


@pytest.mark.ci
@pytest.mark.parametrize("name", CONNECTORS)
def test_what_a_connector_says_is_what_its_tests_come_to(name: str, tmp_path: Path) -> None:
    file = ROOT / "plugins" / name / "tests" / "test_conformance.py"
    kit = ["-p", "instep.testing.record", "--record-into", str(tmp_path), "-p", "no:cacheprovider", "-n", "0"]
    subprocess.run([sys.executable, "-m", "pytest", "-q", *kit, str(file)], cwd=ROOT, check=True)
    recorded = ROOT / "plugins" / name / "src" / f"instep_{name}" / FILE
    assert json.loads((tmp_path / FILE).read_text()) == json.loads(recorded.read_text())
