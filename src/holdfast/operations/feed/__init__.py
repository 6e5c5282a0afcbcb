"""The change feed: every record that was created, changed or deleted, and every field that was new, in order.

`reading` goes through what the catalog noted, from any cursor on; `learning` finds out which fields are new.
"""
