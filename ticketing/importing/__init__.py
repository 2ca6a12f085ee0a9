"""Import of an old system's tickets, units and knowledge (历史数据导入): from files, repeatable, with a trial."""
