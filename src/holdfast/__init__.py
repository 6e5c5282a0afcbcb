"""Holdfast: open-source backup for SaaS data. docs/architecture.md says where everything is."""

__version__ = "0.1.0"
