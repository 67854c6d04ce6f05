"""The pipeline of `docs/how-to/configure-stages.md`, word for word, in real checkouts and as real processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ..provision.systems import Files, Listed, Systems, Table, systems

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "configure-stages.md"
_JOB = re.compile(r"^  (\w+):\n((?:    .*\n|\n)+)", re.MULTILINE)
_ENV = re.compile(r"^      (\w+): \$\{\{ secrets\.(\w+) \}\}$", re.MULTILINE)
_RUN = re.compile(r"^ +- (if: always\(\).*\n +)?run: (?:\|\n((?: {10}.*\n)+)|(.+)\n)", re.MULTILINE)
ARTIFACTS = ("plan.json",)


class Script(NamedTuple):
    """A step of a job. One that is always run is run after a failure too."""

    text: str
    is_always_run: bool


@dataclass(frozen=True)
class Job:
    """What GitHub runs of a job: its secrets, by the name in the environment, and its scripts in order."""

    secrets: dict[str, str]
    scripts: list[Script]


def jobs() -> dict[str, Job]:
    """The jobs of the page, without what installs Instep."""
    page = PAGE.read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n# GitHub Actions\n.*?^jobs:\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return {name: Job(dict(_ENV.findall(body)), list(scripts(body))) for name, body in _JOB.findall(text)}


def scripts(body: str) -> Iterator[Script]:
    for always, block, line in _RUN.findall(body):
        if not line.startswith("pip install"):
            yield Script(textwrap.dedent(block) or line, bool(always))


@dataclass
class Pipeline:
    """A repository, its secrets, and a machine for each job that knows nothing of the one before."""

    root: Path
    place: Systems
    secrets: dict[str, str]
    artifacts: dict[str, bytes] = field(default_factory=dict)
    said: str = ""

    def job(self, name: str, **secrets: str) -> int:
        """Run a job in a new checkout, up to the first script that fails; what is `always()` runs all the same."""
        checkout = self.root / f"runner-{len(list(self.root.iterdir()))}"
        self.git("clone", "--quiet", str(self.root / "origin.git"), str(checkout), at=self.root)
        for file, content in self.artifacts.items():
            (checkout / file).write_bytes(content)
        job = jobs()[name]
        named = {name: {**self.secrets, **secrets}[secret] for name, secret in job.secrets.items()}
        code = 0
        for script in job.scripts:
            if code == 0 or script.is_always_run:
                code = self.script(script.text, checkout, named) or code
        for file in ARTIFACTS:
            if (checkout / file).exists():
                self.artifacts[file] = (checkout / file).read_bytes()
        return code

    def script(self, script: str, checkout: Path, secrets: dict[str, str]) -> int:
        """As GitHub does: `bash -e`, in the checkout."""
        done = self.run(["bash", "--noprofile", "--norc", "-e", "-c", script], checkout, secrets)
        self.said += f"$ {script}\n{done.stdout}{done.stderr}"
        return done.returncode

    def run(
        self, command: list[str], at: Path, secrets: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INSTEP_", "GIT_"))}
        path = f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        summary = {"GITHUB_STEP_SUMMARY": str(self.root / "summary.md")}
        return subprocess.run(
            command,
            cwd=at,
            env={**kept, **own, **summary, **(secrets or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def git(self, *arguments: str, at: Path) -> str:
        """What an admin does with their own git."""
        done = self.run(["git", "-c", "user.name=ada", "-c", "user.email=ada@x.example", *arguments], at)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, files: Files) -> None:
        """An admin writes files and pushes them."""
        desk = self.place.root
        if (desk / ".git").exists():
            self.git("pull", "--quiet", at=desk)
        self.place.write(files)
        self.git("add", "-A", at=desk)
        self.git("commit", "--quiet", "-m", "What we want", at=desk)
        self.git("push", "--quiet", "origin", "main", at=desk)

    def pushed(self, file: str) -> dict[str, Any]:
        """A file as it stands in the repository."""
        return tomllib.loads(self.git("show", f"main:{file}", at=self.root / "origin.git"))

    def labels(self, name: str) -> list[str]:
        """The stages that people see in our pipeline, if there is one."""
        (system,) = [one for one in self.place.plan().systems if one.connection == name]
        found = next((bound.pipeline for bound in system.compared.bounds if bound.pipeline), None)
        return [stage.label for stage in found.stages if stage.active] if found else []


READ = [
    f"crm.{what}.{object}.read" for what in ("objects", "schemas") for object in ("deals", "contacts", "companies")
]
WORDS = {"first": "First talk", "second": "Short list", "third": "Offer"}


def files(**changed: str) -> Files:
    words = {**WORDS, **changed}
    listed = [Listed(key, word, 0.3) for key, word in words.items()]
    return Files(list(words), {name: [Table("line", "Line", listed)] for name in ("hubspot", "salesforce")})


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Two empty systems, a repository with a workspace, and a login for each job in each of them."""
    with systems(tmp_path / "desk") as place:
        portal, org = place.boxes["hubspot"], place.boxes["salesforce"]
        portal.world.grant("pat-reader", READ)
        reader = org.world.add_user("Rhea Reader", "rhea@ourselves.example", profile="Read Only")
        secrets = {
            "HUBSPOT_READ_ONLY": "pat-reader",
            "HUBSPOT_ADMIN": portal.settings["access_token"],
            "SALESFORCE_READ_ONLY": org.world.log_in(reader),
            "SALESFORCE_ADMIN": org.world.log_in(org.world.app_user),
        }
        (place.root / "sync.toml").write_text(
            f'[connections.hubspot]\nplugin = "hubspot"\nbase_url = "{portal.url}"\n'
            f'[connections.salesforce]\nplugin = "salesforce"\ninstance_url = "{org.url}"\n'
        )
        monkeypatch.setenv("INSTEP_HUBSPOT__ACCESS_TOKEN", secrets["HUBSPOT_ADMIN"])
        monkeypatch.setenv("INSTEP_SALESFORCE__ACCESS_TOKEN", secrets["SALESFORCE_ADMIN"])
        made = Pipeline(tmp_path / "machines", place, secrets)
        (made.root / "bin").mkdir(parents=True)
        shim = made.root / "bin" / "instep"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m instep.cli.main "$@"\n')
        shim.chmod(0o755)
        (place.root / ".gitignore").write_text(".instep/\n")
        made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.root / "origin.git"), at=made.root)
        made.git("init", "--quiet", "--initial-branch=main", at=place.root)
        made.git("remote", "add", "origin", str(made.root / "origin.git"), at=place.root)
        place.write(files())
        made.git("add", "-A", at=place.root)
        made.git("commit", "--quiet", "-m", "What we want", at=place.root)
        made.git("push", "--quiet", "-u", "origin", "main", at=place.root)
        yield made


