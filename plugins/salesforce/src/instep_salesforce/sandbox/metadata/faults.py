"""How the Metadata API says no to a whole call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class FaultError(Exception):
    """A SOAP fault: HTTP 500 with a code, after a prefix, and a text."""

    code: str
    message: str
    prefix: str = "sf"

    def __str__(self) -> str:
        return f"{self.prefix}:{self.code}: {self.message}"

    @property
    def text(self) -> str:
        """The text as the answer has it: Salesforce's own codes stand before it once more."""
        return f"{self.code}: {self.message}" if self.prefix == "sf" else self.message


def malformed(message: str) -> FaultError:
    """The call cannot be understood."""
    return FaultError("Client", message, prefix="soapenv")
