"""What an error says can be stored, sent and shown, whatever a source has put into it."""

import pytest

from holdfast.errors import SourceRefused, plain


@pytest.mark.parametrize("text", ["a\0b", "half \ud83d of it", "\x1b[2Jcleared", "\x9b31m", "bell\a", "back\b"])
def test_what_no_text_has_is_replaced(text: str) -> None:
    error = SourceRefused(text, hint=text)
    error.asked = text
    assert "\N{REPLACEMENT CHARACTER}" in str(error)
    assert plain(error.in_full) == error.in_full
    error.in_full.encode()


def test_everything_else_stays_as_it_is() -> None:
    text = "two lines\n\tand a tab: \N{SNOWMAN} \N{GRINNING FACE} \u0627\u00a0"
    assert plain(text) == text == str(SourceRefused(text))
