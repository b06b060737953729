"""Reports: recorded here, sent to a coordinator, answered by one."""
