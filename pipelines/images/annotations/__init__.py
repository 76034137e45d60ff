"""Lists of images with classes and boxes, from folders, CSV, COCO and VOC files."""
