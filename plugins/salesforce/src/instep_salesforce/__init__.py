"""Salesforce for Instep: leads and contacts as one person, accounts, opportunities, and what buyers did."""

from __future__ import annotations

from instep_salesforce.settings import SalesforceSettings

__all__ = ["SalesforceSettings"]
