"""The picture of a country or a province: what is recorded, on what ground, how many people live near."""
