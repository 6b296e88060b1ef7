"""An environment of its own for each peer, with nothing but the usual package index.

    python benchmarks/inference/setup.py geo-inference          # or: terratorch, omnicloudmask, torchgeo, all

Peers pin versions against each other, so each gets a virtual environment in build/peers/. What the project's own environment
already has (torch above all, 5 GB with its libraries) is not installed again: a path file puts it last on the peer's path.
"""

import argparse
import subprocess
import sys
import sysconfig
from pathlib import Path

from peers import PEERS, Peer

TORCH = "torch==2.13.0", "torchvision==0.28.0"
"""The same torch for every peer and for us: the kernels must not differ by version."""


def install(peer: Peer, folder: Path) -> None:
    """Make the peer's environment, or bring an old one up to date."""
    home = folder / peer.name
    if not (home / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    _share(home)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(TORCH) + "\n")
    subprocess.run(
        [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", constraints, *peer.requirements], check=True
    )


def _share(home: Path) -> None:
    """Folders named in a .pth file come after the environment's own: what pip installs there wins."""
    own = Path(
        subprocess.check_output([home / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip()
    )
    (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")


def main() -> None:
    """Install the named peers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=[*PEERS, "all"])
    parser.add_argument("--envs", type=Path, default=Path("build/peers"))
    chosen = parser.parse_args()
    chosen.envs.mkdir(parents=True, exist_ok=True)
    for peer in PEERS.values() if chosen.peer == "all" else [PEERS[chosen.peer]]:
        install(peer, chosen.envs.resolve())
        print(f"{peer.name}: {chosen.envs / peer.name}")


if __name__ == "__main__":
    main()
