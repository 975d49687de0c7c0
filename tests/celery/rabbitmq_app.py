"""The application of this site once more, for the broker that the environment names when this is loaded."""

import runpy

import wfsite.celery

app = runpy.run_path(str(wfsite.celery.__file__))["app"]
