"""Instep keeps every system in step with how customers buy."""
