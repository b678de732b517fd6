"""An app of the project itself: its name is nobody's business."""
