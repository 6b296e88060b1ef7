"""Sixty ways to write an address that is not a local file: none may make anything in this service open a connection."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

DECIMAL, OCTAL, HEXADECIMAL = 2130706433, "0177.0.0.1", "0x7f000001"


def forms(url: str, secret: str) -> Mapping[str, str]:
    """Addresses by a word for what is tricky about them.

    Args:
        url: of a listener on 127.0.0.1, without a path.
        secret: absolute path of a file outside the allowed folders.
    """
    port = urlsplit(url).port
    on = f":{port}/s.tif"
    return {
        "http": f"http://127.0.0.1{on}", "https": f"https://127.0.0.1{on}", "upper case": f"HTTP://127.0.0.1{on}",
        "localhost": f"http://localhost{on}", "localhost with a dot": f"http://localhost.{on}", "decimal": f"http://{DECIMAL}{on}",
        "octal": f"http://{OCTAL}{on}", "hexadecimal": f"http://{HEXADECIMAL}{on}", "short": f"http://127.1{on}", "zero": f"http://0{on}",
        "any": f"http://0.0.0.0{on}", "the whole loopback net": f"http://127.0.0.2{on}", "IPv6": f"http://[::1]{on}",
        "mapped": f"http://[::ffff:127.0.0.1]{on}", "mapped in hexadecimal": f"http://[::ffff:7f00:1]{on}",
        "compatible": f"http://[::127.0.0.1]{on}", "any IPv6": f"http://[::]{on}", "link-local": f"http://[fe80::1%25lo]{on}",
        "the cloud's metadata": "http://169.254.169.254/latest/meta-data/", "metadata in decimal": "http://2852039166/latest/",
        "metadata by name": "http://metadata.google.internal/", "metadata IPv6": "http://[fd00:ec2::254]/latest/",
        "private": f"http://10.0.0.1{on}", "private too": f"http://192.168.0.1{on}",
        "user before an at sign": f"http://example.org@127.0.0.1{on}", "password": f"http://user:pw@127.0.0.1{on}",
        "two at signs": f"http://a@b@127.0.0.1{on}", "a backslash": f"http://example.org\\@127.0.0.1{on}",
        "a hash": f"http://127.0.0.1:{port}#@example.org/s.tif", "a question mark": f"http://127.0.0.1:{port}?@example.org/s.tif",
        "percent": f"http://%31%32%37.0.0.1{on}", "full-width digits": f"http://１２７.0.0.1{on}", "circled digits": f"http://①②⑦.0.0.1{on}",
        "a wide dot": f"http://127。0。0。1{on}", "a tab": f"ht\ttp://127.0.0.1{on}", "a line end": f"http://127.0.0.1{on}\r\nHost: x",
        "a space before": f" http://127.0.0.1{on}", "no scheme": f"//127.0.0.1{on}", "one slash": f"http:/127.0.0.1{on}",
        "no slash": f"http:127.0.0.1{on}", "rebinding": f"http://127.0.0.1.nip.io{on}", "rebinding by name": f"http://localtest.me{on}",
        "a redirect": f"http://127.0.0.1:{port}/redirect?to={quote(url)}", "ftp": f"ftp://127.0.0.1{on}", "gopher": f"gopher://127.0.0.1:{port}/_GET",
        "dict": f"dict://127.0.0.1:{port}/d:x", "data": "data:image/tiff;base64,SUkqAA==", "jar": f"jar:http://127.0.0.1{on}!/s.tif",
        "s3": "s3://other-bucket/s.tif", "gs": "gs://other-bucket/s.tif", "azure": "az://other/s.tif",
        "vsicurl": f"/vsicurl/http://127.0.0.1{on}", "vsicurl with options": f"/vsicurl?url=http%3A%2F%2F127.0.0.1{quote(on)}",
        "vsis3": "/vsis3/other-bucket/s.tif", "vsizip of vsicurl": f"/vsizip//vsicurl/http://127.0.0.1{on}/s.tif",
        "vsisubfile": f"/vsisubfile/0_10,{secret}", "zip+": f"zip+http://127.0.0.1{on}!s.tif", "zip of a file": f"zip://{secret}!s.tif",
        "GDAL's own prefix": f"GTIFF_DIR:1:{secret}", "a WMS in a name": f"WMS:http://127.0.0.1{on}?LAYERS=x", "a file on a host": f"file://127.0.0.1{secret}",
        "a secret file": secret, "file://": f"file://{secret}", "up and out": f"/../../..{secret}", "a VRT in a name": f"vrt://{secret}",
    }  # fmt: skip
