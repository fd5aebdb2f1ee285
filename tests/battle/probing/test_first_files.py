"""The first gateway file says all that was needed to reach the gateway."""

import tomllib

from battle.probing.first_files import gateway_text
from battle.probing.probe import Answer, Found


def test_whom_to_trust_is_in_the_file():
    found = Found(Answer("https://h/", "result", "https://h/: chain 1"), (), None)
    written = tomllib.loads(gateway_text(found, name="h", headers={}, ca_file="/etc/ca.pem", verify=False))
    assert written == {
        "type": "url",
        "name": "h",
        "url": "https://h/",
        "ca_file": "/etc/ca.pem",
        "verify": False,
    }
