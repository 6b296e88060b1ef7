"""A certificate authority of one test, and what it signs: EC P-256 in PEM, which a broker and OpenSSL read alike."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEAR = timedelta(days=365)


class Authority:
    """Signs server certificates for the loopback address.

    Args:
        folder: gets `ca.pem` and the certificates.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _named("test authority")
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number(), now - YEAR, now + YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )
        self.certificate = made.sign(self.key, hashes.SHA256())
        self.path = folder / "ca.pem"
        self.path.write_bytes(_pem(self.certificate))

    def issue(self, name: str, valid: timedelta = YEAR) -> Path:
        """Key, certificate and authority in one file, `<name>.pem`, with CN=`name`, for 127.0.0.1 and localhost.

        Args:
            valid: from now on; short for tests of expiry.
        """
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        serial, ours = x509.random_serial_number(), self.key.public_key()
        made = (
            x509.CertificateBuilder(self.name, _named(name), key.public_key(), serial, now - timedelta(hours=1), now + valid)
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )
        path = self.folder / f"{name}.pem"
        path.write_bytes(_secret(key) + _pem(made.sign(self.key, hashes.SHA256())) + _pem(self.certificate))
        return path


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
