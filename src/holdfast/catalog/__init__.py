"""The SQL index of the vault: who has which backups, and where every record's bytes stand. The vault can rebuild it.

One noun per module: plain functions that take a connection (`database.Database`) and return frozen values. Nothing here
commits; the caller decides what belongs into one transaction.
"""
