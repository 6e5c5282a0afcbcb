"""Exports: a backup's state as a zip of JSON Lines, CSV and blobs, with a manifest of counts and digests."""

from holdfast.operations.export.archive import ExportReport, Format, write_export

__all__ = ["ExportReport", "Format", "write_export"]
