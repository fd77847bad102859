// redlock as its documentation shows it, on one server: a lock is taken and given back.

import Redis from "ioredis";
import Redlock from "redlock";
import { run } from "./slices.mjs";

const [url, tasks, ids, lease] = process.argv.slice(2);
const client = new Redis(url);
// No second try: who meets another caller at the same lock counts as failed, as few do among so many locks.
const redlock = new Redlock([client], { retryCount: 0 });
redlock.on("error", () => {});
await run(Number(tasks), async () => {
  const lock = await redlock.acquire([`redlock:{${Math.floor(Math.random() * Number(ids))}}`], Number(lease));
  await lock.release();
});
client.disconnect();
