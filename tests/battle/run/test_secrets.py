"""What is sent has the values of variables, and what is written has their names."""

import pytest

from battle.errors import StartError
from battle.run.secrets import filler_of, with_names, with_secrets

VARIABLES = {"KEY": "hunter7", "LONG": "hunter7-and-more", "EMPTY": ""}


@pytest.mark.parametrize(
    "written", ["http://h/${KEY}", "http://me:${LONG}@h/${KEY}?key=${KEY}", "${KEY}", "http://h/7", ""]
)
def test_names_come_back_where_values_went(written):
    assert with_names(with_secrets(written, "it", VARIABLES), [written, "${EMPTY}"], VARIABLES) == written


@pytest.mark.parametrize("value", ["ends in a line's end\n", "clé"])
def test_what_no_header_can_hold_is_named_without_its_value(monkeypatch, value):
    monkeypatch.setenv("PROVIDER_KEY", value)
    fill = filler_of("provider a")
    with pytest.raises(
        StartError, match="provider a: the environment variable PROVIDER_KEY holds"
    ) as refused:
        fill("Bearer ${PROVIDER_KEY}")
    assert value.strip() not in str(refused.value)
    assert fill("http://b\u00fccher.example") == "http://b\u00fccher.example"
