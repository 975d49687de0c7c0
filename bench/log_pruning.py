"""What runs in the pruner's process: it removes the older rows of DATABASE_URL one way, and prints the seconds."""
# ruff: noqa: E402  (models can be imported when Django is loaded)

import json
import sys
from time import perf_counter

import django

django.setup()

from flows.models import SysLog
from flows.retention.log_rows import Rule, prune


def main() -> None:
    way, share = sys.argv[1], float(sys.argv[2])
    newest, oldest = (SysLog.objects.order_by(key)[0].created_at for key in ("-id", "id"))
    before = oldest + (newest - oldest) * share
    longest, removed = 0.0, 0
    began = last = perf_counter()
    if way == "one DELETE":
        removed, _ = SysLog.objects.filter(created_at__lt=before).delete()
        longest = perf_counter() - began
    else:
        for progress in prune(Rule(before, before)):
            now = perf_counter()
            longest, last = max(longest, now - last), now
            removed = progress.rows.total()
    print(json.dumps({"seconds": perf_counter() - began, "rows": removed, "longest": longest}))


if __name__ == "__main__":
    main()
