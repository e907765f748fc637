"""Pages and figures beside the scheduler: luigid, the calendar, Prometheus figures."""
