# Where no registry is reachable, build from images of your own: both need Node.js 26 in PATH, the first one npm, too.
ARG BUILD_IMAGE=node:26-slim
ARG RUNTIME_IMAGE=node:26-slim

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No install scripts: no dependency of the operator needs one.
RUN npm ci --omit=dev --ignore-scripts

# kubectl-baseline, in one file.
FROM ${BUILD_IMAGE} AS cli
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tools/build-cli.ts tools/
COPY src src
RUN node tools/build-cli.ts

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="Security Baseline operator" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
COPY --from=cli /app/dist/kubectl-baseline /usr/local/bin/
# A number, so that the kubelet can tell that it is not root; nobody by convention, owner of nothing here.
USER 65532:65532
EXPOSE 8080
# Small generations: a fleet of 10,000 namespaces lives in 100 MiB of heap, and garbage is not to lie about in as much again.
# One of 50,000 needs a larger --max-old-space-size (MiB); see docs/performance.md.
ENTRYPOINT ["node", "--max-semi-space-size=4", "--max-old-space-size=256", "src/main.ts"]
