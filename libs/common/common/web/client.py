"""Who is at the other end of a request."""

import ipaddress

from flask import request


def client_address() -> str:
    """Who asks. The gateway, on a private network, names the client in X-Real-IP; others are not believed."""
    peer = request.remote_addr or ""
    try:
        if ipaddress.ip_address(peer).is_private:
            return str(ipaddress.ip_address(request.headers.get("X-Real-IP", peer)))
    except ValueError:
        return peer
    return peer
