"""What went wrong with RabbitMQ, in our own words? Every failure of the driver becomes one sentence and a next step.

A refusal of the broker names the permission that is missing. The text of a driver or of a URL parser is never passed
on: it may repeat a part of a password. What the broker says is quoted, cut short.
"""

import errno
import re
import socket
import ssl
import struct

import amqp

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_plugin_amqp.address import Address

# What the driver raises when the line, the broker or what it says is not as it should be.
DRIVER_ERRORS = (amqp.AMQPError, OSError, struct.error, ValueError, LookupError)
_QUOTED = 200  # characters of a broker's sentence
_SUBJECT = re.compile(r"(queue|exchange|topic) '(.*?)' in vhost", re.DOTALL)
_CERTIFICATE = {  # OpenSSL's X509_V_ERR_* numbers
    9: ("is not valid yet", "Check the clocks."),
    10: ("has expired", "Renew it on the broker."),
    18: ("is self-signed", "Name its CA: ssl_ca_certs=/path/ca.pem."),
    19: ("is signed by an unknown CA", "Name that CA: ssl_ca_certs=/path/ca.pem."),
    20: ("is signed by an unknown CA", "Name that CA: ssl_ca_certs=/path/ca.pem."),
    21: ("can't be traced to a known CA", "Name its CA: ssl_ca_certs=/path/ca.pem."),
    62: ("belongs to another host name", "Use the name that stands in the certificate."),
    64: ("belongs to another address", "Use the name that stands in the certificate."),
}
# Which of the three permissions a refused method wanted; the broker names the thing, but not the permission.
_PERMISSION = {
    (40, 10): "configure", (40, 20): "configure", (50, 10): "configure", (50, 40): "configure", (50, 20): "write",
    (50, 50): "write", (60, 40): "write", (50, 30): "read", (60, 20): "read", (60, 70): "read",
}  # fmt: skip
_BINDING = {(50, 20), (50, 50)}  # wants to write to the queue and to read from the exchange


class Missing(SourceError):  # noqa: N818 - what AMQP calls NOT_FOUND; it is often no error
    """A queue or an exchange that was asked for is not there."""


def told(error: BaseException, address: Address, met: bool = False) -> LazyCeleryError:
    """The error to raise instead of the driver's. met: whether this broker has let us in before."""
    if isinstance(error, LazyCeleryError):
        return error
    if isinstance(error, amqp.ChannelError) and (met or error.code != amqp.AccessRefused.code):
        return _channel(error, address)
    if isinstance(error, amqp.AMQPError):
        return _connection(error, address)
    return _line(error, address, met)


def silent(address: Address, seconds: float) -> SourceError:
    """The error for a line that says nothing any more."""
    return SourceError(f"No answer from {address.shown} for {seconds:.1f} s.", "The line or the broker hangs.")


def _channel(error: amqp.AMQPError, address: Address) -> LazyCeleryError:
    """The broker refused one thing; the connection lives."""
    kind, name = _subject(error)
    thing = f"{kind} {name}".strip()
    if error.reply_code == amqp.AccessRefused.code:
        return _right(error, kind, name, address)
    if error.reply_code == amqp.NotFound.code:
        return Missing(
            f"There is no {thing} in the virtual host {address.virtual_host}.", "It appears when it is used."
        )
    if error.reply_code == amqp.ResourceLocked.code:
        return SourceError(f"The {thing} belongs to another connection.", "Nothing has to be done: it is not ours.")
    if error.reply_code == amqp.PreconditionFailed.code:
        return SourceError(f"RabbitMQ refused: {_said(error)}.", "It is declared with other arguments, or busy.")
    return SourceError(f"RabbitMQ closed a channel: {_said(error)}.", "See its log.")


def _subject(error: amqp.AMQPError) -> tuple[str, str]:
    """The kind and the name of what a refusal is about."""
    found = _SUBJECT.search(str(error.reply_text or "")[:1000])  # two names of 255 bytes, and words
    return (found[1], found[2]) if found else ("thing that was asked for", "")


def _right(error: amqp.AMQPError, kind: str, name: str, address: Address) -> AccessRefused:
    permission = _PERMISSION.get(tuple(error.method_sig or ()), "")
    if tuple(error.method_sig or ()) in _BINDING and kind == "exchange":
        permission = "read"
    right = f"{permission} on {kind} {name}".strip()
    return AccessRefused(
        f"RabbitMQ refuses {error.method_name or 'a command'} on {kind} {name} to user {address.username}.",
        f"The permission {right} is missing: rabbitmqctl set_permissions.", right,
    )  # fmt: skip


