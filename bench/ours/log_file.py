"""Our file: it rotates, for any number of processes, and each record is one line."""

from bench.log_contest import logger_of, serve_calls
from flows.log_context import RunContextFilter
from flows.log_file import LogFileHandler
from flows.log_format import LineFormatter

if __name__ == "__main__":
    handler = LogFileHandler("bench.log", maxBytes=10 * 2**20, backupCount=10)
    handler.setFormatter(LineFormatter())
    handler.addFilter(RunContextFilter())
    serve_calls(logger_of(handler))
