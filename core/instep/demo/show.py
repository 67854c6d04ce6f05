"""Prints the story: plain lines everywhere, colours on a terminal. What came from a record is text, never markup."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from instep.model.values import plain

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 112


class Teller:
    """Tells one step after another, each with what it took."""

    def __init__(self, file: TextIO | None = None) -> None:
        from rich.console import Console

        probe = Console(file=file)
        width = min(probe.width, WIDTH) if probe.is_terminal else WIDTH
        self._console: Console = Console(file=file, width=width, highlight=False, emoji=False, markup=False)
        self._began = time.monotonic()
        self._number = 0

    def title(self, text: str, under: str) -> None:
        """What this is."""
        self._print((text, "bold"), ("  " + under, "dim"))

    def step(self, title: str, command: str = "") -> None:
        """A new step, with the command that does the same anywhere."""
        self._number += 1
        self._print()
        self._print(
            (f"{self._number:>2}  ", "bold cyan"), (title, "bold"), (f"   {command}" if command else "", "dim")
        )

    def say(self, text: str, style: str = "") -> None:
        """A line of the step."""
        self._print((f"    {text}", style))

    def good(self, text: str) -> None:
        """What came out as it should."""
        self._print(("  ✓ ", "bold green"), (text, ""))

    def bad(self, text: str) -> None:
        """What did not."""
        self._print(("  ✗ ", "bold red"), (text, ""))

    def note(self, text: str) -> None:
        """What people should look at."""
        self._print(("  ! ", "bold yellow"), (text, "yellow"))

    def change(self, who: str, what: str, because: str = "") -> None:
        """One thing that is written, and why."""
        self._print(("    ~ ", "cyan"), (f"{who}  ", ""), (what, "bold"), (f"   {because}" if because else "", "dim"))

    def close(self, text: str, command: str) -> None:
        """The last lines."""
        self._print()
        self._print((text, "bold"))
        self._print(("Look around: ", ""), (command, "cyan"), ("  (the sandbox has ended: look, do not sync)", "dim"))

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def _print(self, *parts: tuple[str, str]) -> None:
        from rich.text import Text

        self._console.print(Text.assemble(*((plain(text), style) for text, style in parts)), soft_wrap=True)
