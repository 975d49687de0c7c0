"""The application of Celery, for its workers and for whoever sends to them; needs requirements-scale.txt."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfsite.settings")

from django.conf import settings

app = Celery("wfsite")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    include=["flows.worker"],
    # A message holds the number of a run; what became of it stands in the run's row.
    accept_content=["json"],
    task_ignore_result=True,
    task_default_queue="flows",
    # A message is done when its run has stopped; when a process dies under it, another one has a look at once.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # No message waits behind a long run while another process is free.
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=settings.WORKER_MAX_RUNS,
    worker_max_memory_per_child=settings.WORKER_MAX_MEMORY_MB * 1024,
    broker_connection_retry_on_startup=True,
    # Who asks for a run is told at once that the broker is down; the run waits in its row.
    broker_connection_timeout=2,
    # Once more at once: a connection that was kept breaks when the broker restarts.
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0},
    beat_scheduler="flows.beat:FlowScheduler",
    # Celery counts wrongly in a zone that sets its clocks; when flows are due is counted in the zone of each schedule.
    timezone="UTC",
    # There are no results that a periodic task would have to remove.
    result_expires=None,
    # A process keeps its connection to the database from one run to the next.
    CELERY_DB_REUSE_MAX=10_000,
)
if settings.CELERY_BROKER_URL.startswith("amqp"):
    app.conf.task_queue_max_priority = 9
    # A message counts as sent when the broker has it.
    app.conf.broker_transport_options = {"confirm_publish": True}
if settings.CELERY_BROKER_URL.startswith(("redis", "sentinel")):
    # A worker that died whole gives its messages back after five minutes. A run may take longer: then its message comes
    # once more, and is thrown away, because the run has an owner.
    app.conf.broker_transport_options = {
        "visibility_timeout": settings.CELERY_VISIBILITY_SECONDS,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
    }
