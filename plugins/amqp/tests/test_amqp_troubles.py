"""Every failure of the driver becomes a sentence with a next step, without the driver's words."""

import errno
import socket
import ssl
import struct

import amqp
import pytest

from lazycelery_core.errors import AccessRefused, SourceError
from lazycelery_plugin_amqp.address import Address, Tls
from lazycelery_plugin_amqp.troubles import Missing, silent, told

PLAIN = Address(host="rabbit", password="s3cret")
SECURE = Address(host="rabbit", port=5671, password="s3cret", tls=Tls(ca="/ca.pem"))

LOCKED = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost 'v'"
LIMIT = "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (1) is reached"


def refused(kind: type[amqp.AMQPError], text: str, method: tuple[int, int] = (50, 10)) -> amqp.AMQPError:
    return kind(text, method, reply_code=kind.code)


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] s3cret")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    "error, address, met, expected",
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "s3cret"), PLAIN, False, "Nobody listens at rabbit:5672"),
        (OSError(errno.EHOSTUNREACH, "s3cret"), PLAIN, False, "no way to rabbit:5672"),
        (ConnectionResetError(errno.ECONNRESET, "s3cret"), PLAIN, False, "amqps://"),
        (ConnectionResetError(errno.ECONNRESET, "s3cret"), PLAIN, True, "closed the connection"),
        (ConnectionResetError(errno.ECONNRESET, "s3cret"), SECURE, False, "client certificate"),
        (OSError("Server unexpectedly closed connection"), PLAIN, True, "closed the connection"),
        (socket.gaierror(-2, "s3cret"), PLAIN, False, "The host name rabbit is unknown"),
        (TimeoutError("s3cret"), PLAIN, False, "No answer from rabbit:5672"),
        (TimeoutError("s3cret"), PLAIN, True, "hangs"),
        (TimeoutError("s3cret"), SECURE, False, "amqp://"),
        (tls_error("EOF"), SECURE, False, "client certificate"),
        (tls_error("WRONG_VERSION_NUMBER"), SECURE, False, "does not speak TLS"),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), SECURE, False, "wants a client certificate"),
        (tls_error("TLSV1_ALERT_UNKNOWN_CA"), SECURE, False, "does not accept our certificate"),
        (tls_error("KEY_VALUES_MISMATCH"), SECURE, False, "/ca.pem"),
        (tls_error("ANYTHING_ELSE"), SECURE, False, "TLS with rabbit:5671 failed"),
        (struct.error("s3cret"), PLAIN, False, "does not speak AMQP"),
        (KeyError("s3cret"), PLAIN, True, "does not speak AMQP"),
        (refused(amqp.ConnectionForced, "CONNECTION_FORCED - tidying up"), PLAIN, True, "connection: tidying up"),
        (refused(amqp.InternalError, "INTERNAL_ERROR - out of luck"), PLAIN, True, "out of luck"),
        (refused(amqp.ResourceLocked, LOCKED), PLAIN, True, "belongs to another connection"),
        (refused(amqp.NotAllowed, LIMIT), PLAIN, False, "takes no more connections"),
        (amqp.exceptions.ConsumerCancelled("tag"), PLAIN, True, "deleted its queue"),
        (amqp.ConnectionError("Couldn't find appropriate auth mechanism (s3cret)"), PLAIN, False, "Login refused"),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_our_words(error: Exception, address: Address, met: bool, expected: str) -> None:
    said = str(told(error, address, met))
    assert expected in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "method, kind, right",
    [
        ((50, 10), "queue", "configure on queue q"),
        ((50, 20), "queue", "write on queue q"),
        ((50, 20), "exchange", "read on exchange q"),
        ((60, 20), "queue", "read on queue q"),
        ((60, 70), "queue", "read on queue q"),
        ((50, 30), "queue", "read on queue q"),
        ((60, 40), "exchange", "write on exchange q"),
        ((40, 10), "exchange", "configure on exchange q"),
    ],
)
def test_a_refusal_names_the_permission(method: tuple[int, int], kind: str, right: str) -> None:
    text = f"ACCESS_REFUSED - access to {kind} 'q' in vhost 'v' refused for user 'u'"
    error = told(refused(amqp.AccessRefused, text, method), PLAIN, met=True)
    assert isinstance(error, AccessRefused)
    assert error.right == right


def test_the_longest_name_is_told_whole() -> None:
    name = "q" * 255
    error = told(refused(amqp.NotFound, f"NOT_FOUND - no queue '{name}' in vhost '/'"), PLAIN, met=True)
    assert isinstance(error, Missing)
    assert name in error.message


def test_our_own_errors_pass_and_silence_has_its_own() -> None:
    error = SourceError("ours")
    assert told(error, PLAIN) is error
    assert "1.5 s" in silent(PLAIN, 1.5).message
