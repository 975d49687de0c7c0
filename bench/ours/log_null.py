"""The limit: a record that is made and thrown away."""

import logging

from bench.log_contest import logger_of, serve_calls

if __name__ == "__main__":
    serve_calls(logger_of(logging.NullHandler()))
