import pytest
import torch

from jagawana.detectors.classes import LandClass
from jagawana.detectors.receptive import halo_px, receptive_radius_px
from jagawana.detectors.unet import UNet


def network(*, poolings: int = 3, bands: int = 4) -> UNet:
    """An untrained network whose every connection carries: positive weights, so that no ReLU hides one."""
    torch.manual_seed(0)
    net = UNet(bands=bands, classes=len(LandClass), base=4, poolings=poolings).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.uniform_(module.weight, 0.01, 0.1)
    return net


@pytest.mark.parametrize("poolings", [1, 2, 3])
def test_the_computed_radius_is_how_far_a_pixel_really_reaches(poolings: int) -> None:
    net = network(poolings=poolings).double()
    radius, grid = receptive_radius_px(poolings), 2**poolings
    pixels = torch.zeros(1, 4, 20 * grid, 20 * grid, dtype=torch.float64)
    reach = 0
    with torch.inference_mode():
        before = net(pixels)
        for phase in range(grid):
            touched = pixels.clone()
            at = 10 * grid + phase
            touched[0, :, at, at] = 1e6
            moved = ((net(touched) - before).abs().amax(dim=(0, 1)) > 0).nonzero()
            reach = max(reach, int((moved - at).abs().max()))
    assert reach == radius
    assert halo_px(poolings) >= radius and halo_px(poolings) % grid == 0


def test_three_poolings_need_a_halo_of_56_px() -> None:
    assert (receptive_radius_px(3), halo_px(3)) == (51, 56)


def test_the_shipped_shape_has_half_a_million_parameters() -> None:
    assert sum(p.numel() for p in UNet(bands=6, classes=6).parameters()) == 488_518
