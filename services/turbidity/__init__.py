"""The edge of detectors/turbidity: scenes, river lines, the store's mined area and tables in; CSV, JSON and a picture out."""
