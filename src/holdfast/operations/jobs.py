"""What the engine runs, by kind. An operation is imported when its first job runs: commands without jobs start fast."""

from holdfast.operations.services import Services

BACKUP = "backup"
EXPORT = "export"
CONFIRMATION = "confirmation"
ERASURE = "erasure"
RESTORE = "restore"


def register(services: Services) -> None:
    """Tell the engine who runs what; before it starts."""

    def backup(run_id: int) -> None:
        from holdfast.operations.backup.run import run_backup

        run_backup(services, run_id)

    def export(export_id: int) -> None:
        from holdfast.operations.exports import run_export

        run_export(services, export_id)

    def confirmation(export_id: int) -> None:
        from holdfast.operations.confirmations import send_confirmation

        send_confirmation(services, export_id)

    def erasure(customer_id: int) -> None:
        from holdfast.operations.erase import complete

        complete(services, customer_id)

    def restore(restore_id: int) -> None:
        from holdfast.operations.restore.run import run_restore

        run_restore(services, restore_id)

    services.engine.register(BACKUP, backup)
    services.engine.register(RESTORE, restore)
    services.engine.register(EXPORT, export)
    services.engine.register(CONFIRMATION, confirmation, poll_s=1.0)
    services.engine.register(ERASURE, erasure, concurrency=1, poll_s=1.0)
