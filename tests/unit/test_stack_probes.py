"""Whom a probe trusts: where nothing is encrypted nobody, so that nothing has to be read."""

import ssl

import pytest

from paintbox.stack import probes


@pytest.mark.parametrize(("url", "reads"), [("https://door.example.com", True), ("http://127.0.0.1:8000", False)])
async def test_certificates_are_read_only_where_they_are_needed(
    url: str, reads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext] = []
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda context, *_, **__: read.append(context))

    async with probes.client(url, seconds=1):
        pass

    assert bool(read) is reads


def test_where_no_certificate_is_read_nobody_is_trusted() -> None:
    nobody = probes._nobody()

    assert nobody.verify_mode is ssl.CERT_REQUIRED
    assert nobody.get_ca_certs() == []
