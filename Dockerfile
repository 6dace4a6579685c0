# Two stages: build with Rust, run with nothing but the binary, its runbooks, and a user that is not root.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Static, so that the second stage needs no libc; SQLite is compiled in.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --release --locked --bin devops-agent --target x86_64-unknown-linux-gnu \
    && cp target/x86_64-unknown-linux-gnu/release/devops-agent /devops-agent \
    && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /devops-agent /usr/bin/devops-agent
COPY runbooks /etc/devops-agent/runbooks
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV DEVOPS_AGENT__HTTP__LISTEN=0.0.0.0:9099 \
    DEVOPS_AGENT__JOURNAL__PATH=/data/devops-agent.db \
    DEVOPS_AGENT__RUNBOOKS__FOLDER=/etc/devops-agent/runbooks
EXPOSE 9099
LABEL devops-agent.service=devops-agent devops-agent.protected=true
ENTRYPOINT ["/usr/bin/devops-agent"]
CMD ["serve"]
