// rate-limiter-flexible as its documentation shows it, asked by as many callers as the others have.
//
// Reads slices from the standard input, a line each: the milliseconds of warm-up and of measuring.
// Answers each with a line: calls measured, microseconds, all calls, microseconds in all, calls that failed.

import { createInterface } from "node:readline";
import Redis from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";

const [url, tasks, ids, points] = process.argv.slice(2);
const client = new Redis(url);
const limiter = new RateLimiterRedis({ storeClient: client, keyPrefix: "flexible", points: Number(points), duration: 1 });
const micros = () => Number(process.hrtime.bigint() / 1000n);

async function slice(warmUp, measured) {
  const began = micros();
  const from = began + warmUp * 1000;
  const to = from + measured * 1000;
  let [before, within, failed] = [0, 0, 0];
  const call = async () => {
    for (;;) {
      const now = micros();
      if (to <= now) return;
      try {
        await limiter.consume(String(Math.floor(Math.random() * Number(ids))));
        if (now < from) before += 1;
        else within += 1;
      } catch {
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Number(tasks) }, call));
  const ended = micros();
  return [within, ended - from, before + within, ended - began, failed];
}

for await (const line of createInterface({ input: process.stdin })) {
  const [warmUp, measured] = line.split(" ").map(Number);
  console.log((await slice(warmUp, measured)).join(" "));
}
client.disconnect();
