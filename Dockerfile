# One image for web, worker and scheduler; docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home portal

WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data

COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
# The addresses are for this step only: collecting files asks no service, yet production refuses
# to start without them.
RUN mkdir /data && chown portal /data \
    && ENV=production SECRET_KEY=only-to-collect-static-files-never-to-serve-a-page-anywhere \
       DATABASE_URL=postgres://build@127.0.0.1/build REDIS_URL=redis://127.0.0.1/0 \
       PORTAL_URL=https://build.invalid EMAIL_URL=smtp://127.0.0.1:25 \
       SEALING_KEYS=build:b25seS10by1jb2xsZWN0LXN0YXRpYy1maWxlcy1oZXI= \
       SEALING_INDEX_KEY=only-to-collect-static-files-never-to-find-an-account \
       python manage.py collectstatic --noinput --verbosity 0

USER portal
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "po_portal.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--timeout", "60", "--no-control-socket"]
