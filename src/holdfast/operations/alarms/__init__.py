"""Alarms: a backup that deletes or changes far more than is usual, or whose files look encrypted, is flagged.

`usual` knows what is usual, `encryption` looks at blobs, `examining` asks both at a backup's end, `keeping` keeps and
acknowledges what they found. Until an alarm is acknowledged, the backups before it stay.
"""

from holdfast.operations.alarms.examining import examine
from holdfast.operations.alarms.keeping import acknowledge, conclude, note_day, protected_sequences

__all__ = ["acknowledge", "conclude", "examine", "note_day", "protected_sequences"]
