# One static program, and git for merges: docker build -t zeblit .
FROM docker.io/library/node:20-bookworm-slim AS web
WORKDIR /src
COPY package.json package-lock.json tsconfig.base.json ./
COPY web web
COPY examples/apollo-react/package.json examples/apollo-react/
COPY examples/graphql-ws-node/package.json examples/graphql-ws-node/
RUN npm ci --workspace @zeblit/explorer --no-audit --no-fund \
 && npm run build --workspace @zeblit/explorer

FROM docker.io/library/golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/zeblit ./cmd/zeblit \
 && mkdir /out/data

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/zeblit /zeblit
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV ZEBLIT_ADDR=0.0.0.0:8080 ZEBLIT_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/zeblit", "health"]
ENTRYPOINT ["/zeblit"]
CMD ["serve"]
