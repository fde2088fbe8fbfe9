"""Where does a test get certificates from? Made on the spot, of an authority that nobody else trusts.

made = certificates(tmp_path)                 # a server called localhost, a client, and a stranger's authority
made = certificates(tmp_path, "other.name")   # the server's certificate is for another name
"""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files. `ca` vouches for the server and the client, `wrong_ca` for nobody here."""

    ca: Path
    wrong_ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def certificates(directory: Path, name: str = "localhost") -> Certificates:
    """Files in `directory` for a server that is called `name`, and for a client called "monitor"."""
    authority, stranger = trustme.CA(), trustme.CA()
    made = Certificates(*(directory / f"{each}.pem" for each in Certificates.__dataclass_fields__))
    authority.cert_pem.write_to_path(str(made.ca))
    stranger.cert_pem.write_to_path(str(made.wrong_ca))
    for leaf, certificate, key in (
        (authority.issue_cert(name), made.server, made.server_key),
        (authority.issue_cert("monitor.example", common_name="monitor"), made.client, made.client_key),
    ):
        leaf.private_key_pem.write_to_path(str(key))
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    return made
