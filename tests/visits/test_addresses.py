"""Addresses name a network, no person."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.visits.addresses import shortened


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.7", "203.0.113.0"),
        ("203.0.113.7:4711", "203.0.113.0"),
        ("::ffff:203.0.113.7", "203.0.113.0"),
        ("2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8:85a3::"),
        ("[2001:db8:85a3:8d3::7]:4711", "2001:db8:85a3::"),
        ("[2001:db8:85a3:8d3::7]", "2001:db8:85a3::"),
        ("fe80::1%eth0", "fe80::"),
        ("203.0.113.7, 198.51.100.9", "203.0.113.0, 198.51.100.0"),
        ("unknown", "unknown"),
        ("testclient", "testclient"),
        ("", ""),
        ("999.1.1.1", "999.1.1.1"),
        ("a,b", "a, b"),
    ],
)
def test_the_network_is_kept(address: str, kept: str) -> None:
    assert shortened(address) == kept


@given(st.ip_addresses())
def test_no_address_is_kept_whole(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    kept = ipaddress.ip_address(shortened(str(ip)))
    bits = 32 if kept.version == 4 else 128
    assert int(kept) % (1 << (bits - {4: 24, 6: 48}[kept.version])) == 0
    assert shortened(str(kept)) == str(kept)
    if kept.version == ip.version:
        assert int(ip) - int(kept) < 1 << (bits - {4: 24, 6: 48}[ip.version])


@given(st.text(max_size=100))
def test_any_text_is_taken(text: str) -> None:
    shortened(text)
