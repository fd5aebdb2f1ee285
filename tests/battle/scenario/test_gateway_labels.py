"""What a gateway is called in reports, file names and baselines."""

import pytest

from battle import EmbeddedGateway, UrlGateway
from battle.scenario.gateways import gateway_label


@pytest.mark.parametrize(
    ("gateway", "label"),
    [
        (EmbeddedGateway(strategy="priority"), "embedded (priority)"),
        (UrlGateway("http://127.0.0.1:8080/rpc"), "http://127.0.0.1:8080"),
        (UrlGateway("https://rpc/${KEY}", name="staging"), "staging"),
        (UrlGateway("${STAGING_URL}"), "${STAGING_URL}"),
        (UrlGateway("http://user:secret@10.0.0.1:8545/v3/secret?key=secret"), "http://10.0.0.1:8545"),
    ],
)
def test_a_label_names_the_gateway_and_no_key(gateway, label):
    assert gateway_label(gateway) == label
