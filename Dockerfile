# One stage builds, the other is what runs: Node.js, the libraries that it loads, and two files of JavaScript. docs/guides/releases.md
# tells what is in it. `make image` builds it with whatever the machine has.
#
# BUILD_IMAGE needs the Node.js of package.json with npm, and strip. RUNTIME_IMAGE needs nothing; what it has is in the image, too.
ARG BUILD_IMAGE=node:26.10.0
ARG RUNTIME_IMAGE=scratch

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install scripts: nothing that is bundled, nor the bundler, needs one.
RUN npm ci --ignore-scripts
COPY LICENSE ./
COPY src src
COPY tools tools
RUN node tools/build-operator.ts && node tools/build-cli.ts
ARG SOURCE_DATE_EPOCH=0
RUN node tools/image/rootfs.ts /rootfs

FROM ${RUNTIME_IMAGE}
# That of package.json: make image gives it.
ARG VERSION
LABEL org.opencontainers.image.title="Security Baseline operator" \
      org.opencontainers.image.description="Keeps selected Kubernetes namespaces at the security baseline their platform team declared" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /rootfs /
ENV NODE_ENV=production
# A number, so that the kubelet can tell that it is not root; nobody by convention, owner of nothing here.
USER 65532:65532
EXPOSE 8080
# Small generations: a fleet of 10,000 namespaces lives in 100 MiB of heap, and garbage is not to lie about in as much again.
# One of 50,000 needs a larger --max-old-space-size (MiB); see docs/performance.md. The warning is of a dependency's use of
# `punycode`, and would be a line in the log that is not JSON.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--max-old-space-size=256", "--disable-warning=DEP0040", "/app/security-baseline-operator.mjs"]
