"""The peers: what to install, and which module here calls their own inference function."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """One peer.

    Attributes:
        name: as on the package index.
        module: the file beside this one that runs in the peer's environment.
        requirements: what pip installs.
        constraints: versions that its dependencies must have to run on Python 3.11 at all.
    """

    name: str
    module: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()


PEERS = {
    peer.name: peer
    for peer in (
        Peer("geo-inference", "peer_geo_inference", ("geo-inference==3.2.4",)),
        Peer("terratorch", "peer_terratorch", ("terratorch",)),
        Peer("omnicloudmask", "peer_omnicloudmask", ("omnicloudmask==1.8.1",)),
        Peer("torchgeo", "peer_torchgeo", ("torchgeo==0.8.1",)),
    )
}
