"""Search over the records of a backup. `searching` walks, `sieves` throw away what cannot match, `matching` decides.

There is no index: frames are decrypted in memory, looked through as bytes, and forgotten.
"""

from holdfast.operations.search.query import Condition, Query
from holdfast.operations.search.searching import Found, Hit, Position, search

__all__ = ["Condition", "Found", "Hit", "Position", "Query", "search"]
