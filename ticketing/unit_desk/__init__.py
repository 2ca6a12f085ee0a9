"""承办单位工作台: who of a unit works on what, and what waits for whom."""
