"""How the API is served."""

from fastapi import FastAPI

from holdfast.cli.serving import server_config


def test_the_server_outwaits_pooled_clients_and_writes_no_access_log_of_its_own() -> None:
    config = server_config(FastAPI())
    assert config.timeout_keep_alive > 60
    assert not config.access_log
    assert not config.server_header
