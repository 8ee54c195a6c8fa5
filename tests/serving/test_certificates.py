"""A certificate that would be refused later is refused at once."""

import ssl

import pytest

from medcnn.errors import ConfigError
from medcnn.serving.certificates import server_context


def test_a_valid_certificate_makes_a_context(certificates):
    valid, key = certificates / "valid.pem", certificates / "key.pem"
    assert server_context(valid, key).verify_mode == ssl.CERT_NONE
    assert server_context(valid, key, valid).verify_mode == ssl.CERT_REQUIRED


def test_an_expired_certificate_is_refused(certificates):
    with pytest.raises(ConfigError, match="expired"):
        server_context(certificates / "expired.pem", certificates / "key.pem")


def test_files_that_are_no_certificates_are_refused(certificates, tmp_path):
    key = certificates / "key.pem"
    with pytest.raises(ConfigError, match="cannot be used"):
        server_context(tmp_path / "none.pem", key)
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(ConfigError, match="cannot be used"):
        server_context(tmp_path / "junk.pem", key)
    with pytest.raises(ConfigError, match="cannot be used"):
        server_context(certificates / "valid.pem", key, tmp_path / "junk.pem")
