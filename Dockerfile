FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/longshore && /opt/longshore/bin/pip install --no-cache-dir --constraint constraints.txt '.[postgres,speed]'

FROM python:3.13-slim
COPY --from=build /opt/longshore /opt/longshore
RUN useradd --system --home-dir /var/lib/longshore --create-home longshore
USER longshore
WORKDIR /var/lib/longshore
ENV PATH=/opt/longshore/bin:$PATH LONGSHORE_HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz')"]
CMD ["longshore", "serve"]
