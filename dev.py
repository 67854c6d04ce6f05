#!/usr/bin/env python3
"""One door to the project: `python3 dev.py demo`, `python3 dev.py test`, and the rest.

Needs Python 3.11 or newer with pip, and nothing else: the first command makes `.venv` from the hash-pinned
`requirements.lock`; later ones reuse it while the lock and the pyproject files are unchanged.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
STAMP = VENV / "instep-environment"
LOCK = HERE / "requirements.lock"

AT_ONCE = ("-n", "3", "--dist", "loadfile")
"""Three test files at once, each as a whole, on two cores: some of them wait for a process or a page."""
STEALING = ("-n", "3", "--dist", "worksteal")
"""Three tests at once, for files of which one takes as long as many others."""
IN_ORDER = "--no-loadscope-reorder"
"""For tests of which the longest files have few: they would come last."""

USAGE = """usage: python3 dev.py COMMAND [ARGS…]

  demo             bring a demo company's exports, two CRM and two campaign tool sandboxes in step, follow what
                   happens in them, configure two empty CRMs, and let buyers move (--part sync, campaign, stages
                   or buyers: only one of the four)
  test [ARGS…]     lint, types, import contracts, tests
  check            the same without the tests
  ci               the tests that are too slow for every run
  nightly          the long tests, for published figures, then the mutation score
  mutation [ARGS…] seed faults in the core, one at a time; how many the tests notice
  bench [ARGS…]    measure against floors, as ratios within one run
  lock             write requirements.lock anew (needs a package index)
  instep ARGS…     run the instep command in the project's environment
"""


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is the command's own."""
    if sys.version_info < (3, 11):  # noqa: UP036  # a fresh machine may have an older one
        print("Instep needs Python 3.11 or newer; this is " + sys.version.split()[0], file=sys.stderr)
        return 1
    commands = {
        "demo": demo,
        "test": test,
        "check": check,
        "ci": ci,
        "nightly": nightly,
        "mutation": mutation,
        "bench": bench,
        "lock": lock,
        "instep": instep,
    }
    if not arguments or arguments[0] not in commands:
        print(USAGE, file=sys.stderr)
        return 2
    keep_bytecode()
    return commands[arguments[0]](arguments[1:])


def demo(arguments: list[str]) -> int:
    prepare()
    return run([binary("python"), "-m", "instep.cli.main", "init", "--demo", *arguments])


def test(arguments: list[str]) -> int:
    quick = ["-m", "not nightly and not ci", *arguments]
    return check([]) or run([binary("python"), "-m", "pytest", *AT_ONCE, IN_ORDER, *quick])


def ci(arguments: list[str]) -> int:
    prepare()
    return run([binary("python"), "-m", "pytest", *STEALING, "-m", "ci and not nightly", *arguments])


def check(_: list[str]) -> int:
    prepare()
    steps = [
        [binary("ruff"), "format", "--check", "."],
        [binary("ruff"), "check", "."],
        [binary("mypy")],
        [binary("lint-imports")],
    ]
    return max(run(step) for step in steps)


def nightly(arguments: list[str]) -> int:
    prepare()
    os.environ["INSTEP_THOROUGH"] = "1"
    return run([binary("python"), "-m", "pytest", *AT_ONCE, *arguments]) or (0 if arguments else mutation([]))


def mutation(arguments: list[str]) -> int:
    prepare()
    return run([binary("python"), "-m", "tests.mutation", *arguments])


def bench(arguments: list[str]) -> int:
    prepare()
    return run([binary("python"), "-m", "bench", *arguments])


def instep(arguments: list[str]) -> int:
    prepare()
    if os.name == "posix":
        os.execv(binary("instep"), ["instep", *arguments])  # noqa: S606  # so that signals reach the command itself
    return run([binary("instep"), *arguments], cwd=Path.cwd())


def lock(_: list[str]) -> int:
    """Resolve every dependency and write exact versions with hashes, without any address."""
    prepare()
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([binary("python"), "-m", "pip", "install", "-q", "--target", scratch, "uv"], check=True)
        uv = [sys.executable, "-m", "uv"]
        environment = {**os.environ, "PYTHONPATH": scratch}
        subprocess.run([*uv, "lock", "--upgrade"], cwd=HERE, env=environment, check=True)
        export = [*uv, "export", "--frozen", "--all-packages", "--all-groups", "--no-emit-workspace"]
        export += ["--no-header", "--no-annotate", "-o", str(LOCK)]
        subprocess.run(export, cwd=HERE, env=environment, check=True, stdout=subprocess.DEVNULL)
        (HERE / "uv.lock").unlink()
    return 0


def keep_bytecode() -> None:
    """Compile everything once, into `.venv`: tests start hundreds of commands, and each would do it anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(VENV / "bytecode")


def prepare() -> None:
    """Make `.venv`, or keep it when what it was made from has not changed."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("Setting up .venv (once; later starts reuse it) …", file=sys.stderr, flush=True)
    if VENV.exists():
        shutil.rmtree(VENV)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [binary("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    editable = [part for place in [HERE, *plugins()] for part in ("-e", str(place))]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", *editable], check=True)
    STAMP.write_text(wanted)


def plugins() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("plugins/*/pyproject.toml"))


def fingerprint() -> str:
    parts = [LOCK, HERE / "pyproject.toml", *(place / "pyproject.toml" for place in plugins())]
    digest = hashlib.sha256(sys.version.encode() + str(HERE).encode())
    for part in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()


def binary(name: str) -> str:
    folder = VENV / ("Scripts" if os.name == "nt" else "bin")
    return str(folder / name)


def run(command: list[str], cwd: Path = HERE) -> int:
    return subprocess.run(command, cwd=cwd, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
