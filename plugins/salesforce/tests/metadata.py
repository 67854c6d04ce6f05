"""How tests reach the Metadata API of a sandbox with the vendor's own client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from simple_salesforce import Salesforce
from zeep.exceptions import Fault

from instep_salesforce.sandbox import STATIC_TOKEN, SalesforcePersonality

from .sandboxes import Opened, opened

_REFUSED = re.compile(r"\n(?P<name>.*?): (?P<errors>(?:\([A-Z_]+, .*?\), )+)", re.DOTALL)


@dataclass(frozen=True)
class Configured(Opened):
    """A sandbox whose Metadata API the vendor's client has read the WSDL for."""

    @property
    def md(self) -> Any:
        return self.sf.mdapi

    def read(self, type: str, name: str) -> Any:
        """One component; None where there is none."""
        found = getattr(self.md, type).read([name])
        return None if found.fullName is None else found

    def make(self, type: str, /, **definition: object) -> Any:
        return getattr(self.md, type)(**definition)

    def create(self, type: str, /, **definition: object) -> None:
        getattr(self.md, type).create([self.make(type, **definition)])

    def update(self, type: str, /, **definition: object) -> None:
        getattr(self.md, type).update([self.make(type, **definition)])

    def edit(self, type: str, name: str, change: Callable[[Any], object]) -> None:
        """Read a component, change it and write it back whole."""
        found = self.read(type, name)
        change(found)
        getattr(self.md, type).update([found])

    def stage(self, name: str, **changes: object) -> Any:
        """A complete opportunity stage."""
        plain = {"default": False, "closed": False, "won": False, "probability": 30, "forecastCategory": "Pipeline"}
        return self.md.StandardValue(fullName=name, **{"label": name, **plain, **changes})

    def stages(self) -> list[str]:
        """The names of the stages that can be chosen, in order."""
        found = self.read("StandardValueSet", "OpportunityStage").standardValue
        return [value.fullName for value in found if value.isActive is not False]

    def edit_stages(self, change: Callable[[list[Any]], object]) -> None:
        self.edit("StandardValueSet", "OpportunityStage", lambda found: change(found.standardValue))

    def edit_statuses(self, change: Callable[[list[Any]], object]) -> None:
        self.edit("StandardValueSet", "LeadStatus", lambda found: change(found.standardValue))

    def field(self, object: str, name: str) -> dict[str, Any] | None:
        """A field as it is described now."""
        return {field["name"]: field for field in getattr(self.sf, object).describe()["fields"]}.get(name)

    def choices(self, object: str, name: str) -> list[str]:
        """The values that a description lists for a picklist."""
        found = self.field(object, name)
        assert found is not None
        return [option["value"] for option in found["picklistValues"]]

    def offered(self, object: str, record_type: str, field: str) -> list[str]:
        """What a record type, by its id, offers for a picklist."""
        path = f"ui-api/object-info/{object}/picklist-values/{record_type}"
        values = self.sf.restful(path)["picklistFieldValues"][field]["values"]
        return [value["value"] for value in values]

    def mdapi_as(self, token: str) -> Any:
        """The Metadata API with another session; the WSDL is not read again."""
        return _WithToken(self.md, token)

    def post(self, body: bytes | str, path: str = "/services/Soap/m/63.0/") -> requests.Response:
        """One SOAP call as it is on the wire."""
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
        data = body.encode() if isinstance(body, str) else body
        return self.sf.session.post(self.sandbox.url + path, data=data, headers=headers)


class _WithToken:
    def __init__(self, library: Any, token: str) -> None:
        self._library = library
        self._header = library._client.get_element("ns0:SessionHeader")(sessionId=token)

    def __getattr__(self, name: str) -> Any:
        type = getattr(self._library, name)
        type._session_header = self._header
        return type


@contextmanager
def configuring() -> Iterator[Configured]:
    """A sandbox for the tests of one module; `fresh` makes it new for each."""
    with opened() as running:
        yield _with_metadata(running)


def _with_metadata(running: Opened) -> Configured:
    sf = Salesforce(
        session_id=STATIC_TOKEN, instance_url=running.sandbox.url, session=running.sf.session, version="63.0"
    )
    sf.metadata_url = sf.metadata_url.replace("https://", "http://")
    sf.mdapi._client.transport.session.trust_env = False
    return Configured(running.sandbox, sf, running.clock)


def fresh(running: Configured) -> Configured:
    """The same sandbox, as new."""
    running.sandbox.personality = SalesforcePersonality()
    assert running.sf.session.post(f"{running.sandbox.url}/_sandbox/reset").ok
    return running


def envelope(operation: str, token: str = STATIC_TOKEN) -> str:
    """A call as simple as can be; `m` is the namespace of metadata."""
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:m="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<e:Header><m:SessionHeader><m:sessionId>{token}</m:sessionId></m:SessionHeader></e:Header>"
        f"<e:Body>{operation}</e:Body></e:Envelope>"
    )


def reading(type: str, *names: str) -> str:
    """A call that reads components."""
    named = "".join(f"<m:fullNames>{name}</m:fullNames>" for name in names)
    return f"<m:readMetadata><m:type>{type}</m:type>{named}</m:readMetadata>"


def fault_of(answer: requests.Response) -> tuple[str, str]:
    """Code and text of the fault that an answer carries; it must be one."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "text/xml;charset=UTF-8")
    (found,) = ElementTree.fromstring(answer.content).iter("{http://schemas.xmlsoap.org/soap/envelope/}Fault")
    return found.findtext("faultcode", ""), found.findtext("faultstring", "")


def fault(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Code and text of the fault that a call of the client meets."""
    with pytest.raises(Fault) as caught:
        call(*args, **kwargs)
    return caught.value.code, caught.value.message


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    """Code and message of the one component that a call of the client could not save."""
    with pytest.raises(Exception, match=r"\([A-Z_]+, ") as caught:
        call(*args, **kwargs)
    (found,) = _REFUSED.finditer(str(caught.value))
    code, _, message = found["errors"].removeprefix("(").removesuffix("), ").partition(", ")
    return code, message
