FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/zeblit ./cmd/zeblit \
 && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/zeblit /zeblit
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV ZEBLIT_ADDR=0.0.0.0:8080 ZEBLIT_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/zeblit"]
CMD ["serve"]