def test_the_page_has_three_jobs_with_logins_of_their_own() -> None:
    found = jobs()
    assert list(found) == ["check", "plan", "apply"]
    assert [len(job.scripts) for job in found.values()] == [1, 1, 2]
    assert not set(found["plan"].secrets.values()) & set(found["apply"].secrets.values())
    assert found["plan"].secrets.keys() == found["apply"].secrets.keys()


@pytest.mark.ci
def test_what_is_merged_is_what_both_systems_have(pipeline: Pipeline) -> None:
    assert pipeline.job("check") == 0, pipeline.said
    pipeline.place.writes()
    assert pipeline.job("plan") == 0, pipeline.said
    assert pipeline.place.writes() == 0
    assert "to do." in pipeline.said
    assert "to configure" in (pipeline.root / "summary.md").read_text(encoding="utf-8")
    assert [pipeline.labels(name) for name in ("hubspot", "salesforce")] == [[], []]
    assert pipeline.job("apply") == 0, pipeline.said
    for name in ("hubspot", "salesforce"):
        assert pipeline.labels(name)[:3] == ["First talk", "Short list", "Offer"]
        assert set(pipeline.pushed(f"mappings/{name}.ids.toml")["opportunity"]["pipelines"]["line"]["values"]) == {
            *WORDS
        }
    pipeline.push(files(second="Another word"))
    ids = pipeline.pushed("mappings/hubspot.ids.toml")
    assert [pipeline.job(name) for name in ("check", "plan", "apply")] == [0, 0, 0], pipeline.said
    for name in ("hubspot", "salesforce"):
        assert pipeline.labels(name)[:3] == ["First talk", "Another word", "Offer"]
    assert pipeline.pushed("mappings/hubspot.ids.toml") == ids
    pipeline.place.writes()
    assert [pipeline.job(name) for name in ("plan", "apply")] == [0, 0], pipeline.said
    assert pipeline.place.writes() == 0


@pytest.mark.ci
def test_the_login_that_plans_could_not_apply(pipeline: Pipeline) -> None:
    assert pipeline.job("plan") == 0, pipeline.said
    readers = {f"{name}_ADMIN": pipeline.secrets[f"{name}_READ_ONLY"] for name in ("HUBSPOT", "SALESFORCE")}
    assert pipeline.job("apply", **readers) == 8, pipeline.said
    assert "0 applied" not in pipeline.said
    assert [pipeline.labels(name) for name in ("hubspot", "salesforce")] == [[], []]


@pytest.mark.ci
def test_a_right_that_is_missing_in_one_system_keeps_no_other_from_being_configured(pipeline: Pipeline) -> None:
    assert pipeline.job("plan") == 0, pipeline.said
    assert pipeline.job("apply", HUBSPOT_ADMIN=pipeline.secrets["HUBSPOT_READ_ONLY"]) == 8, pipeline.said
    assert 'failed: hubspot: pipeline "Line"\n      HubSpot (pipelines/create): the login lacks' in pipeline.said
    assert 'applied: salesforce: pipeline "Line"' in pipeline.said
    assert pipeline.labels("hubspot") == []
    assert pipeline.labels("salesforce")[:3] == ["First talk", "Short list", "Offer"]
    assert [*pipeline.pushed("mappings/salesforce.ids.toml")["opportunity"]["pipelines"]] == ["line"]
    assert [pipeline.job(name) for name in ("plan", "apply")] == [0, 0], pipeline.said
    assert pipeline.labels("hubspot")[:3] == ["First talk", "Short list", "Offer"]


@pytest.mark.ci
def test_what_moved_between_the_plan_and_the_approval_stops_the_job(pipeline: Pipeline) -> None:
    assert pipeline.job("plan") == 0, pipeline.said
    pipeline.place.boxes["hubspot"].world.add_pipeline(
        "deals", "Somebody's", [{"label": "A", "metadata": {"probability": "0.5"}}]
    )
    pipeline.place.writes()
    assert pipeline.job("apply") == 6
    assert pipeline.place.writes() == 0
    assert [pipeline.labels(name) for name in ("hubspot", "salesforce")] == [[], []]
    assert [pipeline.job(name) for name in ("plan", "apply")] == [0, 0], pipeline.said
    assert pipeline.labels("salesforce")[:3] == ["First talk", "Short list", "Offer"]


@pytest.mark.ci
def test_a_mistake_in_the_files_ends_at_the_first_job(pipeline: Pipeline) -> None:
    wrong = files()
    wrong.tables["hubspot"][0].retire = {"third": "second"}
    pipeline.push(wrong)
    assert pipeline.job("check") == 1
    pipeline.push(files())
    assert pipeline.job("check") == 0, pipeline.said
