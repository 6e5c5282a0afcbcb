"""What a cursor depends on, as one short text: when it changes, cursors kept under the old one are void."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from holdfast.definitions.document import Auth, Definition, Endpoint
from holdfast.definitions.expressions import template

__all__ = ["fingerprint"]


def fingerprint(definition: Definition, endpoint: Endpoint, variables: Mapping[str, str], key: bytes) -> str:
    """32 hex digits that change with the endpoint's list (path, query, selectors, id, parents) and with the account.

    The account is base URL, credential and every variable that requests are made with. `variables` are the values an
    instance has, defaults included. Secrets take part, so that another account's token voids the cursors; `key`
    (secret, 1 to 64 bytes, always the same for an instance) keeps the result from helping anyone to guess them.
    """
    chain = [endpoint]
    for link in chain:
        chain += [definition.endpoint(parent) for parent in link.parents]
    connection = definition.connection
    account = [connection.base_url, *_auth_templates(connection.auth)]
    account += [text for mapping in (connection.headers, connection.query) for text in mapping.values()]
    used = set(_names(account))
    for link in chain:
        used |= set(_names([link.path, *link.query.values(), *link.headers.values()]))
        used |= set(_names(link.body.templates() if link.body else ()))
    if endpoint.incremental is not None:
        used |= set(_names(endpoint.incremental.query.values()))
    content = {
        "account": account,
        "headers": dict(connection.headers),
        "query": dict(connection.query),
        "auth": [connection.auth.type, connection.auth.header, connection.auth.query, sorted(connection.auth.headers)],
        "endpoints": [_listing(link) for link in chain],
        "incremental": endpoint.incremental and [endpoint.incremental.field, dict(endpoint.incremental.query)],
        "token": endpoint.incremental and endpoint.incremental.token,
        "tombstones": endpoint.tombstones and [endpoint.tombstones.field, endpoint.tombstones.equals],
        "variables": {name: variables[name] for name in used if name in variables},
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), key=key, digest_size=16, person=b"holdfast-cursor").hexdigest()


def _listing(endpoint: Endpoint) -> list[object]:
    return [
        endpoint.name,
        endpoint.method,
        endpoint.path,
        dict(endpoint.query),
        dict(endpoint.headers),
        endpoint.records,
        list(endpoint.id),
        endpoint.global_id,
        *([asdict(endpoint.body)] if endpoint.body else []),
        *([asdict(endpoint.changes)] if endpoint.changes else []),
        *([asdict(endpoint.detail)] if endpoint.detail else []),
        *([endpoint.within] if endpoint.within else []),
        *([endpoint.keys, endpoint.values] if endpoint.keys or endpoint.values else []),
    ]


def _auth_templates(auth: Auth) -> list[str]:
    """What tells one account from another. A refresh token does not: the source changes it at will."""
    found = [auth.username, auth.password, auth.token, auth.key, *auth.headers.values()]
    if auth.oauth2 is not None:
        granted = auth.oauth2
        found += [granted.token_url, granted.client_id, granted.scope, *granted.parameters.values()]
        found += granted.claims.values()
    if auth.login is not None:
        found += [auth.login.path, *auth.login.body.templates()]
    return found


def _names(templates: Iterable[str]) -> Iterable[str]:
    return (name for text in templates for name in template(text).names)
