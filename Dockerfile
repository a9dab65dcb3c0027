# The factory's own image: the orchestrator, the sandbox runner, the migrations and the recorded model, each as its command says.
#   docker build -t millwright/factory .
# BASE_IMAGE is a Debian with Node 24 and npm. Where no registry can be reached, `npm run compose:init` makes one from Debian's packages.
ARG BASE_IMAGE=node:24.11.1-bookworm-slim

# What says which packages there are, and nothing else: the next step is done anew only where that changed.
FROM ${BASE_IMAGE} AS manifests
USER root
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

# What npm installs, without what only development needs.
FROM ${BASE_IMAGE} AS packages
USER root
WORKDIR /app
COPY --from=manifests /app /app
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund --include-workspace-root=false \
      --workspace=apps/orchestrator --workspace=apps/sandbox-runner \
 && npm cache clean --force

# The console as static files, by what only that needs.
FROM ${BASE_IMAGE} AS console
USER root
WORKDIR /app
COPY --from=manifests /app /app
RUN npm ci --ignore-scripts --no-audit --no-fund --include-workspace-root=false --workspace=apps/console \
 && npm cache clean --force
COPY tsconfig.base.json .
COPY apps/console apps/console
COPY libs libs
RUN node node_modules/vite/bin/vite.js build apps/console

FROM ${BASE_IMAGE}
USER root
WORKDIR /app
# git and ssh for remotes, iproute2 to raise a sandbox's loopback; mount(8), tar(1) and nsenter(1) are there.
RUN command -v git ssh ip >/dev/null || { \
      apt-get update && apt-get install -y --no-install-recommends ca-certificates git iproute2 openssh-client \
      && rm -rf /var/lib/apt/lists/*; }
COPY --from=packages /app /app
COPY apps apps
COPY --from=console /app/apps/console/.built apps/console/.built
COPY libs libs
COPY tools/compose tools/compose
ENV NODE_ENV=production
ENTRYPOINT ["/app/tools/compose/entrypoint.sh"]
