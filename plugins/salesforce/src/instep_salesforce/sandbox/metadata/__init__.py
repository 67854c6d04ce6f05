"""The Metadata API: how admins' tools configure the org by SOAP.

developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta
"""
