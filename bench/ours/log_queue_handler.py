"""The standard library's way to log without waiting: QueueHandler; its listener throws away."""

import logging
import queue
from logging.handlers import QueueHandler, QueueListener

from bench.log_contest import logger_of, serve_calls

if __name__ == "__main__":
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    listener = QueueListener(records, logging.NullHandler())
    listener.start()
    serve_calls(logger_of(QueueHandler(records)))
    listener.stop()
