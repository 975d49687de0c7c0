"""The task that the queue benchmark compares with: it does nothing."""

from celery import shared_task


@shared_task(name="bench.noop")
def noop(number: int) -> None:
    """Take a number."""
