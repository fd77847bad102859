// Whether the testkit's bridge speaks the REST protocol as its official client expects it.
//
// UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN name the bridge. The same runs against the service
// itself; it leaves nothing behind but keys under `conformance:` that end after a minute.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Redis } from "@upstash/redis";

const url = process.env.UPSTASH_REDIS_REST_URL;
const token = process.env.UPSTASH_REDIS_REST_TOKEN;
const redis = new Redis({ url, token, enableTelemetry: false, retry: false, automaticDeserialization: false });
const key = (name) => `conformance:${randomUUID()}:${name}`;

const claims = {
  async "a ping is answered"() {
    assert.equal(await redis.ping(), "PONG");
  },

  async "text comes back as it was sent"() {
    const text = "grüße 🦊 \"\\\u0000\n OK";
    const at = key("text");
    assert.equal(await redis.set(at, text, { ex: 60 }), "OK");
    assert.equal(await redis.get(at), text);
    assert.equal(await redis.get(key("absent")), null);
  },

  async "a value that looks like a status is a value"() {
    const at = key("ok");
    await redis.set(at, "OK", { ex: 60 });
    assert.equal(await redis.get(at), "OK");
    assert.deepEqual(await redis.mget(at, key("absent")), ["OK", null]);
  },

  async "numbers, lists and hashes keep their form"() {
    const [count, list, hash] = [key("count"), key("list"), key("hash")];
    assert.equal(await redis.incrby(count, 41), 41);
    assert.equal(await redis.rpush(list, "a", "b"), 2);
    assert.deepEqual(await redis.lrange(list, 0, -1), ["a", "b"]);
    assert.equal(await redis.hset(hash, { field: "value" }), 1);
    assert.equal(await redis.hget(hash, "field"), "value");
    await redis.del(count, list, hash);
  },

  async "scripts run by source and by digest"() {
    const source = `return { KEYS[1], ARGV[1], #ARGV, redis.call('PTTL', KEYS[1]) } -- ${randomUUID()}`;
    const at = key("script");
    assert.deepEqual(await redis.eval(source, [at], ["x"]), [at, "x", 1, -2]);
    const digest = await redis.scriptLoad(source);
    assert.deepEqual(await redis.evalsha(digest, [at], ["x"]), [at, "x", 1, -2]);
    await assert.rejects(redis.evalsha("0".repeat(40), [], []), /NOSCRIPT/);
  },

  async "a walk meets every name"() {
    const at = key("walk");
    await redis.set(at, "x", { ex: 60 });
    let [cursor, met] = ["0", []];
    do {
      const [next, names] = await redis.scan(cursor, { match: `${at}*`, count: 100 });
      [cursor, met] = [String(next), met.concat(names)];
    } while (cursor !== "0");
    assert.deepEqual(met, [at]);
  },

  async "commands of one request are answered each"() {
    const at = key("pipeline");
    const pipeline = redis.pipeline();
    pipeline.set(at, "x", { ex: 60 });
    pipeline.incr(at);
    pipeline.get(at);
    const [set, incr, get] = await pipeline.exec({ keepErrors: true });
    assert.equal(set.result, "OK");
    assert.match(incr.error, /^ERR value is not an integer/);
    assert.equal(get.result, "x");
  },

  async "commands of one step are all carried out, or none"() {
    const at = key("multi");
    const multi = redis.multi();
    multi.set(at, "1", { ex: 60 });
    multi.incr(at);
    assert.deepEqual(await multi.exec(), ["OK", 2]);
  },

  async "an error says what the server said"() {
    const at = key("type");
    await redis.rpush(at, "a");
    await assert.rejects(redis.get(at), /WRONGTYPE/);
    await redis.del(at);
    const stranger = new Redis({ url, token: `${token}x`, enableTelemetry: false, retry: false });
    await assert.rejects(stranger.ping(), /WRONGPASS|Unauthorized/);
  },

  async "answers without the encoding are text"() {
    const plain = new Redis({ url, token, enableTelemetry: false, retry: false, responseEncoding: false });
    const at = key("plain");
    await plain.set(at, "grüße", { ex: 60 });
    assert.equal(await plain.get(at), "grüße");
  },
};

for (const [claim, holds] of Object.entries(claims)) {
  await holds();
  console.log(`ok: ${claim}`);
}
