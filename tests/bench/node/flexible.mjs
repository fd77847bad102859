// rate-limiter-flexible as its documentation shows it, asked by as many callers as the others have.

import Redis from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { run } from "./slices.mjs";

const [url, tasks, ids, points] = process.argv.slice(2);
const client = new Redis(url);
const limiter = new RateLimiterRedis({ storeClient: client, keyPrefix: "flexible", points: Number(points), duration: 1 });
await run(Number(tasks), () => limiter.consume(String(Math.floor(Math.random() * Number(ids)))));
client.disconnect();
