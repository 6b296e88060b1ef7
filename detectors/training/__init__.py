"""From labelled images to weights and a model card."""
