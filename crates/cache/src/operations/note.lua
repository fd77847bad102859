-- Adds uses to a ranking in which older uses weigh less, and keeps the most used.
-- KEYS[1] ranking: a sorted set
-- ARGV[1] now in µs, or empty for the server's clock; [2] half-life in ms; [3] how many to keep;
--   [4] lifetime in ms; then in twos: id, uses
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
-- A score is the logarithm of a weight as it would be at the epoch. Weights halve together, so that
-- scores stay as they are and in order while time passes.
local elapsed = now * (math.log(2) / (ARGV[2] * 1000))
for i = 5, #ARGV, 2 do
  local weight = tonumber(ARGV[i + 1])
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    -- Bounded, for a clock that steps far back.
    weight = weight + math.exp(math.min(score - elapsed, 30))
  end
  redis.call('ZADD', KEYS[1], string.format('%.17g', elapsed + math.log(weight)), ARGV[i])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return redis.call('ZCARD', KEYS[1])
