"""A connector that somebody else writes: by the guide, from an empty folder, in an environment that is not ours.

`docs/how-to/write-a-connector.md` is typed in as it stands: every file, every change, every command. What the
commands print is held against what the page says. Two things are done otherwise, because nothing is fetched here: the
environment is made by this test, and Instep comes into it as a wheel that was just built.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from instep.cli.main import instep

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "how-to" / "write-a-connector.md"
_OURS = ("instep", "_instep", "_editable", "__editable__")
_FENCE = re.compile(r"(`{3,})(\w*)")
_PORTS = ("8101", "8102")


@dataclass(frozen=True)
class Step:
    """One block of the page: in what language, for which file (blank: none), and what stands in it."""

    language: str
    path: str
    text: str


def steps() -> Iterator[Step]:
    """The page's blocks, read line by line: as a person reads it, and not as `connector new` does."""
    lines = iter(GUIDE.read_text(encoding="utf-8").splitlines(keepends=True))
    said = ""
    for line in lines:
        if (fence := _FENCE.fullmatch(line.strip())) is None:
            said = line.strip() or said
            continue
        block: list[str] = []
        while (line := next(lines)).strip() != fence[1]:
            block.append(line)
        yield Step(fence[2], said[:-2].rpartition("`")[2] if said.endswith("`:") else "", "".join(block))
        said = ""


def take(step: Step, folder: Path) -> None:
    """Do with a file what the page says."""
    place = folder / step.path
    place.parent.mkdir(parents=True, exist_ok=True)
    text = step.text
    if step.language == "diff":
        text = place.read_text(encoding="utf-8")
        for part in step.text.split("@@\n"):
            old, new = (
                "".join(line[1:] for line in part.splitlines(True) if line[0] in kept) for kept in (" -", " +")
            )
            assert text.count(old) == 1, part
            text = text.replace(old, new)
    place.write_text(text, encoding="utf-8")


def typed_in(folder: Path) -> dict[str, str]:
    """Every file of somebody who followed the page to its end."""
    for step in steps():
        if step.path:
            take(step, folder)
    return contents(folder)


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its path in there."""
    return {
        place.relative_to(folder).as_posix(): place.read_text(encoding="utf-8")
        for place in folder.rglob("*")
        if place.is_file()
    }


def under_another_name(files: dict[str, str]) -> dict[str, str]:
    """Files with `other` in place of the page's `deskbook`."""

    def renamed(text: str) -> str:
        for old, new in (("deskbook", "other"), ("Deskbook", "Other"), ("DESKBOOK", "OTHER")):
            text = text.replace(old, new)
        return text

    return {renamed(path): renamed(text) for path, text in files.items()}


# --- the same code in both places ----------------------------------------------------------------------------------


