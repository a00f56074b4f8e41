# voltbridge on Node 24. Build: docker build -t voltbridge .   Run: see README, "In a container".
# The version is that of the development dependency `node`. To pin the image's digest too: README, "In a container".
ARG NODE_IMAGE=node:24.21.0-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM ${NODE_IMAGE}
# glibc gives the memory of large texts back at once (docs/performance.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144
WORKDIR /voltbridge
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/bin ./bin
COPY --from=build /build/deploy/container ./deploy/container
COPY --from=build /build/registry ./registry
RUN mkdir configs data && chown node:node data
USER node
VOLUME ["/voltbridge/data", "/voltbridge/configs"]
# Reports only: Docker does not restart an unhealthy container by itself, and a bridge whose broker is away must go on queueing.
HEALTHCHECK --interval=30s --timeout=15s --start-period=30s CMD ["node", "deploy/container/health.mjs"]
ENTRYPOINT ["bin/voltbridge"]
CMD ["run"]
