"""协调: meetings about matters of many units (联席会议, 专题协调会), and the unit that had one first (首接负责)."""
