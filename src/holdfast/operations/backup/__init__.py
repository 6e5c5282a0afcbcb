"""Backups: `request` asks for one, `run` is one followed from its start to its end."""
