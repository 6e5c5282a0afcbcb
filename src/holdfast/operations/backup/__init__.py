"""Backups: asking for one, running it, what is going on. `run` is one backup followed from end to end."""

from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions

__all__ = ["BackupOptions", "request_backup", "run_backup"]
