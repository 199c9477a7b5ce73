"""An error of TLS → what happened, in words: a certificate that cannot be trusted, an alert of the server, or no TLS at all."""

import re
import ssl

_ALERT = re.compile(r"(?:SSL|TLS)V\d+_(?:ALERT_)?(\w+)\Z")


def tell_tls_fault(error: ssl.SSLError) -> str:
    """Completes a sentence about the server, as in `mail.example.org: …`. RFC 8446 6 lists the alerts.

    >>> tell_tls_fault(ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] ssl/tls alert handshake failure"))
    'breaks TLS off: it sends the alert "handshake failure"'
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has no valid certificate: {str(error.verify_message or error.reason or error).lower()}"
    found = re.search(r"\[\w+: (\w+)\]", str(error))
    reason = error.reason or (found[1] if found else "")
    if alert := _ALERT.match(reason):
        return f'breaks TLS off: it sends the alert "{_words(alert[1])}"'
    return f"does not begin TLS as it should: {_words(reason) or str(error).lower()}"


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
