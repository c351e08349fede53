# The image of servers and workers; compose.yaml combines them, docs/deployment/README.md has the
# settings.
FROM python:3.11-slim AS build
WORKDIR /opt/basket
COPY requirements/serve.txt requirements/serve.txt
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements/serve.txt

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin basket \
    && install -d -o basket /var/lib/basket
WORKDIR /opt/basket
COPY --from=build /opt/basket/.venv .venv
COPY *.py ./
COPY commands commands
COPY commerce commerce
COPY identity identity
COPY models models
COPY resolvers resolvers
COPY schema schema
COPY settings settings
COPY tasks tasks
COPY web web
# The user may not write what Python compiles, and would compile anew at each start.
RUN .venv/bin/python -m compileall -q -x '/\.venv/' .
ENV PATH=/opt/basket/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 EXPORT_URL=/var/lib/basket/exports
USER 10001
EXPOSE 8000
VOLUME /var/lib/basket
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/healthz\", timeout=2)"]
CMD ["python", "server.py", "serve"]
