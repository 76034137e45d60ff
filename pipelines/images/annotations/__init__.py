"""Folders, tables, COCO and VOC files to lists of images with classes and boxes."""
