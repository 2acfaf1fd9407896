"""Values in TOML's notation."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from pfork.config.notation import toml_value

scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF)),
)


@given(st.one_of(scalars, st.lists(scalars), st.dictionaries(st.text("abc-_", min_size=1), scalars)))
def test_what_is_written_is_read_back(value):
    assert tomllib.loads(f"key = {toml_value(value)}") == {"key": value}


def test_text_with_quotes_is_literal_where_it_can_be():
    assert toml_value('say "hi"') == "'say \"hi\"'"
    assert toml_value("plain") == '"plain"'
    assert toml_value("both ' and \"") == '"both \' and \\""'
    assert toml_value("gr\u00fcn") == '"gr\u00fcn"'


def test_what_cannot_be_printed_is_escaped():
    assert toml_value("a\x7f\udcff") == '"a\\u007f\\udcff"'


def test_what_toml_has_no_notation_for_is_pythons():
    assert toml_value(None) == "None"
    assert toml_value([None, 1.5]) == "[None, 1.5]"
