# syntax=docker/dockerfile:1
# Two stages: the wheel is built with the build tools, and only it comes into the image that runs.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY importer ./importer
COPY sheet_templates ./sheet_templates
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="importer" \
      org.opencontainers.image.description="Fill in a spreadsheet, push it to Prolific, get the IDs back" \
      org.opencontainers.image.licenses="MIT"
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    IMPORTER_STATE=/state
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN python -m pip install --constraint /tmp/constraints.txt /wheels/*.whl \
    && rm -rf /wheels /tmp/constraints.txt \
    && useradd --create-home --uid 1000 researcher \
    && install --directory --owner researcher --mode 700 /state
USER 1000:1000
# The journal must outlive the container: mount a volume on /state, and the workbooks on /work.
VOLUME /state
WORKDIR /work
ENTRYPOINT ["importer"]
CMD ["--help"]
