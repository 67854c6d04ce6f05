"""A page for every code that Instep prints: what it means, why it happens, what to do. They ship as data."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GROUPS = {
    "Mistakes in files": "printed by `instep check`, and by every command that cannot use the files",
    "Weaknesses of a process": "printed by `instep process lint`",
    "Notes of a run": "printed by `plan`, `apply`, `sync` and `undo`, and by `instep show RUN`",
    "Classes of refusals": "what a system refused: printed in the notes of a run, by `status` and by `show`",
    "Findings of doctor": "printed by `instep doctor`",
    "Findings of provisioning": "printed by `instep provision plan`",
    "Reasons of why-not": "printed by `instep why-not KEY`, beside the notes of runs",
    "Errors": "what ends a command: `error.kind` of `--json`",
    "Exit codes": "how a command ended; `instep help 5` is enough",
}
"""Every group of codes, and where one meets them."""

_LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_FENCE = re.compile(r"```\w*\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to know of one code. `text` is Markdown."""

    code: str
    group: str
    text: str

    @property
    def meaning(self) -> str:
        """What it means, in a sentence or two."""
        return " ".join(self.text.split("\n\n")[2].split())

    def plain(self) -> str:
        """The page as plain text, for a terminal."""
        _, _, body = self.text.split("\n\n", 2)
        body = _FENCE.sub(lambda fence: textwrap.indent(fence[1], "    "), _LINK.sub(_spelled_out, body))
        body = re.sub(r"^## (.+)$", r"\1:", body, flags=re.MULTILINE)
        return f"{self.code} ({self.group.lower()})\n\n{body}".rstrip()


@cache
def every_code() -> tuple[str, ...]:
    """All codes, in alphabetical order."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted((name.removesuffix(".md") for name in names if name.endswith(".md")), key=str.casefold))


def read_page(code: str) -> Page:
    """The page of one of `every_code`."""
    text = files(__name__).joinpath(f"{code}.md").read_text(encoding="utf-8")
    return Page(code, text.split("\n\n", 2)[1].rstrip("."), text)


def pages_by_group() -> dict[str, list[Page]]:
    """Every page, under its group."""
    found: dict[str, list[Page]] = {group: [] for group in GROUPS}
    for code in every_code():
        page = read_page(code)
        found[page.group].append(page)
    return found


def find_code(typed: str) -> str | None:
    """The code that somebody means: in any case, with spaces for hyphens, a number for an exit code."""
    wanted = typed.strip().strip("[]").casefold().replace(" ", "-")
    wanted = f"exit-{wanted}" if wanted.isdigit() else wanted
    exact = next((code for code in every_code() if code.casefold() == wanted), None)
    return exact or next((code for code in every_code() if _loose(code) == _loose(wanted)), None)


def _loose(code: str) -> str:
    return code.casefold().replace("_", "-")


def _spelled_out(link: re.Match[str]) -> str:
    """A link as text: the code that it leads to, or its words and the document."""
    words, target = link[1], link[2].removeprefix("../../../")
    return words if target == f"{words}.md" else f"{words} ({target})"