def _connection(error: amqp.AMQPError, address: Address) -> LazyCeleryError:
    """The broker ended the connection, or never began it, with a reason."""
    where, code, said = address.shown, error.reply_code, str(error.reply_text or error)
    if code == amqp.AccessRefused.code or "auth mechanism" in said:
        hint = "Check the user name and the password."
        if address.username == "guest" and "loopback" in said.lower():
            hint = "RabbitMQ lets guest in from its own machine only: use another user."
        return AccessRefused(f"Login refused for user {address.username} at {where}.", hint, "login")
    if code == amqp.NotAllowed.code:
        return _virtual_host(said, address)
    if code == amqp.ConnectionForced.code:
        return SourceError(
            f"{where} closed the connection: {_said(error)}.", "It is being stopped, or somebody closed it."
        )
    if isinstance(error, amqp.exceptions.ConsumerCancelled):
        return SourceError("RabbitMQ ended our subscription.", "Somebody deleted its queue.")
    return SourceError(f"{where} ended the connection: {_said(error)}.", "See its log.")


def _virtual_host(said: str, address: Address) -> LazyCeleryError:
    vhost, user = address.virtual_host, address.username
    if "connection limit" in said:
        return SourceError(f"RabbitMQ takes no more connections of {user} to {vhost}.", "Its limit is reached.")
    if said.endswith("not found"):
        return AccessRefused(
            f"There is no virtual host {vhost} at {address.shown}.", "Check the end of the URL.", f"vhost {vhost}"
        )
    hint = f"Grant it: rabbitmqctl set_permissions -p {vhost} {user} CONFIGURE WRITE READ (docs/rabbitmq-rights.md)."
    return AccessRefused(f"User {user} may not use the virtual host {vhost}.", hint, f"vhost {vhost}")


def _said(error: amqp.AMQPError) -> str:
    """The broker's own reason, without its code word."""
    return str(error.reply_text or type(error).__name__)[:_QUOTED].partition(" - ")[2] or type(error).__name__


def _line(error: BaseException, address: Address, met: bool) -> LazyCeleryError:
    """The connection itself failed."""
    where = address.shown
    if isinstance(error, ssl.SSLCertVerificationError):
        what, hint = _CERTIFICATE.get(error.verify_code, ("can't be verified", "See `ssl_ca_certs`."))
        return SourceError(f"The certificate of {where} {what}: refused before a password was sent.", hint)
    if isinstance(error, ssl.SSLError) and "timed out" not in str(error):
        return _tls(error, address)
    if isinstance(error, socket.gaierror):
        return SourceError(f"The host name {address.host} is unknown.", "Check the spelling, or the VPN.")
    if isinstance(error, TimeoutError | ssl.SSLError):
        return _late(address, met)
    if not isinstance(error, OSError):
        return SourceError(f"{where} does not speak AMQP.", "Check the port: 5672 is usual, 5671 with amqps://.")
    return _refused(error, address, met)


def _late(address: Address, met: bool) -> SourceError:
    if met:
        return SourceError(f"No answer from {address.shown}.", "The line or the broker hangs.")
    if address.tls:
        return SourceError(f"No TLS answer from {address.shown}.", "Use amqp:// if the port is a plain one.")
    return SourceError(f"No answer from {address.shown}.", "Check the port, and the network. TLS is amqps://.")


def _tls(error: ssl.SSLError, address: Address) -> LazyCeleryError:
    text, where = (error.reason or str(error)).upper(), address.shown
    if "NO_CERTIFICATE" in text or "PEM" in text or "KEY_VALUES" in text:
        tls = address.tls
        files = ", ".join(filter(None, (tls.ca, tls.certificate, tls.key) if tls else ()))
        return SourceError(
            f"No certificate or key that fits in {files}.", "They have to be PEM files that belong together."
        )
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE" in text:
        return SourceError(f"{where} wants a client certificate.", "Set ssl_certfile and ssl_keyfile.")
    if "UNKNOWN_CA" in text or "BAD_CERTIFICATE" in text:
        return SourceError(f"{where} does not accept our certificate.", "Its CA has to be known to the broker.")
    if "EOF" in text:
        return _cut(address)
    if "WRONG_VERSION" in text or "RECORD" in text or "UNKNOWN_PROTOCOL" in text:
        return SourceError(f"{where} does not speak TLS.", "Use amqp:// if the port is a plain one.")
    return SourceError(f"TLS with {where} failed.", "Check certificates and versions on both sides.")


def _cut(address: Address) -> SourceError:
    """A server that refuses our certificate, or the lack of one, often just hangs up: TLS 1.3 lets us in first."""
    hint = "It may want a client certificate (ssl_certfile, ssl_keyfile) that it knows; a plain port is amqp://."
    return SourceError(f"{address.shown} hung up on TLS.", hint)


def _refused(error: OSError, address: Address, met: bool) -> LazyCeleryError:
    where, code = address.shown, error.errno
    if code == errno.ECONNREFUSED:
        return SourceError(f"Nobody listens at {where}.", "Is the broker running, and is the port right?")
    if code in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SourceError(f"There is no way to {where}.", "Check the network, or the VPN.")
    if not met and address.tls is not None:
        return _cut(address)
    hint = "It was stopped, or somebody cut the line." if met else "Does the port want TLS (amqps://)?"
    return SourceError(f"{where} closed the connection.", hint)
