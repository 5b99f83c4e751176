"""What beat sends: every so many seconds, and forgotten when no worker has taken it within so many."""


def _every(seconds: float, task: str, *, expires: int) -> dict[str, object]:
    return {"task": task, "schedule": seconds, "options": {"expires": expires}}


SCHEDULE = {
    "worker heartbeat": _every(5, "core.tasks.heartbeat", expires=10),
    "expire treats": _every(1, "treats.tasks.expire_treats", expires=5),
    "mark silent collars": _every(10, "devices.tasks.mark_silent", expires=10),
    "publish config again": _every(30, "devices.tasks.publish_config_again", expires=30),
    "resume stalled batches": _every(10, "provisioning.tasks.resume_stalled_batches", expires=10),
    "end trials": _every(5, "devices.tasks.end_trials", expires=5),
    "sync broker": _every(60, "devices.tasks.sync_broker", expires=60),
    "fleet hours": _every(60, "staff.tasks.count_fleet_hours", expires=60),
    "forget answers": _every(15, "core.tasks.forget_answers", expires=15),
    "note time": _every(60, "core.tasks.note_time", expires=60),
    "prune": _every(3600, "staff.tasks.prune", expires=600),
    "partitions": _every(3600, "telemetry.tasks.make_partitions", expires=600),
}
