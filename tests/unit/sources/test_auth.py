"""From `auth` to headers and query."""

import pytest

from holdfast.definitions.document import Auth
from holdfast.errors import InputError
from holdfast.sources.auth import credential


def _same(text: str) -> str:
    return text


def test_each_type_makes_its_header_or_query_parameter() -> None:
    assert not credential(Auth("none"), _same)
    assert credential(Auth("basic", username="ann", password="pä:ss"), _same).headers == {
        "Authorization": "Basic YW5uOnDDpDpzcw=="
    }
    assert credential(Auth("bearer", token="t"), _same).headers == {"Authorization": "Bearer t"}
    assert credential(Auth("api_key", key="k", header="X-Key"), _same).headers == {"X-Key": "k"}
    assert credential(Auth("api_key", key="k", query="api_key"), _same).query == {"api_key": "k"}


@pytest.mark.parametrize("token", ["", "a\nb", "t0ken\n", " t0ken", "tökén", "a\r\nX-Evil: 1"])
def test_a_token_that_no_header_can_hold_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(InputError) as caught:
        credential(Auth("bearer", token=token), _same)
    assert not token or token not in str(caught.value)


def test_no_secret_is_in_its_representation() -> None:
    assert "s3cret" not in repr(credential(Auth("bearer", token="s3cret"), _same))
