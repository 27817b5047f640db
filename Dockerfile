# syntax=docker/dockerfile:1

# One static binary in an empty image, for every platform by cross-compilation:
#   docker buildx build --platform linux/amd64,linux/arm64 -t identity .
# See docs/operations.md.
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags '-s -w' -o /out/identity ./cmd/identity \
 && mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

FROM scratch
# Roots of trust, for fetches that the provider makes (SSL_CERT_FILE overrides).
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/identity /identity
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp

# GATEWAY_ISSUER and GATEWAY_KEY_ENCRYPTION_KEYS come from whoever runs it, and
# GATEWAY_POSTGRES_DSN unless the database is the file below.
ENV GATEWAY_SQLITE_PATH=/data/identity.db \
    GATEWAY_LISTEN=:8080
USER 65532:65532
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/identity", "healthcheck"]
ENTRYPOINT ["/identity"]
CMD ["serve"]
