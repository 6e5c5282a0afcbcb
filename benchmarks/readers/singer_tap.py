"""A tap written with the Singer SDK, its messages to standard output: python singer_tap.py URL FOLDER."""

import sys
from urllib.parse import parse_qsl

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import HeaderLinkPaginator

url = sys.argv[1]


class Issues(RESTStream):
    name = "issues"
    path = "/issues"
    primary_keys = ("id",)
    url_base = url
    records_jsonpath = "$[*]"
    schema = th.PropertiesList(th.Property("id", th.IntegerType), additional_properties=True).to_dict()

    def get_new_paginator(self):
        return HeaderLinkPaginator()

    def get_url_params(self, _context, next_page_token):
        return dict(parse_qsl(next_page_token.query)) if next_page_token else {"per_page": 100}


class Peer(Tap):
    name = "tap-peer"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Issues(tap=self)]


Peer(config={}).sync_all()
