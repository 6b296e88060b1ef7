"""The peers: what to install, and which file here calls their own inference function."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """One peer.

    Attributes:
        name: as on the package index.
        engine: the file in peer/ that runs in the peer's environment.
        requirements: what pip installs.
        method: how it goes over an image, for the table.
    """

    name: str
    engine: str
    requirements: tuple[str, ...]
    method: str


PEERS = {
    peer.name: peer
    for peer in (
        Peer("geo-inference", "with_geo_inference.py", ("geo-inference==3.2.4",), "1024 px patches, half a patch apart, Hann window"),
        Peer("terratorch", "with_terratorch.py", ("terratorch==1.2.11",), "224 px chips, 192 apart, batches of 16, cosine blend"),
        Peer("omnicloudmask", "with_omnicloudmask.py", ("omnicloudmask==1.8.1",), "1024 px patches overlapping by 300, linear blend"),
        Peer("torchgeo", "with_torchgeo.py", ("torchgeo==0.8.1",), "256 px chips, no overlap (seams stay), batches of 16"),
    )
}
