from instep.testing import ConnectorConformance
from instep_mailchimp import mailchimp

SAMPLES = {"members": {"FNAME": "Person {n}", "email_address": "person-{n}@conformance.example"}}


class Tag(str):
    """A pattern for merge tags, which are written in capitals."""

    __slots__ = ()

    def format(self, *words: object, **named: object) -> str:
        """The tag, in capitals."""
        return super().format(*words, **named).upper()


class TestMailchimp(ConnectorConformance):
    plugin = mailchimp
    samples = SAMPLES
    key_field = "INSTEP_ID"
    own_field = Tag("C_{}")
    email_field = "email_address"
