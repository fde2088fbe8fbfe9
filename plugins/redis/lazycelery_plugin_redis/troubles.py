"""What went wrong with Redis, in our own words? Every failure of the driver becomes one sentence and a next step.

The text of a driver or of a URL parser is never passed on: it may repeat a part of a password.
"""

import errno
import socket
import ssl

import redis.exceptions as driver

from lazycelery_core.errors import AccessRefused, LazyCeleryError, SourceError
from lazycelery_plugin_redis.address import Address

_CERTIFICATE = {  # OpenSSL's X509_V_ERR_* numbers
    9: ("is not valid yet", "Check the clocks."),
    10: ("has expired", "Renew it on the server."),
    18: ("is self-signed", "Name its CA: ssl_ca_certs=/path/ca.pem."),
    19: ("is signed by an unknown CA", "Name that CA: ssl_ca_certs=/path/ca.pem."),
    20: ("is signed by an unknown CA", "Name that CA: ssl_ca_certs=/path/ca.pem."),
    21: ("can't be traced to a known CA", "Name its CA: ssl_ca_certs=/path/ca.pem."),
    62: ("belongs to another host name", "Use the name that stands in the certificate."),
    64: ("belongs to another address", "Use the name that stands in the certificate."),
}


def told(
    error: BaseException, address: Address, command: str = "", key: str = "", met: bool = False
) -> LazyCeleryError:
    """The error to raise instead of the driver's.

    command, key: what was asked, for a refused right. met: whether the server has answered like Redis before.
    """
    if isinstance(error, LazyCeleryError):
        return error
    if isinstance(error, driver.AuthenticationError | driver.AuthenticationWrongNumberOfArgsError):
        return _login(error, address)
    if isinstance(error, driver.NoPermissionError):
        return _right(error, command, key)
    if isinstance(error, driver.ResponseError):
        return _answer(error, address, command)
    return _line(error, address, met)


def silent(address: Address, seconds: float) -> SourceError:
    """The error for a line that says nothing any more."""
    return SourceError(f"No answer from {address.shown} for {seconds:.1f} s.", "The line or the broker hangs.")


def _login(error: BaseException, address: Address) -> LazyCeleryError:
    if "without any password" in str(error) or "no password is set" in str(error):
        hint = "Take the password out, or give the user name that it belongs to."
        return AccessRefused(f"{address.shown} wants no password, but was given one.", hint, "login")
    if address.password is None:
        hint = "Set `password_command`, or use a URL with a password."
        return AccessRefused(f"{address.shown} wants a password.", hint, "login")
    return AccessRefused(
        f"Login refused for user {address.user} at {address.shown}.", "Check the user name and the password.", "login"
    )


def _right(error: BaseException, command: str, key: str) -> LazyCeleryError:
    text = str(error).lower()
    verb = "+" + command.lower().replace(" ", "|")
    if "key" in text:
        right = f"{verb} on ~{key}" if key else f"{verb} on its key"
    elif "channel" in text:
        right = f"&{key}" if key else "the channel"
    else:
        right = verb
    return AccessRefused(f"Redis refuses {command} {key}".rstrip() + ".", f"The right {right} is missing.", right)


def _answer(error: BaseException, address: Address, command: str) -> LazyCeleryError:
    """The server understood, and said no."""
    text = str(error)
    if "NOAUTH" in text:
        return _login(error, address)
    if isinstance(error, driver.BusyLoadingError) or "LOADING" in text:
        return SourceError(f"Redis at {address.shown} is still loading its data.", "It answers when that is done.")
    if "DB index" in text:
        return SourceError(f"Redis at {address.shown} has no database {address.db}.", "Check the number in the URL.")
    if "MASTERDOWN" in text or "MASTER is down" in text:
        return SourceError(f"{address.shown} is a replica without its master.", "It answers when the master is back.")
    if text.startswith("OOM") or "maxmemory" in text:  # newer drivers take the first word off
        return SourceError(f"Redis at {address.shown} is full and refuses writes.", "Free memory or raise maxmemory.")
    if isinstance(error, driver.ReadOnlyError) or text.startswith("READONLY"):
        return SourceError(f"{address.shown} is a read-only replica.", "Use the master's address to ask workers.")
    return SourceError(f"Redis at {address.shown} refused {command or 'a command'}.", "See its log.")


def _line(error: BaseException, address: Address, met: bool) -> LazyCeleryError:
    """The connection itself failed: the driver keeps the real reason as the context."""
    reason = _root(error)
    where = address.shown
    if isinstance(reason, ssl.SSLCertVerificationError):
        what, hint = _CERTIFICATE.get(reason.verify_code, ("can't be verified", "See `ssl_ca_certs`."))
        return SourceError(f"The certificate of {where} {what}: refused before a password was sent.", hint)
    if isinstance(reason, ssl.SSLError):
        return _tls(reason, address)
    if isinstance(error, driver.InvalidResponse):
        return SourceError(
            f"{where} is not a Redis server, or one that wants TLS.", "Check the port; TLS is rediss://."
        )
    if isinstance(reason, socket.gaierror):
        return SourceError(f"The host name {address.host} is unknown.", "Check the spelling, or the VPN.")
    if isinstance(reason, TimeoutError | driver.TimeoutError):
        if address.tls:
            return SourceError(f"No TLS answer from {where}.", "Use redis:// if the port is a plain one.")
        return SourceError(f"No answer from {where}.", "Check the port, and the network.")
    return _refused(reason, where, address, met)


def _tls(reason: ssl.SSLError, address: Address) -> LazyCeleryError:
    text, where = (reason.reason or str(reason)).upper(), address.shown
    if "NO_CERTIFICATE" in text or "PEM" in text or "KEY_VALUES" in text:
        files = ", ".join(
            filter(None, (address.tls.ca, address.tls.certificate, address.tls.key) if address.tls else ())
        )
        return SourceError(
            f"No certificate or key that fits in {files}.", "They have to be PEM files that belong together."
        )
    if "WRONG_VERSION" in text or "RECORD" in text or "EOF" in text or "UNKNOWN_PROTOCOL" in text:
        return SourceError(f"{where} does not speak TLS.", "Use redis:// if the port is a plain one.")
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE" in text:
        return SourceError(f"{where} wants a client certificate.", "Set ssl_certfile and ssl_keyfile.")
    return SourceError(f"TLS with {where} failed.", "Check certificates and versions on both sides.")


def _refused(reason: BaseException, where: str, address: Address, met: bool) -> LazyCeleryError:
    code = getattr(reason, "errno", None)
    if code == errno.ECONNREFUSED:
        return SourceError(f"Nobody listens at {where}.", "Is the broker running, and is the port right?")
    if code == errno.ENOENT:
        return SourceError(f"There is no socket {where}.", "Is the broker running, and is the path right?")
    if code in (errno.EACCES, errno.EPERM):
        return SourceError(f"No permission to open {where}.", "Check the rights of the file.")
    if code in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SourceError(f"There is no way to {where}.", "Check the network, or the VPN.")
    hint = "Does the port want TLS (rediss://)?" if address.tls is None and not address.path else ""
    if met:
        hint = "It was stopped, or cut us off for being too slow (client-output-buffer-limit)."
    return SourceError(f"{where} closed the connection.", hint)


def _root(error: BaseException) -> BaseException:
    """The operating system's error below the driver's."""
    seen: BaseException = error
    while (below := seen.__cause__ or seen.__context__) is not None and isinstance(below, OSError | driver.RedisError):
        seen = below
    return seen
