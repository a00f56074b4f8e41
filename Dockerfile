# voltbridge on Node 24. Build: docker build -t voltbridge .   Run: see README, "In a container".
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
# glibc gives the memory of large texts back at once (docs/performance.md).
ENV NODE_ENV=production MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=262144
WORKDIR /voltbridge
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/bin ./bin
COPY --from=build /build/registry ./registry
RUN mkdir configs data && chown node:node data
USER node
VOLUME ["/voltbridge/data", "/voltbridge/configs"]
# Asks the running bridge over MQTT, with the broker of its own config; ends with 1 where it is not online.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s CMD ["bin/voltbridge", "status", "--json"]
ENTRYPOINT ["bin/voltbridge"]
CMD ["run"]