def test_a_new_connector_has_the_code_of_the_page(tmp_path: Path) -> None:
    made = CliRunner().invoke(instep, ["connector", "new", "deskbook", "--into", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert contents(tmp_path / "instep-deskbook") == typed_in(tmp_path / "typed")


def test_a_new_connector_of_another_name_has_that_code_under_its_name(tmp_path: Path) -> None:
    made = CliRunner().invoke(instep, ["connector", "new", "other", "--into", str(tmp_path)])
    assert made.exit_code == 0, made.output
    written = contents(tmp_path / "instep-other")
    assert written == under_another_name(typed_in(tmp_path / "typed"))
    assert not [text for text in (*written, *written.values()) if "deskbook" in text.lower()]


def test_every_file_that_the_page_draws_is_on_it(tmp_path: Path) -> None:
    drawing = next(step.text for step in steps() if step.text.startswith("instep-deskbook/\n"))
    drawn = {line.split()[0] for line in drawing.splitlines()[1:] if not line.split()[0].endswith("/")}
    assert drawn == {Path(path).name for path in typed_in(tmp_path) if not path.startswith("tests/")}


def test_every_block_of_the_page_is_a_file_or_something_to_type() -> None:
    assert {step.language for step in steps() if not step.path} == {"console", ""}
    assert {step.language for step in steps() if step.path} == {"toml", "markdown", "python", "diff"}


def test_the_code_of_a_new_connector_is_clean(tmp_path: Path) -> None:
    made = typed_in(tmp_path / "instep-deskbook")
    assert max(len(line) for path, text in made.items() if path.endswith(".py") for line in text.splitlines()) <= 118
    rules = ["--isolated", "--line-length", "118", "--select", "E,F,W,I,UP,B,C4,SIM,RUF,RET,PT,PIE,DTZ,N"]
    done = _tool(tmp_path / "instep-deskbook", "ruff", "check", *rules, ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.ci
def test_the_types_of_a_new_connector_are_strict(tmp_path: Path) -> None:
    typed_in(tmp_path / "instep-deskbook")
    done = _tool(
        tmp_path / "instep-deskbook", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "src", "tests"
    )
    assert done.returncode == 0, done.stdout


def _tool(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    ways = {"MYPYPATH": os.pathsep.join([str(ROOT / "core"), str(folder / "src")])}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | ways,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.ci
def test_a_new_connector_is_green_where_it_was_written(tmp_path: Path) -> None:
    """The quick twin of the tests below: no wheels, and the packages of this environment."""
    CliRunner().invoke(instep, ["connector", "new", "other", "--into", str(tmp_path)])
    announced = tmp_path / "site" / "instep_other-0.1.0.dist-info"
    announced.mkdir(parents=True)
    (announced / "METADATA").write_text("Metadata-Version: 2.1\nName: instep-other\nVersion: 0.1.0\n")
    (announced / "entry_points.txt").write_text("[instep]\nother = instep_other\n")
    source = tmp_path / "instep-other"
    ways = (os.environ.get("PYTHONPATH", ""), str(source / "src"), str(announced.parent))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INSTEP_", "PYTEST_"))}
    environment["PYTHONPATH"] = os.pathsep.join(ways)
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


# --- in a clean environment ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stranger:
    """A clean environment with Instep's wheel in it, and a terminal in an empty folder."""

    python: Path
    folder: Path
    state: Path
    ports: tuple[str, ...] = field(default_factory=lambda: tuple(map(str, _free_ports(len(_PORTS)))))

    def type(self, command: str, code: int | None = 0) -> str:
        """Type a line; gives everything that the terminal shows. Folder and variables stay for the next line."""
        done = subprocess.run(self._shell(command), capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        assert code is None or done.returncode == code, f"{command}\n{printed}"
        return printed

    def start(self, command: str) -> tuple[subprocess.Popen[str], str]:
        """Type a line that serves in the background; gives the first line that it prints."""
        process = subprocess.Popen(self._shell(f"exec {command}"), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline()

    def _shell(self, command: str) -> list[str]:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--quiet", "--disable-pip-version-check"]
        lines = [
            f"[ -f {self.state}/variables ] && . {self.state}/variables",
            f"cd {shlex.quote(str(self.folder))}; [ -f {self.state}/folder ] && cd $(cat {self.state}/folder)",
            f'pip() {{ {shlex.join(pip)} "$@" --no-deps --no-index --no-build-isolation; }}',
            "exec 2>&1",
            f"trap 'pwd > {self.state}/folder; export -p > {self.state}/variables' EXIT",
            command,
        ]
        clean = {"PATH": f"{self.python.parent}:/usr/bin:/bin", "HOME": str(self.state), "LANG": "C.UTF-8"}
        variables = [f"{name}={value}" for name, value in clean.items()]
        return ["env", "-i", *variables, "PYTHONDONTWRITEBYTECODE=1", "COLUMNS=200", "bash", "-c", "\n".join(lines)]


def _free_ports(how_many: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(how_many)]
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Instep as a wheel."""
    return _built(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def stranger(tmp_path: Path, wheel: Path) -> Stranger:
    for name in ("instep-deskbook", "state"):
        (tmp_path / name).mkdir()
    python = _environment(tmp_path / "venv")
    _install(python, wheel)
    return Stranger(python, tmp_path / "instep-deskbook", tmp_path / "state")


def _built(source: Path, into: Path) -> Path:
    _pip("wheel", "--no-build-isolation", "-w", str(into), str(source))
    (wheel,) = into.glob("*.whl")
    return wheel


def _install(python: Path, wheel: Path) -> None:
    _pip("--python", str(python), "install", str(wheel))


def _pip(*arguments: str) -> None:
    """pip without any index: whatever is needed is here already."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, "--no-deps"]
    done = subprocess.run([*command, "--no-index"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _environment(place: Path) -> Path:
    """An empty environment that sees third parties' packages, and nothing of this checkout."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    others = place / "others"
    others.mkdir()
    here = Path(sysconfig.get_paths()["purelib"])
    for package in here.iterdir():
        if not package.name.startswith(_OURS) and package.suffix != ".pth":
            (others / package.name).symlink_to(package)
    python = next(place / "bin" / name for name in ("python", "python3") if (place / "bin" / name).exists())
    asked = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    purelib = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.strip()
    (Path(purelib) / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    return python


def typed(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with what the page says that it prints (blank: nothing is said)."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, said = part.partition("\n")
        yield command, said.strip()


def as_said(printed: str, said: str) -> bool:
    """Whether what was printed is what the page says; `…` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, said.split("…"))), printed.strip(), re.DOTALL) is not None


@pytest.mark.ci
def test_the_guide_leads_from_an_empty_folder_to_two_accounts_in_step(stranger: Stranger) -> None:
    compared = 0
    with ExitStack() as running:
        for step in steps():
            if step.path:
                take(step, stranger.folder)
            elif step.language == "console":
                for command, said in typed(_with_ports(step.text, stranger.ports)):
                    if "venv" in command or command.startswith("pip install ../instep"):
                        continue  # the environment is there, and Instep is in it
                    if command.endswith("&"):
                        process, printed = stranger.start(command.rstrip("& "))
                        running.callback(_end, process)
                        expected = said.splitlines()[0]
                    else:
                        printed, expected = stranger.type(command), said
                    assert not said or as_said(printed, expected), f"$ {command}\n{printed}\n--- expected:\n{said}"
                    compared += bool(said)
    assert compared > 12


def _with_ports(text: str, ports: tuple[str, ...]) -> str:
    for named, free in zip(_PORTS, ports, strict=True):
        text = text.replace(named, free)
    return text


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.communicate()


@pytest.mark.ci
def test_a_new_connector_is_green_from_its_wheel(stranger: Stranger, tmp_path: Path) -> None:
    stranger.type("instep connector new other")
    source = stranger.folder / "instep-other"
    assert contents(source) == under_another_name(typed_in(tmp_path / "typed"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    _install(stranger.python, _built(source, wheels))
    printed = stranger.type('python -c "import instep, instep_other; print(instep.__file__, instep_other.__file__)"')
    assert all(str(stranger.python.parent.parent) in place for place in printed.split())
    assert " passed" in stranger.type(f"python -m pytest -q -W error -p no:cacheprovider {source}/tests")
    listed = json.loads(stranger.type("instep connector list --json"))["connectors"]
    assert listed == [{"name": "other", "distribution": "instep-other", "version": "0.1.0"}]
    assert stranger.type("instep connector show other").startswith("other: ")
    assert "brings a connector" in stranger.type("instep connector new other --into elsewhere", code=1)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("kind", "command"), [("connector-list", "connector list"), ("process-preset", "process preset")]
)
def test_what_is_printed_follows_the_schema_that_came_with_it(stranger: Stranger, kind: str, command: str) -> None:
    schema = json.loads(stranger.type(f"instep schema --output {kind}"))
    jsonschema.validate(json.loads(stranger.type(f"instep {command} --json")), schema)
