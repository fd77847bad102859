-- The most used of a ranking, with their weights in thousandths of a use.
-- KEYS[1] ranking: a sorted set
-- ARGV[1] now in µs, or empty for the server's clock; [2] half-life in ms; [3] how many
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local elapsed = now * (math.log(2) / (ARGV[2] * 1000))
local ranked = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[3] - 1, 'WITHSCORES')
for i = 2, #ranked, 2 do
  ranked[i] = math.floor(1000 * math.exp(math.min(ranked[i] - elapsed, 30)) + 0.5)
end
return ranked
