"""How many faults, one at a time, the tests notice: `python3 dev.py mutation`.

mutmut changes one thing at a time in the modules that `[tool.mutmut]` of `pyproject.toml` names, and runs the tests
that reach the change. A change that no test notices *survives*. Some change nothing that anybody could notice: they
are listed, each with its reason, in `equivalent.toml`.

All of it happens in a copy of the project, `.mutation/`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".mutation"
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
COPIED = ("tests", "docs", "mappings", "plugins", "pyproject.toml", "sync.toml", "README.md")
GOAL = 0.90

NOTICED = {1, 3, 24, -24, 36, 152, 255}
"""How a test run ends that noticed: a test failed, or the program no longer came to an end."""

Edit = tuple[str, str, str]
"""A function, and the lines before and after."""


@dataclass
class Score:
    """What became of the mutants of one module."""

    tried: int = 0
    killed: int = 0
    equivalent: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def of_all(self) -> float:
        return self.killed / self.tried if self.tried else 1.0

    @property
    def of_real(self) -> float:
        """The share among those that change something."""
        real = self.tried - self.equivalent
        return self.killed / real if real else 1.0

    def __add__(self, other: Score) -> Score:
        survivors = [*self.survivors, *other.survivors]
        return Score(
            self.tried + other.tried, self.killed + other.killed, self.equivalent + other.equivalent, survivors
        )


def main(arguments: list[str]) -> int:
    """Try every mutant, or a share of them, and print the score of every module."""
    parser = argparse.ArgumentParser(prog="dev.py mutation", description="How many faults the tests notice.")
    parser.add_argument("modules", nargs="*", help="such as model.merging; all, if none is named")
    parser.add_argument("--share", type=int, default=100, help="percent of the mutants, always the same ones")
    parser.add_argument("--more", action="store_true", help="go on: what was noticed in unchanged functions stands")
    parser.add_argument("--again", action="store_true", help="only those that survived, with the tests of today")
    parser.add_argument("--report", action="store_true", help="try nothing, print what was found")
    parser.add_argument("--survivors", action="store_true", help="print every survivor, as a difference")
    options = parser.parse_args(arguments)
    if not options.report:
        lay_out(afresh=not (options.again or options.more))
        os.chdir(PLACE)
        names = survived() if options.again else wanted(options.modules, options.share)
        if names:
            subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", "2", *names], check=True)
    os.chdir(PLACE)
    return report(show=options.survivors)


def lay_out(*, afresh: bool) -> None:
    """Copy the project to `.mutation`, with core's source where mutmut looks for one."""
    found = PLACE / "mutants"
    for path in [found] if afresh else [found / "tests", found / "docs"]:
        shutil.rmtree(path, ignore_errors=True)
    PLACE.mkdir(exist_ok=True)
    for source, target in [("core", "src"), *zip(COPIED, COPIED, strict=True)]:
        if (ROOT / source).is_file():
            shutil.copy2(ROOT / source, PLACE / target)
            continue
        shutil.rmtree(PLACE / target, ignore_errors=True)
        shutil.copytree(ROOT / source, PLACE / target, ignore=shutil.ignore_patterns("__pycache__"))


def modules() -> list[str]:
    """The files that are changed, as `src/instep/model/merging.py`."""
    with Path("pyproject.toml").open("rb") as file:
        named: list[str] = tomllib.load(file)["tool"]["mutmut"]["only_mutate"]
    return named


def wanted(only: list[str], share: int) -> list[str]:
    """The names of the mutants to try: those that are not known to be noticed."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    names = []
    for path in modules():
        module = path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        if only and module.removeprefix("instep.") not in only:
            continue
        now = mutate_file_contents(path, Path(path).read_text(encoding="utf-8"), None, None)
        before, known = kept(path).get("hash_by_function_name", {}), results(path)
        for name in now.mutant_names:
            function, full = name.partition("__mutmut_")[0], f"{module}.{name}"
            stands = known.get(full) in NOTICED and before.get(function) == now.hash_by_function_name.get(function)
            if zlib.crc32(full.encode()) % 100 < share and not stands:
                names.append(full)
    return names


def kept(path: str) -> dict[str, Any]:
    """What mutmut keeps of a file."""
    place = Path("mutants", f"{path}.meta")
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    return found


def results(path: str) -> dict[str, int]:
    """How the test run of every mutant of a file ended that was tried."""
    return {name: code for name, code in kept(path).get("exit_code_by_key", {}).items() if code is not None}


def survived() -> list[str]:
    return [name for path in modules() for name, code in results(path).items() if code not in NOTICED]


def report(*, show: bool) -> int:
    """Print the scores; the exit code is 1 below the goal, or if a listed mutant is none any more."""
    listed = equivalent()
    unused = Counter(listed)
    whole = Score()
    print(f"{'module':32} {'mutants':>8} {'noticed':>8} {'score':>7} {'without equivalent ones':>25}")
    for path in modules():
        score = scored(path, listed, unused)
        whole += score
        print(line(path.removeprefix("src/instep/"), score))
    print(line("all", whole))
    if show:
        print(*whole.survivors, sep="\n")
    for function, before, after in +unused:
        print(f"equivalent.toml: not found among these: {function}, {before!r} -> {after!r}", file=sys.stderr)
    return int(whole.of_real < GOAL)


def line(name: str, score: Score) -> str:
    return f"{name:32} {score.tried:8} {score.killed:8} {score.of_all:7.1%} {score.of_real:25.1%}"


def scored(path: str, listed: set[Edit], unused: Counter[Edit]) -> Score:
    """The score of one file."""
    score = Score()
    for name, code in results(path).items():
        score.tried += 1
        if code in NOTICED:
            score.killed += 1
            continue
        edit = edit_of(name, path)
        if edit in listed:
            score.equivalent += 1
            unused[edit] = 0
        else:
            score.survivors.append("\n".join([f"\n{name}", f"- {edit[1]}", f"+ {edit[2]}"]))
    return score


def edit_of(name: str, path: str) -> Edit:
    """What a mutant changes, in a form that stays the same when other lines of the file change."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    before, after = (" ".join(part[1:].strip() for part in lines if part[:1] == sign) for sign in "-+")
    function = name.partition("__mutmut_")[0].removeprefix("instep.").replace(".x_", ".").replace("ǁ", ".")
    return function.replace(".x.", "."), before, after


def equivalent() -> set[Edit]:
    """The mutants that change nothing, from `equivalent.toml`."""
    with EQUIVALENT.open("rb") as file:
        return {(one["function"], one["before"], one["after"]) for one in tomllib.load(file)["mutants"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
