# One image for the web, the workers, the scheduler and the sweep; compose.yaml starts them.
FROM python:3.11-slim-bookworm AS packages
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config libmariadb-dev
WORKDIR /srv/wfsite
COPY requirements.txt requirements-scale.txt requirements-web.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir -r requirements.txt -r requirements-scale.txt -r requirements-web.txt

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libmariadb3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home wfsite \
    && install -d -o wfsite /var/log/wfsite
WORKDIR /srv/wfsite
ENV PATH=/srv/wfsite/.venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_DIR=/var/log/wfsite SERVE_STATIC=on
COPY --from=packages /srv/wfsite/.venv .venv
COPY manage.py ./
COPY wfsite wfsite
COPY flows flows
COPY templates templates
COPY procedures procedures
# The key is for this one command.
RUN SECRET_KEY=$(python -c 'import secrets; print(secrets.token_urlsafe(50))') python manage.py collectstatic --no-input
USER wfsite
CMD ["gunicorn", "wfsite.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--no-control-socket"]
