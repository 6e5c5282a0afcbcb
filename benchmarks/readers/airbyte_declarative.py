"""An Airbyte declarative source, its messages to standard output: python airbyte_declarative.py URL FOLDER."""

import json
import sys
from pathlib import Path

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

url, folder = sys.argv[1], Path(sys.argv[2])
schema = {"type": "object", "properties": {}, "additionalProperties": True}
manifest = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["issues"]},
    "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    "streams": [{
        "type": "DeclarativeStream",
        "name": "issues",
        "primary_key": "id",
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester", "url_base": url, "path": "/issues", "http_method": "GET",
                "request_parameters": {"per_page": "100"},
            },
            "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": []}},
            "paginator": {
                "type": "DefaultPaginator",
                "page_token_option": {"type": "RequestPath"},
                "pagination_strategy": {
                    "type": "CursorPagination",
                    "cursor_value": "{{ headers['link']['next']['url'] }}",
                    "stop_condition": "{{ 'next' not in headers['link'] }}",
                },
            },
        },
    }],
}  # fmt: skip
stream = {"name": "issues", "json_schema": schema, "supported_sync_modes": ["full_refresh"]}
catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}]}
(folder / "config.json").write_text("{}")
(folder / "catalog.json").write_text(json.dumps(catalog))
source = ConcurrentDeclarativeSource(
    catalog=ConfiguredAirbyteCatalogSerializer.load(catalog), config={}, state=[], source_config=manifest
)
launch(source, ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")])
