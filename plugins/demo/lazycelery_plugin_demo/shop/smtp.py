"""How does a letter reach the mail relay? Addresses under .invalid are refused, under .test the line drops."""

import smtplib
import zlib


class DisconnectedError(smtplib.SMTPServerDisconnected):
    """Worth another attempt."""


class Relay:
    """A conversation with the relay."""

    host = "relay-2.mail.example"

    def deliver(self, to: str, template: str) -> str:
        """The relay's id of the letter."""
        self._recipient(to)
        return f"{zlib.crc32(f'{to}/{template}'.encode()):08X}"

    def _recipient(self, to: str) -> None:
        code, text = self._command(f"RCPT TO:<{to}>", to.rpartition(".")[2])
        if code >= 500:
            raise smtplib.SMTPRecipientsRefused({to: (code, text)})

    def _command(self, line: str, domain: str) -> tuple[int, bytes]:
        if domain == "test":
            raise DisconnectedError(f"connection to {self.host} unexpectedly closed after {line.partition(':')[0]}")
        return (550, b"5.1.1 no such user here") if domain == "invalid" else (250, b"2.1.5 ok")
