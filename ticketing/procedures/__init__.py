"""法定程序, 补充询问, 不可抗力: what a unit's time depends on beside the limits of the regulation (TH 16)."""
