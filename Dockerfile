# A static binary that runs as nobody. Build the playground first where npm is
# at hand (make console); without it /playground says what is missing.
#
#   docker build -t logbook .
#   docker run -p 8080:8080 -v logbook:/data logbook
FROM golang:1.26 AS build
WORKDIR /source
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /logbook . && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /logbook /logbook
COPY --from=build --chown=65534:65534 /data /data
USER 65534:65534
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENV LOGBOOK_ADDR=0.0.0.0:8080 LOGBOOK_DB=sqlite:/data/logbook.db
ENTRYPOINT ["/logbook"]
