"""派单目录: the tree of categories, which unit a category of an area is for, and what is suggested from that."""
