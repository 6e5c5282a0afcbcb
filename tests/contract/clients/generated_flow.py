"""Run by `test_generated_client` in an environment that has the generated client and none of Holdfast.

Token, customer, definition, variables, instance, backup, records, blob, export, download.
"""
# mypy: ignore-errors

import io
import sys
import time
import zipfile

from holdfast_client import AuthenticatedClient, Client
from holdfast_client.api.backup_definitions import create_backup_definition, set_backup_definition_document
from holdfast_client.api.backup_instances import create_backup_instance, get_backup_instance
from holdfast_client.api.backups import create_backup, get_active_backup, get_backup, list_backups
from holdfast_client.api.customers import create_customer, list_customers
from holdfast_client.api.definition_variables import create_backup_definition_variable
from holdfast_client.api.endpoints import list_endpoints
from holdfast_client.api.exports import create_export, get_export, list_exports, reauthorize_export
from holdfast_client.api.instance_variables import create_backup_instance_variable
from holdfast_client.api.logs import list_log_entries
from holdfast_client.api.records import get_record, list_records
from holdfast_client.api.tokens import create_token
from holdfast_client.api.vendors import get_vendor
from holdfast_client.models import (
    CreateBackupDefinitionBody,
    CreateBackupDefinitionVariableBody,
    CreateBackupInstanceBody,
    CreateBackupInstanceVariableBody,
    CreateCustomerBody,
    CreateExportBody,
    CreateTokenBody,
    SetBackupDefinitionDocumentJsonBody,
)

url, client_id, client_secret, source_url = sys.argv[1:]


def wait_for(read):
    while (found := read()).ended_at is None:
        time.sleep(0.05)
    return found


token = create_token.sync(
    client=Client(url),
    body=CreateTokenBody.from_dict(
        {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
            "scope": "write",
        }
    ),
)
client = AuthenticatedClient(url, token=token.access_token, raise_on_unexpected_status=True)
assert get_vendor.sync(client=client).client_id == client_id

customer = create_customer.sync(
    client=client, body=CreateCustomerBody.from_dict({"customer": {"name": "c", "email": "c@example.org"}})
)
assert [one.id for one in list_customers.sync(client=client)] == [customer.id]
definition = create_backup_definition.sync(
    client=client,
    body=CreateBackupDefinitionBody.from_dict(
        {"backup_definition": {"name": "Items", "description": "All", "published": False}}
    ),
)
document = {
    "holdfast": 1,
    "name": "Items",
    "connection": {"base_url": source_url},
    "endpoints": [
        {
            "name": "items",
            "path": "/cursor/items",
            "records": "items",
            "id": "id",
            "paging": {"type": "cursor", "body": "next_cursor", "query": "cursor"},
            "blob": {"url": "{{ record.file }}", "version": "file"},
        }
    ],
}
assert set_backup_definition_document.sync(
    definition.id, client=client, body=SetBackupDefinitionDocumentJsonBody.from_dict(document)
).has_document
variable = create_backup_definition_variable.sync(
    definition.id,
    client=client,
    body=CreateBackupDefinitionVariableBody.from_dict({"variable": {"key": "folder", "name": "Folder"}}),
)
assert variable.key == "folder"
instance = create_backup_instance.sync(
    client=client,
    body=CreateBackupInstanceBody.from_dict(
        {
            "backup_instance": {
                "backup_definition_id": definition.id,
                "customer_id": customer.id,
                "backup_frequency": "off",
            }
        }
    ),
)
# An instance that never ran: nulls, what is absent, an answer without a body.
assert not instance.last_backup_state
assert instance.last_successful_backup is None
assert get_active_backup.sync(instance.id, client=client) is None
assert list_backups.sync(instance.id, client=client) == []
create_backup_instance_variable.sync(
    instance.id,
    client=client,
    body=CreateBackupInstanceVariableBody.from_dict({"variable": {"key": "folder", "value": "all"}}),
)
backup = create_backup.sync(instance.id, client=client)
backup = wait_for(lambda: get_backup.sync(instance.id, backup.id, client=client))
assert backup.status == "successful", backup.failures
assert get_backup_instance.sync(instance.id, client=client).last_backup_state == "successful"
assert [one.name for one in list_endpoints.sync(instance.id, client=client)] == ["items"]
records = list_records.sync(instance.id, "items", client=client, per_page=100)
assert len(records) == 30
record = get_record.sync(instance.id, "items", "1", client=client)
assert record.field_data.to_dict()["id"] == 1
assert client.get_httpx_client().get(record.blob_url).content == b"a blob"
export = create_export.sync(
    instance.id,
    client=client,
    body=CreateExportBody.from_dict({"export_run": {"export_formats": "json", "send_confirmation": False}}),
)
export = wait_for(lambda: get_export.sync(instance.id, export.id, client=client))
assert [one.id for one in list_exports.sync(instance.id, client=client)] == [export.id]
fresh = reauthorize_export.sync(instance.id, export.id, client=client)
archive = Client(url).get_httpx_client().get(fresh.exported_data_url).content
assert "json/items.jsonl" in zipfile.ZipFile(io.BytesIO(archive)).namelist()
assert list_log_entries.sync(instance.id, client=client).entries
print("done")
