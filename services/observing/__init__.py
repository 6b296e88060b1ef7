"""What operators see of the service: metrics, traces, logs, health. Nothing here changes what is done."""
