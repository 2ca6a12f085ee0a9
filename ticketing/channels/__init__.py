"""受理渠道: the ways in which demands come in without a call (TH 3, 8)."""
