"""Visitors' addresses: shortened before they are stored, so that they name a network, no person."""

import ipaddress
import re

# Of an IPv4 address the last 8 bits go, of an IPv6 address the last 80.
_KEPT_BITS = {4: 24, 6: 48}
# 203.0.113.7, 203.0.113.7:4711, 2001:db8::7, fe80::7%eth0, [2001:db8::7], [2001:db8::7]:4711
_ADDRESS = re.compile(
    r"(?P<v4>[0-9.]+)(?::[0-9]*)?|\[(?P<v6_in_brackets>[^]%]+)(?:%[^]]*)?\](?::[0-9]*)?"
    r"|(?P<v6>[^%]+)(?:%.*)?"
)


def shortened(addresses: str) -> str:
    """Return a text with its address, or each of a comma-separated list, shortened.

    Ports and zones go, too; what is no address stays: `unknown`, a host's name.
    """
    return ", ".join(_shortened(part.strip()) for part in addresses.split(","))


def _shortened(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return text
    try:
        ip = ipaddress.ip_address(found["v4"] or found["v6_in_brackets"] or found["v6"])
    except ValueError:
        return text
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    network = ipaddress.ip_network((ip, _KEPT_BITS[ip.version]), strict=False)
    return str(network.network_address)
