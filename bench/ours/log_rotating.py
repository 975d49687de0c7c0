"""The standard library's file that rotates; for one process."""

import logging
from logging.handlers import RotatingFileHandler

from bench.log_contest import logger_of, serve_calls
from flows.log_format import FORMAT

if __name__ == "__main__":
    handler = RotatingFileHandler("bench.log", maxBytes=10 * 2**20, backupCount=10, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    serve_calls(logger_of(handler))
