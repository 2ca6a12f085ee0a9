"""归集: calls and tickets that branch centres and departments took themselves (SMX 二(二)2, 二(三)3)."""
