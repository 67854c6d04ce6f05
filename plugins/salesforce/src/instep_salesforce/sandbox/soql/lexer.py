"""Cutting a SOQL statement into words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from instep_salesforce.sandbox.soql.refusals import at

_WORDS = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:\\.|[^'\\])*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
  | (?P<operator><=|>=|!=|<>|=|<|>)
  | (?P<mark>[(),:])
    """,
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """One word and where it stands; the end is an empty word of kind `end`."""

    kind: str
    text: str
    position: int

    @property
    def upper(self) -> str:
        """The word in capitals."""
        return self.text.upper()


def tokens(text: str) -> list[Token]:
    """The words of a statement."""
    found, place = [], 0
    while place < len(text):
        match = _WORDS.match(text, place)
        if match is None or match.lastgroup is None:
            raise at(text, place, f"no viable alternative at character '{text[place]}'")
        if match.lastgroup != "space":
            word = match.group()
            if match.lastgroup == "name":
                word = "".join(word.split())
            found.append(Token(match.lastgroup, word, place))
        place = match.end()
    found.append(Token("end", "", len(text)))
    return found


def unquoted(token: Token, text: str, *, for_like: bool) -> str:
    r"""What a string says. In LIKE, `\_` and `\%` stay escaped."""

    def replace(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in {"_", "%"} and for_like:
            return match[0]
        if letter[0] == "u" and len(letter) == 5:
            return chr(int(letter[1:], 16))
        if letter.lower() not in _ESCAPES:
            raise at(text, token.position, f"Illegal character sequence '{match[0]}' in string literal")
        found = _ESCAPES[letter.lower()]
        return "\\\\" if for_like and found == "\\" else found

    return _ESCAPED.sub(replace, token.text[1:-1])
