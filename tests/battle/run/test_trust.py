"""Whom a client trusts: the authorities of a file, or else the system's."""

import ssl

import pytest
import trustme

from battle.errors import StartError
from battle.run.trust import trust_in


def test_only_the_authorities_of_the_file_are_trusted_whatever_its_comments_say(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes("# Főtanúsítvány\n".encode() + trustme.CA().cert_pem.bytes())
    assert len(trust_in(path, verify=True, whose="it").get_ca_certs()) == 1
    assert trust_in(path, verify=False, whose="it").verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    "text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_certificates_is_refused_and_the_systems_do_not_stand_in(tmp_path, text):
    (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(StartError, match=r"provider a: ca_file .*ca.pem holds no certificates in PEM"):
        trust_in(tmp_path / "ca.pem", verify=True, whose="provider a")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StartError, match=r"it: ca_file .*ca.pem cannot be read: No such file"):
        trust_in(tmp_path / "ca.pem", verify=True, whose="it")
