"""Calls of the Metadata API as they come in, and answers as they go out."""

from __future__ import annotations

from dataclasses import dataclass

from instep.sandbox import Response
from instep_salesforce.sandbox.metadata import markup
from instep_salesforce.sandbox.metadata.faults import FaultError, malformed
from instep_salesforce.sandbox.metadata.markup import XSI, Node
from instep_salesforce.sandbox.metadata.shapes import METADATA

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPE = "text/xml;charset=UTF-8"
NIL = ' xsi:nil="true"'


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its operation, who makes it, and whether all of it shall be done or nothing."""

    operation: Node
    session: str
    all_or_none: bool = False


def read(body: bytes) -> Asked:
    """The call that an envelope holds."""
    root = markup.read(body)
    if (root.name, root.namespace) != ("Envelope", SOAP):
        raise FaultError("VersionMismatch", "A SOAP 1.1 envelope was expected", prefix="soapenv")
    inner = root.child("Body")
    if inner is None or len(inner.children) != 1 or inner.children[0].namespace != METADATA:
        raise malformed("No operation available for request")
    headers = root.child("Header") or Node("Header")
    session = headers.child("SessionHeader") or Node("SessionHeader")
    whole = headers.child("AllOrNoneHeader") or Node("AllOrNoneHeader")
    return Asked(inner.children[0], session.words("sessionId") or "", whole.words("allOrNone") in {"true", "1"})


def answer(operation: str, content: str) -> Response:
    """The answer to an operation."""
    return _enveloped(markup.write(f"{operation}Response", content), 200)


def fault(error: FaultError) -> Response:
    """The answer to a call that was refused as a whole: Salesforce sends it with HTTP 500."""
    code, text = markup.leaf("faultcode", f"{error.prefix}:{error.code}"), markup.leaf("faultstring", error.text)
    return _enveloped(f'<soapenv:Fault xmlns="" xmlns:sf="{METADATA}">{code}{text}</soapenv:Fault>', 500)


def _enveloped(body: str, status: int) -> Response:
    opening = f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns="{METADATA}" xmlns:xsi="{XSI}">'
    text = f'<?xml version="1.0" encoding="UTF-8"?>{opening}<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'
    return Response(status, text.encode(), (), TYPE)
