"""The U-Net's inference loop: windows cut into blocks, each computed once by one of two runtimes, torch or OpenVINO."""
