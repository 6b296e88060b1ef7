"""`jagawana evaluate --dataset`: any folder of images and masks, scored as a detector reads them."""
