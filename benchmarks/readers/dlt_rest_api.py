"""dlt's REST API source into parquet files: python dlt_rest_api.py URL FOLDER. Runs in the peers' own environment."""

import os
import sys

folder = sys.argv[2]
os.environ.update(DLT_DATA_DIR=f"{folder}/dlt", RUNTIME__DLTHUB_TELEMETRY="false")

import dlt  # noqa: E402 - reads the environment
from dlt.sources.rest_api import rest_api_source  # noqa: E402

source = rest_api_source({
    "client": {"base_url": sys.argv[1], "paginator": "header_link"},
    "resources": [{
        "name": "issues",
        "primary_key": "id",
        "endpoint": {"path": "issues", "params": {"per_page": 100}},
    }],
})  # fmt: skip
pipeline = dlt.pipeline(
    "peer", destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/parquet"), dataset_name="issues"
)
pipeline.run(source, loader_file_format="parquet")
print(pipeline.last_trace.last_normalize_info.row_counts["issues"])
