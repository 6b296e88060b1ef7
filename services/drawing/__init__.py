"""What all plots share."""
