"""docs/notifications.md leaves no field, variable or option out, and its example does what it says."""

import re

import msgspec
import pytest
from typer.core import TyperOption

from battle.cli.app import load_command
from battle.notifications import channels, webhook
from battle.notifications.condition import CONDITIONS
from battle.notifications.webhook import WebhookBody, WebhookRun, WebhookSubject
from tests.docs.pages import DOCS, blocks

PAGE = (DOCS / "notifications.md").read_text()


@pytest.mark.parametrize("struct", [WebhookBody, WebhookSubject, WebhookRun])
def test_each_field_of_the_webhook_is_in_its_table(struct):
    for field in msgspec.structs.fields(struct):
        assert re.search(rf"`(subjects\[\]\.)?{field.name}(\[\])?`", PAGE), field.name


@pytest.mark.parametrize("word", [*CONDITIONS, *channels.CHANNELS])
def test_each_condition_and_channel_is_there(word):
    assert word in PAGE


def test_each_variable_of_the_environment_is_there():
    source = (DOCS.parent / "battle" / "notifications" / "channels.py").read_text()
    names = set(re.findall(r"\bBATTLE_[A-Z_]+\b", source))
    assert len(names) >= 8
    assert sorted(name for name in names if f"`{name}`" not in PAGE) == []


def test_each_option_is_there():
    parameters = load_command("notify").params
    options = [one.opts[0] for one in parameters if isinstance(one, TyperOption) and not one.hidden]
    assert "--from" in options
    assert [option for option in options if option not in PAGE and option != "--out"] == []


def test_the_example_knows_our_signature():
    names: dict = {}
    exec("\n".join(blocks(DOCS / "notifications.md", "python")), names)
    body = b'{"event": "failure"}'
    assert names["is_ours"](body, webhook.signature(body, "secret"), "secret")
    assert not names["is_ours"](body + b" ", webhook.signature(body, "secret"), "secret")


def test_the_messages_are_those_that_are_given():
    sources = (
        "".join(
            path.read_text()
            for folder in ("battle/notifications", "battle/cli")
            for path in sorted((DOCS.parent / folder).glob("*.py"))
        )
        + (DOCS.parent / "battle" / "outgoing.py").read_text()
    )
    for message in (
        "this job runs for no pull request: name one with --pr NUMBER",
        "it offers no STARTTLS, and nothing is sent in clear text",
        "it refused the user and password",
        "may or may not have accepted it",
        "it was sent already",
        "cannot be written, so nothing is sent",
    ):
        assert message in PAGE
        assert message in sources
